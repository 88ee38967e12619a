"""Which format a file gets, and that it appears whole or not at all."""

import io
import json
import os
import resource
import stat
from concurrent.futures import ThreadPoolExecutor

import networkx as nx
import pytest

from flowmap.errors import FlowMapError, UsageError
from flowmap.export import FORMATS, check_identities, document, format_of, write
from flowmap.export.csv_zip import read_csv
from flowmap.export.gexf import read_gexf
from flowmap.export.graphml import read_graphml
from flowmap.export.parquet import read_parquet
from tests.export.graphs import make_graph
from tests.export.page_parts import embedded_document


def read_json(path) -> nx.DiGraph:
    return nx.node_link_graph(json.loads(path.read_bytes()), edges="edges")


def read_html(path) -> nx.DiGraph:
    return nx.node_link_graph(embedded_document(path.read_text("utf-8")), edges="edges")


READERS = {
    "json": read_json,
    "graphml": read_graphml,
    "gexf": read_gexf,
    "csv": read_csv,
    "parquet": read_parquet,
    "html": read_html,
}


def test_every_format_has_a_reader_here():
    assert READERS.keys() == FORMATS.keys()


@pytest.mark.parametrize("name", FORMATS)
def test_the_suffix_chooses_and_the_file_reads_back_equal(name, tmp_path):
    for suffix in (*FORMATS[name].suffixes, FORMATS[name].file_suffix, FORMATS[name].file_suffix.upper()):
        path = tmp_path / f"map{suffix}"
        write(make_graph(), path)
        assert nx.utils.graphs_equal(READERS[name](path), make_graph())
        assert check_identities(document(READERS[name](path))) == []


def test_a_stated_format_wins_over_the_suffix(tmp_path):
    path = tmp_path / "map.txt"
    write(make_graph(), str(path), "graphml")
    assert nx.utils.graphs_equal(read_graphml(path), make_graph())


def test_a_stream_gets_json_and_stays_open():
    stream = io.BytesIO()
    write(make_graph(), stream)
    assert json.loads(stream.getvalue()) == document(make_graph())
    assert stream.getvalue().endswith(b"}\n")


def test_a_pipe_takes_every_format(tmp_path):
    for name in FORMATS:
        reading, writing = os.pipe()
        path = tmp_path / name
        with open(reading, "rb") as end, ThreadPoolExecutor(1) as other:
            read = other.submit(end.read)  # more than a pipe holds would wait for its reader
            with open(writing, "wb") as stream:
                write(make_graph_of_one(), stream, name)
            path.write_bytes(read.result())
        assert nx.utils.graphs_equal(READERS[name](path), make_graph_of_one())


def make_graph_of_one() -> nx.DiGraph:
    """Small enough that no format fills a pipe (64 KiB)."""
    return make_graph().subgraph(["vm:web-01"]).copy()


@pytest.mark.parametrize("path", ["map", "map.txt", "map.json.bak", ".json"])
def test_an_unknown_suffix_lists_the_known(path):
    with pytest.raises(UsageError, match=r"\.json, \.graphml, \.gexf, \.csv, \.zip, \.parquet"):
        format_of(path)


def test_an_unknown_format_lists_the_known(tmp_path):
    with pytest.raises(UsageError, match="no format 'dot': choose one of json, graphml, gexf, csv, parquet"):
        write(make_graph(), tmp_path / "map.json", "dot")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", FORMATS)
def test_a_failed_write_leaves_the_old_file_and_nothing_else(name, tmp_path):
    path = tmp_path / f"map{FORMATS[name].file_suffix}"
    path.write_text("old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, hard))  # the disk "fills" half-way
    try:
        with pytest.raises(FlowMapError, match="Cannot write .*File too large"):
            write(make_graph(), path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_graph_that_cannot_be_written_leaves_nothing(tmp_path):
    graph = make_graph()
    graph.nodes["vm:web-01"]["colour"] = "red"  # unknown to the schema: found half-way through the zip
    with pytest.raises(ValueError, match="colour"):
        write(graph, tmp_path / "map.csv")
    assert list(tmp_path.iterdir()) == []


def test_a_name_too_long_is_one_sentence(tmp_path):
    with pytest.raises(FlowMapError, match="File name too long"):
        write(make_graph(), tmp_path / ("x" * 300 + ".json"))


def test_a_missing_folder_is_one_sentence(tmp_path):
    with pytest.raises(FlowMapError) as caught:
        write(make_graph(), tmp_path / "gone" / "map.json")
    assert "Cannot write" in str(caught.value) and "No such file or directory" in str(caught.value)
    assert caught.value.exit_code == 1


def test_a_folder_is_no_file(tmp_path):
    (tmp_path / "map.json").mkdir()
    with pytest.raises(FlowMapError, match="Is a directory"):
        write(make_graph(), tmp_path / "map.json")


def test_a_symbolic_link_stays_one(tmp_path):
    (tmp_path / "there").mkdir()
    link = tmp_path / "map.json"
    link.symlink_to("there/real.json")
    write(make_graph(), link)
    assert link.is_symlink()
    assert nx.utils.graphs_equal(read_json(tmp_path / "there" / "real.json"), make_graph())


def test_a_named_pipe_is_written_to_and_stays(tmp_path):
    pipe = tmp_path / "map.json"
    os.mkfifo(pipe)
    reading = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write(make_graph_of_one(), pipe)
        assert json.loads(os.read(reading, 1 << 16))["directed"] is True
    finally:
        os.close(reading)
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_new_file_has_the_mode_of_any_new_file(tmp_path):
    plain = tmp_path / "plain"
    plain.touch()
    write(make_graph(), tmp_path / "map.json")
    assert (tmp_path / "map.json").stat().st_mode == plain.stat().st_mode
