"""Parquet read back with DuckDB: types, 64-bit numbers, hostile text, and a folder that appears whole."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile

import duckdb
import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowmap.errors import FlowMapError
from flowmap.export import document, write
from flowmap.export.parquet import MEMBERS, read_parquet
from flowmap.export.safe_text import unescape
from tests.export.graphs import FULL_64_BIT, HOSTILE, empty_graph, make_graph, named_graph

INT64 = (1 << 63) - 1


def rows(path, query="*"):
    with duckdb.connect() as database:
        found = database.execute(f"SELECT {query} FROM read_parquet(?)", [str(path)])
        return [dict(zip([column[0] for column in found.description], row, strict=True)) for row in found.fetchall()]


def types(path):
    with duckdb.connect() as database:
        described = database.execute("DESCRIBE SELECT * FROM read_parquet(?)", [str(path)]).fetchall()
    return {name: kind for name, kind, *_ in described}


@pytest.mark.parametrize("graph", [make_graph(), named_graph(HOSTILE), empty_graph()], ids=["real", "hostile", "empty"])
def test_read_back_equal(graph, tmp_path):
    write(graph, tmp_path / "map.parquet")
    assert {path.name for path in (tmp_path / "map.parquet").iterdir()} == set(MEMBERS)
    assert nx.utils.graphs_equal(read_parquet(tmp_path / "map.parquet"), graph)
    assert [path.name for path in tmp_path.iterdir()] == ["map.parquet"]


def test_the_name_of_a_folder_is_no_column(tmp_path):
    folder = tmp_path / "host=esx-01"
    folder.mkdir()
    write(make_graph(), folder / "map.parquet")
    assert nx.utils.graphs_equal(read_parquet(folder / "map.parquet"), make_graph())


@pytest.mark.parametrize(("name", "beside"), [("site-?", "site-1"), ("*", "site"), ("[s]ite", "site"), ("a[b", "ab")])
def test_the_name_of_a_folder_is_no_pattern(tmp_path, name, beside):
    for folder in (name, beside):
        (tmp_path / folder).mkdir()
    write(make_graph(), tmp_path / name / "map.parquet")
    write(empty_graph(), tmp_path / beside / "map.parquet")
    assert nx.utils.graphs_equal(read_parquet(tmp_path / name / "map.parquet"), make_graph())


@settings(max_examples=15, deadline=None)
@given(st.lists(st.text(), max_size=3, unique=True))
def test_any_names_read_back_equal(tmp_path_factory, texts):
    path = tmp_path_factory.mktemp("any") / "map.parquet"
    write(named_graph(texts), path)
    assert nx.utils.graphs_equal(read_parquet(path), named_graph(texts))


def test_columns_have_types_and_the_values_of_the_document(tmp_path):
    write(make_graph(), tmp_path / "map.parquet")
    edges, nodes = tmp_path / "map.parquet" / "edges.parquet", tmp_path / "map.parquet" / "nodes.parquet"
    wanted = document(make_graph())
    of_edges, of_nodes = types(edges), types(nodes)
    assert of_edges["wire_bytes"] == of_edges["first_seen_ns"] == of_nodes["packets"] == "BIGINT"
    assert of_edges["would_settle"] == of_nodes["ips"] == of_nodes["macs"] == of_nodes["segments"] == "VARCHAR[]"
    assert of_edges["evidence"] == of_edges["left_host"] == of_nodes["label"] == of_nodes["names"] == "VARCHAR"
    found = rows(nodes)
    assert [row["ips"] for row in found] == [node["ips"] for node in wanted["nodes"]]
    assert [unescape(row["label"]) for row in found] == [node["label"] for node in wanted["nodes"]]
    assert [row["host"] for row in found] == [node["host"] for node in wanted["nodes"]]
    found = rows(edges)
    assert [row["wire_bytes"] for row in found] == [edge["wire_bytes"] for edge in wanted["edges"]]
    assert [json.loads(row["services"]) for row in found] == [edge["services"] for edge in wanted["edges"]]
    (total,) = rows(edges, "sum(wire_bytes)::BIGINT AS total")
    assert total["total"] == wanted["graph"]["totals"]["unique_bytes"]


def test_64_bit_numbers_are_exact(tmp_path):
    graph = make_graph()
    for number, name in enumerate(("wire_bytes", "payload_bytes", "first_seen_ns")):
        for _, _, edge in graph.edges(data=True):
            edge[name] = INT64 - number
    write(graph, tmp_path / "map.parquet")
    found = rows(tmp_path / "map.parquet" / "edges.parquet", "DISTINCT wire_bytes, payload_bytes, first_seen_ns")
    assert found == [{"wire_bytes": INT64, "payload_bytes": INT64 - 1, "first_seen_ns": INT64 - 2}]
    assert FULL_64_BIT <= INT64


def test_a_zip_holds_the_same_folder_and_equal_maps_give_equal_files():
    first, second = io.BytesIO(), io.BytesIO()
    write(make_graph(), first, "parquet")
    write(make_graph(), second, "parquet")
    assert first.getvalue() == second.getvalue()
    assert zipfile.ZipFile(first).namelist() == list(MEMBERS)


def test_a_folder_of_an_earlier_map_is_replaced_and_any_other_is_left_alone(tmp_path):
    path = tmp_path / "map.parquet"
    write(empty_graph(), path)
    write(make_graph(), path)
    assert nx.utils.graphs_equal(read_parquet(path), make_graph())
    (path / "my-notes.txt").write_text("mine")
    with pytest.raises(FlowMapError, match="not a folder of a map"):
        write(empty_graph(), path)
    assert nx.utils.graphs_equal(read_parquet(path), make_graph())
    assert {one.name for one in path.iterdir()} == {*MEMBERS, "my-notes.txt"} and list(tmp_path.iterdir()) == [path]


def test_a_folder_that_cannot_be_filled_is_not_there(tmp_path):
    graph = make_graph()
    graph.nodes["vm:web-01"]["wire_bytes"] = 1 << 64
    with pytest.raises(FlowMapError, match="Cannot write"):
        write(graph, tmp_path / "map.parquet")
    assert list(tmp_path.iterdir()) == []


def test_other_formats_do_not_import_duckdb():
    code = "import sys, io, flowmap.export as e, flowmap.export.parquet; print('duckdb' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["False"]


@pytest.mark.parametrize("label_bytes", [10, 20 << 20], ids=["short rows", "a long row"])
def test_a_small_machine_can_write_it(label_bytes, tmp_path):
    """DuckDB takes memory by the longest row that it is told of: it must not be told of rows that nobody has."""
    script = (
        "import sys\nfrom pathlib import Path\nimport duckdb\n"
        "from flowmap.export import write\nfrom tests.export.graphs import make_graph\n"
        "connect = duckdb.connect\n"
        "duckdb.connect = lambda config: connect(config=config | {'memory_limit': '300MB'})\n"
        "graph = make_graph()\n"
        "graph.nodes[next(iter(graph))]['label'] = 'x' * int(sys.argv[2])\n"
        "write(graph, Path(sys.argv[1]))\n"
    )
    target = tmp_path / "map.parquet"
    command = [sys.executable, "-c", script, str(target), str(label_bytes)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    assert set(MEMBERS) == {path.name for path in target.iterdir()}
