"""Tables on disk, and the bounds of the database that reads them."""

from __future__ import annotations

import subprocess
import sys

import duckdb
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowmap.packets import NO_TIME
from flowmap.store.opened import OpenResult
from flowmap.store.slices import Lane, SliceColumns
from flowmap.tables import Column, Table, confined, of_a_pattern, read_table, table_writer, write_table

TABLE = Table(
    "things",
    (
        Column("number", "BIGINT", -1), Column("time_ns", "BIGINT", NO_TIME), Column("mask", "UBIGINT"),
        Column("text", "VARCHAR"), Column("texts", "JSON VARCHAR[]"),
    ),
    order="mask DESC",
)  # fmt: skip


def test_values_come_back_and_missing_ones_are_null_in_the_file(tmp_path):
    rows = {
        "number": np.array([5, -1, 7]), "time_ns": np.array([NO_TIME, 2, 3]),
        "mask": np.array([1, 2**64 - 1, 3], np.uint64), "text": ["ä", None, ""], "texts": ['["a"]', "[]", '["b","c"]'],
    }  # fmt: skip
    write_table(table_writer(tmp_path), tmp_path, TABLE, rows)
    found = duckdb.sql(f"SELECT * FROM '{tmp_path}/things.parquet'").fetchall()
    assert found == [(None, 2, 2**64 - 1, None, []), (7, 3, 3, "", ["b", "c"]), (5, None, 1, "ä", ["a"])]
    back = read_table(table_writer(tmp_path), tmp_path, Table("things", TABLE.columns[:3]))
    assert back["number"].tolist() == [-1, 7, 5] and back["time_ns"].tolist() == [2, 3, NO_TIME]
    assert back["mask"].dtype == np.uint64


def test_a_column_whose_first_thousands_are_null_is_text(tmp_path):
    table = Table("sparse", (Column("text", "VARCHAR"),))
    write_table(table_writer(tmp_path), tmp_path, table, {"text": [None] * 5_000 + ["7"] + [None] * 5_000})
    assert duckdb.sql(f"SELECT count(text), max(text) FROM '{tmp_path}/sparse.parquet'").fetchall() == [(1, "7")]


@pytest.mark.parametrize("name", ["number=7", "text=x", "it's", "[a]", "a b", "$edges", "100%"])
def test_the_name_of_a_folder_changes_nothing(tmp_path, name):
    folder = tmp_path / name / "map"
    folder.mkdir(parents=True)
    given = {"number": [1, 2], "time_ns": [3, 4], "mask": [6, 5], "text": ["a", None], "texts": ["[]", '["b"]']}
    write_table(table_writer(folder), folder, TABLE, given)
    database = confined([folder], memory_bytes=64 << 20, threads=1, temporary=folder / "spilled")
    assert read_table(database, folder, TABLE)["number"].tolist() == [1, 2]
    (folder / "things.parquet").rename(folder / "edges.parquet")
    found = OpenResult(database, folder, {}).rows("SELECT * FROM read_parquet($edges)")
    assert found == [(1, 3, 6, "a", []), (2, 4, 5, None, ["b"])]


@pytest.mark.parametrize(("name", "beside", "character"), [("a*b", "axb", "*"), ("a?b", "axb", "?"), ("[a]", "a", "[")])
def test_a_folder_whose_name_is_a_pattern_is_known_and_what_matches_it_is_never_read(tmp_path, name, beside, character):
    given = {"number": [1, 2], "time_ns": [3, 4], "mask": [6, 5], "text": ["a", None], "texts": ["[]", '["b"]']}
    for folder in (tmp_path / name, tmp_path / beside):
        folder.mkdir()
        write_table(confined([folder], memory_bytes=64 << 20, threads=1, temporary=folder / "x"), folder, TABLE, given)
    folder = tmp_path / name
    assert (of_a_pattern(folder / "maps"), of_a_pattern(tmp_path / beside / "a]{b}'")) == (character, "")
    database = confined([folder], memory_bytes=64 << 20, threads=1, temporary=folder / "x")
    with pytest.raises(duckdb.PermissionException):  # of DuckDB as locked; once it takes names at their word, so can we
        read_table(database, folder, TABLE)


