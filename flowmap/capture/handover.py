"""The few frames that can hold names, as a small pcapng in memory that tshark reads.

One frame of the small file is one handed frame, so the k-th row that tshark prints belongs to the k-th of them.
"""

from __future__ import annotations

import os
import struct
import tempfile
from array import array
from collections.abc import Sequence
from types import TracebackType
from typing import IO, NamedTuple

from flowmap.packets import NO_TIME
from flowmap.settings import Settings

PCAPNG_READER = "Wireshark/... - pcapng"
"""tshark's name of the one reader that may open the small file."""

MAX_FRAME_BYTES = 262_144
"""A larger record is damage for tshark and would end the pass."""

_SECTION = struct.pack("<IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28)
_INTERFACE = struct.Struct("<IIHHI HHBxxx I I")
"""An interface block without snaplen and with the option if_tsresol (9), end of options, length again."""
_PACKET = struct.Struct("<IIIIIII")
_PACKET_BLOCK, _INTERFACE_BLOCK, _TIME_RESOLUTION, _NANOSECONDS = 6, 1, 9, 9


class HandedOrigin(NamedTuple):
    """Where the k-th handed frame comes from; ``to_server`` is 1 towards the server, 0 from it, -1 unknown."""

    frame_numbers: Sequence[int]
    points: Sequence[int]
    to_server: Sequence[int]


class HandedFrames:
    """Collects frames in an anonymous file, at most ``settings.name_frames`` and ``settings.name_bytes`` of them.

    The file lives in memory where the system has such files, else in the folder for temporary files, readable by this
    user only. Closing it, or the end of the process, frees it.
    """

    def __init__(self, settings: Settings) -> None:
        self._most_frames, self._left_bytes = settings.name_frames, settings.name_bytes
        self._frame_numbers, self._points, self._to_server = array("q"), array("i"), array("b")
        self._interfaces: dict[int, int] = {}
        self._file, self._path = _anonymous_file()
        self._file.write(_SECTION)

    def __len__(self) -> int:
        return len(self._frame_numbers)

    def __enter__(self) -> HandedFrames:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def add(
        self,
        frame_number: int,
        point: int,
        linktype: int,
        time_ns: int,
        original_bytes: int,
        data: bytes | memoryview,
        to_server: int = -1,
    ) -> bool:
        """Keep a copy of one frame.

        Parameters
        ----------
        frame_number, point : int
            As in the :class:`~flowmap.packets.PacketBatch`.
        linktype : int
            Its link type (LINKTYPE number).
        time_ns : int
            Nanoseconds since 1970 or ``NO_TIME``.
        original_bytes : int
            Recorded original length.
        data : bytes or memoryview
            The captured bytes.
        to_server : int
            1 where the frame goes to the server of its conversation, 0 where it comes from it, -1 unknown.

        Returns
        -------
        bool
            False where the budget is used up or the frame is larger than any record may be.
        """
        captured = len(data)
        if len(self) >= self._most_frames or captured > min(self._left_bytes, MAX_FRAME_BYTES):
            return False
        interface = self._interface(linktype)
        padding = -captured % 4
        size = _PACKET.size + captured + padding + 4
        ticks = 0 if time_ns == NO_TIME else time_ns
        # An original length beyond what tshark believes, or below what was captured, would be damage.
        original = min(max(original_bytes, captured), MAX_FRAME_BYTES)
        self._file.write(
            _PACKET.pack(_PACKET_BLOCK, size, interface, ticks >> 32, ticks & 0xFFFF_FFFF, captured, original)
        )
        self._file.write(data)
        self._file.write(bytes(padding) + struct.pack("<I", size))
        self._left_bytes -= captured
        self._frame_numbers.append(frame_number)
        self._points.append(point)
        self._to_server.append(to_server)
        return True

    def _interface(self, linktype: int) -> int:
        """Number of the interface of a link type; its block is written at its first frame."""
        number = self._interfaces.get(linktype)
        if number is None:
            number = self._interfaces[linktype] = len(self._interfaces)
            size = _INTERFACE.size
            head = (_INTERFACE_BLOCK, size, linktype & 0xFFFF, 0, 0)
            self._file.write(_INTERFACE.pack(*head, _TIME_RESOLUTION, 1, _NANOSECONDS, 0, size))
        return number

    def origin(self) -> HandedOrigin:
        """Where each handed frame comes from."""
        return HandedOrigin(self._frame_numbers, self._points, self._to_server)

    def finished(self) -> str:
        """Write out what is buffered and give the absolute path under which tshark can open the file."""
        self._file.flush()
        return self._path

    def __del__(self) -> None:
        """Frames that nobody looked through are freed with the object."""
        self.close()

    def close(self) -> None:
        """Free the file."""
        self._file.close()


def _anonymous_file() -> tuple[IO[bytes], str]:
    """A file of this process alone and the path under which a child process can open it.

    The child opens it through this process's folder in /proc, so that nothing has to be inherited.
    """
    if hasattr(os, "memfd_create"):
        memory = os.fdopen(os.memfd_create("flowmap-names", os.MFD_CLOEXEC), "wb")
        path = f"/proc/{os.getpid()}/fd/{memory.fileno()}"
        if os.path.exists(path):
            return memory, path
        memory.close()
    file = tempfile.NamedTemporaryFile(prefix="flowmap-names-", suffix=".pcapng")
    return file, file.name
