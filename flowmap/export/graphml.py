"""GraphML, for yEd, Gephi, Cytoscape, igraph and networkx.

Written by networkx from the flat graph (:mod:`flowmap.export.flat`): integers as ``long``, lists and
objects as JSON text, null as an absent ``data`` element, unsafe characters as ``_xHHHH_``.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import BinaryIO

import defusedxml.ElementTree
import networkx as nx

from flowmap.export.flat import flatten, unflatten
from flowmap.export.node_link import Document


def write_graphml(document: Document, stream: BinaryIO) -> None:
    """Write a document as GraphML (UTF-8)."""
    nx.write_graphml_xml(flatten(document), stream)


def read_graphml(source: Path | str | bytes) -> nx.DiGraph[str]:
    """The graph of a GraphML file that FlowMap wrote.

    Parameters
    ----------
    source : Path, str or bytes
        A Path is opened; str and bytes are the XML text itself.

    Raises
    ------
    ValueError
        The XML has a document type, entities or external references (subclasses of defusedxml's).
    xml.etree.ElementTree.ParseError, networkx.NetworkXError
        It is no XML, or no GraphML.
    """
    return unflatten(nx.DiGraph(nx.read_graphml(io.BytesIO(checked_xml(source)))))


def checked_xml(source: Path | str | bytes) -> bytes:
    """The XML text, once defusedxml has refused document types: networkx's parser would expand entities."""
    if isinstance(source, Path):
        source = source.read_bytes()
    text = source.encode() if isinstance(source, str) else source
    defusedxml.ElementTree.fromstring(text, forbid_dtd=True)
    return text
