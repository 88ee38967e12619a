"""GraphML and GEXF: well-formed whatever the names, read back equal, and readable by networkx alone."""

import io
import xml.etree.ElementTree

import defusedxml.ElementTree
import networkx as nx
import pytest
from defusedxml import DefusedXmlException
from hypothesis import given, settings
from hypothesis import strategies as st

from flowmap.export.gexf import read_gexf, write_gexf
from flowmap.export.graphml import read_graphml, write_graphml
from flowmap.export.node_link import document
from tests.export.graphs import FULL_64_BIT, HOSTILE, empty_graph, make_graph, named_graph

FORMATS = pytest.mark.parametrize(
    ("write", "read"), [(write_graphml, read_graphml), (write_gexf, read_gexf)], ids=["graphml", "gexf"]
)


def written(write, graph) -> bytes:
    stream = io.BytesIO()
    write(document(graph), stream)
    return stream.getvalue()


@FORMATS
@pytest.mark.parametrize(
    "graph", [make_graph(), named_graph(HOSTILE), empty_graph()], ids=["realistic", "hostile", "empty"]
)
def test_read_back_equal(write, read, graph):
    back = read(written(write, graph))
    assert isinstance(back, nx.DiGraph)
    assert nx.utils.graphs_equal(back, graph)


@FORMATS
@settings(max_examples=30)
@given(st.lists(st.text(st.characters(exclude_categories=[])), max_size=3, unique=True))
def test_any_names_read_back_equal(write, read, texts):
    texts = [text for text in texts if is_utf16_stable(text)]
    graph = named_graph(texts)
    assert nx.utils.graphs_equal(read(written(write, graph)), graph)


def is_utf16_stable(text: str) -> bool:
    """No two lone surrogates that JSON, inside an attribute, would read as one character."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass") == text


@FORMATS
def test_path_text_and_bytes_read_the_same(write, read, tmp_path):
    content = written(write, make_graph())
    path = tmp_path / "map.xml"
    path.write_bytes(content)
    assert nx.utils.graphs_equal(read(path), read(content))
    assert nx.utils.graphs_equal(read(content.decode()), read(content))


@FORMATS
def test_equal_graphs_give_equal_files(write, read):
    assert written(write, make_graph()) == written(write, make_graph())


@FORMATS
def test_a_document_type_is_refused(write, read):
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>'
    head, rest = written(write, make_graph()).split(b"?>", 1)
    with pytest.raises(DefusedXmlException):
        read(head + b"?>" + bomb + rest.replace(b"web-01", b"&b;"))


@FORMATS
def test_what_is_no_xml_is_refused(write, read):
    with pytest.raises(xml.etree.ElementTree.ParseError):
        read(b"{}")


def test_graphml_has_typed_scalars_for_other_tools():
    graph = nx.read_graphml(io.BytesIO(written(write_graphml, make_graph())))
    assert graph.graph["complete"] is False and graph.graph["schema"] == "flowmap-graph/1"
    web = graph.nodes["vm:web-01"]
    assert web["wire_bytes"] == FULL_64_BIT
    assert web["ips"] == '["10.0.10.11","fe80::5054:ff:fe00:11"]'
    assert "host" not in graph.nodes["ip:default/198.51.100.7"]
    pair = graph.edges["vm:db-01", "vm:app-01"]
    assert (pair["verdict"], pair["left_bytes"]) == ("hairpin_routed", 600)
    keys = defusedxml.ElementTree.fromstring(written(write_graphml, make_graph())).findall(
        "{http://graphml.graphdrawing.org/xmlns}key"
    )
    assert len({key.get("id") for key in keys}) == len(keys)
    assert {key.get("attr.type") for key in keys} == {"string", "long", "boolean"}


def test_gexf_has_labels_and_says_that_the_map_is_incomplete():
    content = written(write_gexf, make_graph())
    graph = nx.read_gexf(io.BytesIO(content))
    assert graph.nodes["vm:web-01"]["label"] == "web-01"
    assert graph.edges["vm:db-01", "vm:app-01"]["left_host"] == "left"
    description = defusedxml.ElementTree.fromstring(content).findtext("{*}meta/{*}description")
    assert '"complete":false' in description
