"""The zip of CSV files: no cell runs in a spreadsheet, numbers stay numbers, all reads back equal."""

import csv
import io
import json
import re
import zipfile

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowmap.export.csv_zip import read_csv, write_csv
from flowmap.export.node_link import document
from tests.export.graphs import FULL_64_BIT, HOSTILE, empty_graph, make_graph, named_graph

awkward = st.lists(
    st.sampled_from(["'", '"', ";", ",", " ", "\t", "\r", "\n", "\x00", "=", "+", "-", "@", "\uff1d", "\u3000", "a"])
    | st.characters(exclude_categories=["Cs"])
).map("".join)


def zipped(graph) -> bytes:
    stream = io.BytesIO()
    write_csv(document(graph), stream)
    return stream.getvalue()


def member(content: bytes, name: str) -> str:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return archive.read(name).decode("utf-8")


def cells(text: str, delimiter: str = ",") -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))


def runs_in_a_spreadsheet(cell: str) -> bool:
    """OWASP's rule ("CSV Injection") for the first character, spaces and quotes aside."""
    return cell.lstrip(' "\u3000')[:1] in set("=+-@\t\r\n\0\uff1d\uff0b\uff0d\uff20")


@pytest.mark.parametrize("graph", [make_graph(), named_graph(HOSTILE)], ids=["realistic", "hostile"])
def test_read_back_equal(graph):
    assert nx.utils.graphs_equal(read_csv(io.BytesIO(zipped(graph))), graph)


def test_a_map_without_packets_reads_back_equal(tmp_path):
    path = tmp_path / "map.csv.zip"
    path.write_bytes(zipped(empty_graph()))
    assert nx.utils.graphs_equal(read_csv(path), empty_graph())


@settings(max_examples=60)
@given(st.lists(awkward, max_size=3, unique=True))
def test_any_names_read_back_equal_and_none_runs(texts):
    graph = named_graph(texts)
    content = zipped(graph)
    assert nx.utils.graphs_equal(read_csv(io.BytesIO(content)), graph)
    for name in ("nodes.csv", "edges.csv"):
        table = member(content, name)
        assert not any(runs_in_a_spreadsheet(cell) for row in cells(table) for cell in row)
        assert not any(
            runs_in_a_spreadsheet(cell)
            for row in cells(table, delimiter=";")
            for cell in row[1:]  # the first holds the row up to the first semicolon
        )


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("web-02", "web-02"),
        ("=1+1", "'=1+1"),
        ("  +1", "'  +1"),
        ("-1", "'-1"),
        ("@x", "'@x"),
        ("\uff1d1", "'\uff1d1"),
        ("\t=1", "'_x0009_=1"),
        ("\rx", "'_x000D_x"),
        ("\x00", "'_x0000_"),
        ("'=1", "''=1"),
        ("", "'"),
        ("a;=1", "a_x003B_=1"),
        ("a;b", "a;b"),
        ("a=1", "a=1"),
        ("\u202eb", "_x202E_b"),
    ],
)
def test_cells_as_documented(name, cell):
    table = member(zipped(named_graph([name])), "nodes.csv")
    labels = [row["label"] for row in csv.DictReader(io.StringIO(table, newline=""))]
    assert labels[-1] == cell


def test_files_are_rfc_4180_and_one_line_a_record():
    content = zipped(named_graph(HOSTILE))
    for name, records in (("nodes.csv", 8 + len(HOSTILE)), ("edges.csv", 6 + len(HOSTILE))):
        table = member(content, name)
        assert table.endswith("\r\n") and not table.startswith("\ufeff")
        assert table.count("\r\n") == table.count("\n") == table.count("\r") == 1 + records
        rows = cells(table)
        assert {len(row) for row in rows} == {len(rows[0])}
    assert cells(member(content, "edges.csv"))[0][:3] == ["source", "target", "initiator"]


def test_numbers_stand_bare_and_nulls_empty():
    edges = member(zipped(make_graph()), "edges.csv").splitlines()
    assert edges[1].startswith('"vm:web-01","vm:app-01","syn",3,1,1000,500,750,250,9,1760000000123456789,')
    node = member(zipped(make_graph()), "nodes.csv").splitlines()[1]
    assert node.endswith(f",{FULL_64_BIT},12")
    rows = {row["source"]: row for row in csv.DictReader(edges)}
    loop = rows["ip:default/192.0.2.1"]
    assert (loop["grade"], loop["undetermined_bytes"]) == ("", "60")
    assert json.loads(loop["would_settle"]) == ["a capture of vmnic1 on esx-01"]


def test_graph_json_says_that_the_map_is_incomplete():
    assert json.loads(member(zipped(make_graph()), "graph.json")) == make_graph().graph


def test_equal_graphs_give_equal_zips():
    content = zipped(make_graph())
    assert content == zipped(make_graph())
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert [info.filename for info in archive.infolist()] == ["nodes.csv", "edges.csv", "graph.json"]
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert archive.testzip() is None


def test_a_cell_beyond_the_reader_s_default_limit_reads_back_equal():
    graph = make_graph()
    graph.edges["vm:web-01", "vm:app-01"]["evidence"][0]["frames"] = list(range(1, 40_000))
    before = csv.field_size_limit()
    assert nx.utils.graphs_equal(read_csv(io.BytesIO(zipped(graph))), graph)
    assert csv.field_size_limit() == before


def test_what_is_no_zip_is_refused(tmp_path):
    path = tmp_path / "map.zip"
    path.write_bytes(b"id,label\r\n")
    with pytest.raises(zipfile.BadZipFile):
        read_csv(path)


def test_json_in_a_cell_needs_no_second_escape():
    table = member(zipped(named_graph(["a\u202eb"])), "nodes.csv")
    assert re.search(r'"\[""a\\u202eb"",""a\\u202eb""\]"', table)
