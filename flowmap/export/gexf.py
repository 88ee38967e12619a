"""GEXF 1.2, for Gephi. Attributes as in GraphML; the map's own fields stand as JSON text in the description.

GEXF has no attributes of a whole graph, yet ``complete: false`` must travel with the numbers.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import BinaryIO
from xml.etree.ElementTree import SubElement

import defusedxml.ElementTree
import networkx as nx
from networkx.readwrite.gexf import GEXFWriter

from flowmap.export.flat import flatten, unflatten
from flowmap.export.graphml import checked_xml
from flowmap.export.node_link import Document, dumps
from flowmap.export.safe_text import escape, unescape

_NAMESPACE = "{http://www.gexf.net/1.2draft}"


def write_gexf(document: Document, stream: BinaryIO) -> None:
    """Write a document as GEXF (UTF-8)."""
    writer = GEXFWriter(flatten(document), version="1.2draft")
    meta = writer.xml.find("meta")
    del meta.attrib["lastmodifieddate"]  # equal maps give equal files
    SubElement(meta, "description").text = escape(dumps(document["graph"]))
    writer.write(stream)


def read_gexf(source: Path | str | bytes) -> nx.DiGraph[str]:
    """The graph of a GEXF file that FlowMap wrote; otherwise as :func:`.graphml.read_graphml`."""
    text = checked_xml(source)
    graph = unflatten(nx.DiGraph(nx.read_gexf(io.BytesIO(text), node_type=str)))
    xml = defusedxml.ElementTree.fromstring(text)
    description = xml.findtext(f"{_NAMESPACE}meta/{_NAMESPACE}description", "{}")
    graph.graph.clear()
    graph.graph.update(json.loads(unescape(description)))
    return graph
