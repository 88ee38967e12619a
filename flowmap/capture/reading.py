"""Opening a capture file: recognise it, choose its reader, and what all readers offer."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from flowmap.capture.container import PCAP_FORMATS, Container, recognise, recognise_head
from flowmap.capture.labels import neutral
from flowmap.capture.names import Found
from flowmap.capture.outcome import CaptureInfo, Notice, Outcome
from flowmap.capture.points import Registry
from flowmap.capture.pyshark_reading import READER, Progress, PysharkCapture, column_options
from flowmap.capture.tools import find_tshark
from flowmap.errors import CaptureError
from flowmap.packets import PacketBatch
from flowmap.settings import Settings

if TYPE_CHECKING:
    from flowmap.capture.name_search import NameSearch

__all__ = ["READER", "Capture", "Progress", "column_options", "open_capture", "open_capture_stream"]

AUTO, HEADER, PYSHARK = "auto", "header", "pyshark"


class Capture(Protocol):
    """One capture, read by :meth:`batches`; then :attr:`outcome` says how that ended.

    Attributes
    ----------
    outcome : Outcome or None
        None until the last batch was taken.
    names_notices : list of Notice
        What was odd about the names pass.
    """

    outcome: Outcome | None
    names_notices: list[Notice]

    @property
    def info(self) -> CaptureInfo:
        """The file; its ``reader`` is final when the first batch was taken."""
        ...

    def batches(self, progress: Progress | None = None) -> Iterator[PacketBatch]:
        """Packets in the order of the file, at most ``settings.batch_packets`` a batch."""
        ...

    def names(self) -> Iterator[Found]:
        """Names and applications that only protocol dissectors can read."""
        ...


def open_capture(
    path: str | os.PathLike[str],
    registry: Registry,
    settings: Settings,
    *,
    file: str | None = None,
    hash_file: bool = False,
    reader: str = AUTO,
    search: NameSearch | None = None,
) -> Capture:
    """Recognise a capture file and get ready to read it.

    Parameters
    ----------
    path : path
        The file.
    registry : Registry
        Takes its capture points and tunnels.
    settings : Settings
        Limits and tool paths.
    file : str, optional
        Name shown to people and used in points; the last part of the path otherwise.
    hash_file : bool
        Compute the SHA-256 of the file.
    reader : str
        ``header`` (the kernels), ``pyshark`` (tshark), or ``auto``: the kernels wherever they know format and link
        types.
    search : NameSearch, optional
        Takes the frames of several captures that can hold names, to look through them together.

    Raises
    ------
    CaptureError
        One sentence: a folder, unreadable, empty, no capture, only a cut header, compressed twice, or of a kind that
        the stated reader does not read.
    ToolError
        tshark is needed and missing.
    """
    shown = neutral(file if file is not None else Path(path).name or str(path))
    container = recognise(path, shown)
    by_header = reader != PYSHARK and _is_for_kernels(container)
    if reader == HEADER and not by_header:
        raise CaptureError(
            f"{shown} is of a kind that only tshark reads; leave out --reader or state --reader pyshark."
        )
    tshark = "" if by_header else find_tshark(settings)
    digest = _sha256(container.path, shown) if hash_file else None
    name = HEADER if by_header else PYSHARK
    info = CaptureInfo(shown, container.path, container.size_bytes, digest, container.full_format, name)
    if not by_header:
        return PysharkCapture(info, container, registry, settings, tshark)
    from flowmap.capture.header_reading import HeaderCapture  # brings Numba, which takes a moment to import

    return HeaderCapture(info, container, registry, settings, exclusively=reader == HEADER, search=search)


def open_capture_stream(
    descriptor: int, head: bytes, registry: Registry, settings: Settings, *, file: str, shown: str
) -> Capture:
    """Get ready to read a plain pcap or pcapng stream, which can be read once.

    Parameters
    ----------
    descriptor : int
        Gives what comes behind ``head``. It is read as it comes, and stays the caller's to close.
    head : bytes
        What was read from it already, at least 28 bytes.
    file : str
        Name of the stream in points.
    shown : str
        How it is called in messages, e.g. "Standard input".

    Raises
    ------
    CaptureError
        When it is no such stream.
    """
    from flowmap.capture.header_reading import HeaderCapture
    from flowmap.capture.opening import open_descriptor

    container = recognise_head(head, shown)
    if container.format not in (*PCAP_FORMATS, "pcapng") or not _is_for_kernels(container):
        raise CaptureError(f"{shown} is no plain pcap or pcapng stream of a link type that is read without tshark.")
    info = CaptureInfo(neutral(file), "", 0, None, container.full_format, HEADER)
    return HeaderCapture(
        info, container, registry, settings, exclusively=True,
        opener=lambda _: open_descriptor(container, head, descriptor, settings),
    )  # fmt: skip


def _is_for_kernels(container: Container) -> bool:
    """Whether the header reader knows the format and, of a pcap file, the link type."""
    from flowmap.capture.decoding import LINK_TYPES
    from flowmap.capture.opening import can_open

    return can_open(container) and (container.format not in PCAP_FORMATS or container.linktype in LINK_TYPES)


def _sha256(path: str, shown: str) -> str:
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise CaptureError(f"{shown} cannot be read ({error.strerror}); check the permissions.") from error
