"""The last packets of a live capture as a ring of files, each of which any tool can read.

Only whole records are written, and each file begins with the headers that its records need.
"""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import dataclass, replace
from pathlib import Path

from flowmap.settings import Settings

MAX_HEADER_BYTES = 1 << 20
"""Of the blocks that each file begins with: a stream that describes interfaces without end is kept no further."""

_NUMBERED = re.compile(r"live-(\d{5,})\.pcap(ng)?")


@dataclass(slots=True)
class RingFile:
    """One file of the ring: frame k of it is frame ``first_frame_number + k - 1`` of the capture."""

    path: Path
    first_frame_number: int
    packets: int = 0
    size_bytes: int = 0


class Ring:
    """Writes the files, and deletes the oldest of them.

    Parameters
    ----------
    folder : Path
        Belongs to the caller. Files in it that have such a name already are left alone.
    suffix : str
        ``.pcapng`` or ``.pcap``.
    settings : Settings
        ``live_ring_bytes``, ``live_ring_files`` and ``min_free_bytes``.

    Attributes
    ----------
    problem : str or None
        Why it writes no more, in one sentence.
    """

    def __init__(self, folder: Path, suffix: str, settings: Settings) -> None:
        self._folder, self._suffix, self._settings = folder, suffix, settings
        self._file_bytes = settings.live_ring_bytes // settings.live_ring_files
        self._files: list[RingFile] = []
        self._descriptor = -1
        self._header = bytearray()
        self._number = 0
        self.problem: str | None = None

    @property
    def files(self) -> list[RingFile]:
        """Those that are there, oldest first."""
        return [replace(file) for file in tuple(self._files)]

    def begin(self, header: bytes) -> None:
        """Take a file header or section header: the records from here on need it."""
        self._header = bytearray(header)
        self._add_header(header)

    def describe(self, block: bytes) -> None:
        """Take an interface description, which the records from here on need, too."""
        if len(self._header) + len(block) > MAX_HEADER_BYTES:
            self._give_up("the stream describes too many interfaces")
            return
        self._header += block
        self._add_header(block)

    def write(self, records: memoryview, packets: int, first_frame_number: int) -> None:
        """Keep whole records.

        Parameters
        ----------
        records : memoryview
            Their bytes, as they came.
        packets : int
            How many frames are among them.
        first_frame_number : int
            That of the first.
        """
        if self.problem or not len(records):
            return
        try:
            if self._descriptor < 0 or self._is_full(len(records)):
                self._open_next(first_frame_number, len(records))
            self._delete_oldest(len(records), self._settings.live_ring_files)
            file = self._files[-1]
            self._append(file, records)
            file.packets += packets
        except OSError as error:
            self._give_up(error.strerror or "the folder cannot be written")

    def close(self) -> None:
        """Write no more; the files stay."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _add_header(self, block: bytes) -> None:
        """Write a header among the records of the file that is being written, if there is one."""
        if self._descriptor >= 0 and not self.problem:
            try:
                self._append(self._files[-1], memoryview(block))
            except OSError as error:
                self._give_up(error.strerror or "the folder cannot be written")

    def _is_full(self, more_bytes: int) -> bool:
        file = self._files[-1]
        return file.packets > 0 and file.size_bytes + more_bytes > self._file_bytes

    def _open_next(self, first_frame_number: int, record_bytes: int) -> None:
        self.close()
        self._delete_oldest(len(self._header) + record_bytes, self._settings.live_ring_files - 1)
        free = os.statvfs(self._folder)
        if free.f_bavail * free.f_frsize < self._settings.min_free_bytes:
            raise OSError(0, "the disk has less free space than FLOWMAP_MIN_FREE_BYTES")
        if not self._number:
            names = (_NUMBERED.fullmatch(path.name) for path in self._folder.iterdir())
            self._number = max((int(name[1]) for name in names if name), default=0)
        self._number += 1
        path = self._folder / f"live-{self._number:05}{self._suffix}"
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self._files.append(RingFile(path, first_frame_number))
        self._append(self._files[-1], memoryview(bytes(self._header)))

    def _append(self, file: RingFile, data: memoryview) -> None:
        """Write all of it or nothing."""
        written = 0
        try:
            while written < len(data):
                written += os.write(self._descriptor, data[written:])
        except OSError:
            os.ftruncate(self._descriptor, file.size_bytes)
            raise
        file.size_bytes += written

    def _delete_oldest(self, more_bytes: int, most_files: int) -> None:
        """Make room for so many bytes; the file that is being written always stays."""
        kept = 1 if self._descriptor >= 0 else 0
        most_bytes = self._settings.live_ring_bytes
        while len(self._files) > kept and (
            len(self._files) > most_files or sum(file.size_bytes for file in self._files) + more_bytes > most_bytes
        ):
            self._files.pop(0).path.unlink(missing_ok=True)

    def _give_up(self, reason: str) -> None:
        with contextlib.suppress(OSError):
            self.close()
            if self._files and not self._files[-1].packets:
                self._files.pop().path.unlink(missing_ok=True)
        self.problem = f"The packets are no longer kept: {reason[0].lower()}{reason[1:]}; the map goes on without them."
