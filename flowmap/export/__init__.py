"""A map as a file: JSON, GraphML, GEXF, CSV, Parquet and a page that opens without a server, all from the same graph
document.

``write(graph, "map.graphml")`` is the whole of it; :data:`FORMATS` says what there is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from flowmap.errors import FlowMapError, UsageError
from flowmap.export.atomic import atomic_file

if TYPE_CHECKING:
    import networkx as nx

    from flowmap.export.node_link import Document, check_identities, document, dumps, schema

__all__ = [
    "FORMATS",
    "Document",
    "Format",
    "check_identities",
    "document",
    "dumps",
    "format_of",
    "schema",
    "write",
]


@dataclass(frozen=True, slots=True)
class Format:
    """How one format is written, and what files of it are called."""

    suffixes: tuple[str, ...]
    """Lower-case suffixes that choose this format."""
    file_suffix: str
    """The suffix to give a file, e.g. of a download."""
    media_type: str
    write: Callable[[Document, BinaryIO], None]
    write_folder: Callable[[Document, Path], None] | None = None
    """Writes a path with one of ``suffixes``, which becomes a folder; ``file_suffix`` and streams get a zip of it."""


def _by(module: str, name: str) -> Callable[[Document, Any], None]:
    """A writer that is imported when it is used: which formats there are is asked before any capture is read."""

    def write_with(document: Document, target: Any) -> None:
        getattr(import_module(f"flowmap.export.{module}"), name)(document, target)

    return write_with


FORMATS: dict[str, Format] = {
    "json": Format((".json",), ".json", "application/json", _by("node_link", "write_json")),
    "graphml": Format((".graphml",), ".graphml", "application/graphml+xml", _by("graphml", "write_graphml")),
    "gexf": Format((".gexf",), ".gexf", "application/gexf+xml", _by("gexf", "write_gexf")),
    "csv": Format((".csv", ".zip"), ".csv.zip", "application/zip", _by("csv_zip", "write_csv")),
    "parquet": Format(
        (".parquet",),
        ".parquet.zip",
        "application/zip",
        _by("parquet", "write_parquet"),
        _by("parquet", "write_parquet_folder"),
    ),
    "html": Format((".html",), ".html", "text/html; charset=utf-8", _by("html_page", "write_html")),
}
"""Every format by its name."""

_NODE_LINK = ("Document", "check_identities", "document", "dumps", "schema")


def __getattr__(name: str) -> Any:
    """The graph document's names at their first use (PEP 562): they bring networkx."""
    if name not in _NODE_LINK:
        raise AttributeError(f"module 'flowmap.export' has no attribute '{name}'")
    return getattr(import_module("flowmap.export.node_link"), name)


def format_of(path: str | PathLike[str]) -> str:
    """The name of the format that the suffix of ``path`` chooses.

    Raises
    ------
    UsageError
        No format has that suffix.
    """
    text, suffix = Path(path).name.lower(), Path(path).suffix.lower()
    for name, known in FORMATS.items():
        if known.write_folder and text.endswith(known.file_suffix):
            return name
    for name, known in FORMATS.items():
        if suffix in known.suffixes:
            return name
    suffixes = ", ".join(suffix for known in FORMATS.values() for suffix in known.suffixes)
    raise UsageError(f"The suffix of {str(path)!r} names no format: use one of {suffixes}, or name one.")


def write(
    graph: nx.DiGraph[str],
    target: str | PathLike[str] | BinaryIO,
    format: str | None = None,
    *,
    anonymize: bool = False,
) -> None:
    """Write a map to a file or a binary stream.

    Parameters
    ----------
    graph : networkx.DiGraph
        With the attributes of the graph document.
    target : path or binary stream
        A file appears whole or not at all (:func:`flowmap.export.atomic.atomic_file`), so does a folder of Parquet;
        a stream stays open.
    format : str, optional
        A key of :data:`FORMATS`. By default the suffix of a path chooses, and a stream gets JSON.
    anonymize : bool
        Write pseudonyms for addresses and names (:func:`flowmap.export.anonymise.anonymised`).

    Raises
    ------
    UsageError
        The format or the suffix is unknown.
    FlowMapError
        The file cannot be written.
    """
    from flowmap.export.node_link import document

    made = document(graph)
    if anonymize:
        from flowmap.export.anonymise import anonymised

        made = anonymised(made)
    if isinstance(target, (str, PathLike)):
        chosen = _known(format or format_of(target))
        _write_file(chosen, made, Path(target))
    else:
        _known(format or "json").write(made, target)


def _known(name: str) -> Format:
    if name not in FORMATS:
        raise UsageError(f"There is no format {name!r}: choose one of {', '.join(FORMATS)}.")
    return FORMATS[name]


def _write_file(chosen: Format, document: Document, path: Path) -> None:
    try:
        if chosen.write_folder and not path.name.lower().endswith(chosen.file_suffix):
            chosen.write_folder(document, path)
            return
        with atomic_file(path) as stream:
            chosen.write(document, stream)
    except OSError as error:
        reason = error.strerror or error
        raise FlowMapError(f"Cannot write {str(path)!r}: {reason}; choose another place for it.") from error