def test_a_table_for_which_there_is_no_room_says_so(tmp_path):
    program = (
        "import resource, signal, sys\n"
        "from pathlib import Path\n"
        "from flowmap.api.limits import resource_sentence\n"
        "from flowmap.settings import Settings\n"
        "from flowmap.tables import Column, Table, table_writer, write_table\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, 1 << 16))\n"
        "folder, table = Path(sys.argv[1]), Table('things', (Column('number', 'BIGINT'),))\n"
        "try:\n"
        "    write_table(table_writer(folder), folder, table, {'number': [n * n * n for n in range(100_000)]})\n"
        "except OSError as error:\n"
        "    print(resource_sentence(error, Settings()))\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, timeout=60)
    assert "FLOWMAP_JOB_DISK_BYTES" in done.stdout, done.stderr


def test_a_table_that_cannot_be_written_is_an_error_of_the_disk(tmp_path):
    with pytest.raises(OSError, match="things"):
        write_table(table_writer(tmp_path), tmp_path / "missing", TABLE, {c.name: [] for c in TABLE.columns})


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM read_text('/etc/hostname')",
        "SELECT * FROM read_parquet('/tmp/*.parquet')",
        "COPY (SELECT 1) TO '/tmp/flowmap-outside.csv'",
        "ATTACH '/tmp/flowmap-outside.db'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SELECT * FROM read_csv('https://127.0.0.1/x.csv')",
        "SET memory_limit = '100GB'",
        "SET enable_external_access = true",
        "SET allowed_directories = ['/']",
    ],
)
def test_the_database_stays_within_its_folder(tmp_path, statement):
    database = confined([tmp_path], memory_bytes=64 << 20, threads=1, temporary=tmp_path / "spilled")
    with pytest.raises(duckdb.Error):
        database.execute(statement).fetchall()


def test_a_question_that_is_too_large_ends_in_an_error_and_not_in_the_memory(tmp_path):
    database = confined([tmp_path], memory_bytes=64 << 20, threads=1, temporary=tmp_path / "spilled")
    with pytest.raises(duckdb.Error):
        database.execute("SELECT list(range) FROM range(1_000_000_000)").fetchall()


SIZES = st.dictionaries(st.integers(0, 50), st.integers(0, 10**6), min_size=1, max_size=20)


@given(SIZES, SIZES, st.integers(0, 100), st.integers(0, 100))
def test_the_parts_of_buckets_add_up_to_those_of_the_conversation(there, back, stayed_share, left_share):
    whole = sum(there.values()) + sum(back.values())
    stayed = whole * stayed_share // 100
    left = (whole - stayed) * left_share // 100
    lane = Lane(0, 0, 0, "mixed", False, whole, stayed, left)
    slices = SliceColumns()
    for sizes, from_source in ((there, True), (back, False)):
        slices.add(lane, {bucket: [1, size, 0] for bucket, size in sizes.items()}, from_source)
    slices.end(lane)
    columns = {name: np.asarray(values) for name, values in slices.given().items()}
    assert columns["stayed_bytes"].sum() == stayed and columns["left_bytes"].sum() == left
    assert columns["wire_bytes"].sum() == whole and columns["source_to_target_bytes"].sum() == sum(there.values())
    rest = columns["wire_bytes"] - columns["stayed_bytes"] - columns["left_bytes"]
    assert min(columns["stayed_bytes"].min(), columns["left_bytes"].min(), rest.min()) >= 0
    buckets = sorted({*there, *back})
    assert columns["bucket"].tolist() == buckets and columns["previous_bucket"].tolist() == [NO_TIME, *buckets[:-1]]
