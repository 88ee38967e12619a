"""Compiling the kernels before they are needed: ``python -m flowmap.warm``.

``make run``, the build of the container image and the server at its start do so, because the first capture would
otherwise wait for it.
"""

from __future__ import annotations

import struct
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from flowmap.settings import Settings

_ETHERNET = bytes.fromhex("0200000000020200000000010800")
_DATAGRAM = bytes.fromhex("4500001e00014000401100000a0000010a00000204d2162e000a00006869")
_LINK_NEIGHBOR = bytes.fromhex("0180c200000e02000000000188cc") + bytes(46)
"""An LLDP frame: a kernel of its own chooses these."""

_OTHER_DATAGRAM = _DATAGRAM.replace(bytes.fromhex("04d2162e"), bytes.fromhex("04d3162e"))
_RECORDS = 4_000
"""Of 1500 bytes and more: enough for a file to be read by several threads, which find its records by guessing."""

_SECOND = 1_700_000_000
_NAME_SECONDS = 5.0
"""What tshark may take for the two frames; a broken one must not keep the server from starting."""


def prepare_kernels(say: Callable[[str], None]) -> None:
    """Compile the kernels unless they stand in the cache, and tell so while it happens.

    Of several processes that come at the same time one compiles and the others wait for it.
    """
    from flowmap.kernels import cache_lock, is_warm, mark_warm

    if is_warm():
        return
    say("Compiling the kernels for this machine, once; this takes about half a minute.")
    with cache_lock():
        if not is_warm():
            _compile()
            mark_warm()


def _compile() -> None:
    """Read a pcap and a pcapng file of a few megabytes: that compiles all that any capture needs."""
    from flowmap.reading import read_captures

    with tempfile.TemporaryDirectory(prefix="flowmap-warm-") as folder:
        files = [Path(folder, "a.pcap"), Path(folder, "b.pcapng")]
        files[0].write_bytes(_pcap())
        files[1].write_bytes(_pcapng())
        # Names, a conversation too many and stretches (longer than a batch) for two threads have kernels of their own.
        settings = Settings(name_seconds=_NAME_SECONDS, workers=2, batch_packets=256, max_conversations=1)
        read_captures(files, settings, reader="header")


def _pcap() -> bytes:
    frames = [(_ETHERNET + data).ljust(1500, b"\0") for data in (_DATAGRAM, _OTHER_DATAGRAM)]
    frames = [_LINK_NEIGHBOR, *frames * (_RECORDS // 2)]
    records = (struct.pack("<IIII", _SECOND, 0, len(data), len(data)) + data for data in frames)
    return struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1) + b"".join(records)


def _pcapng() -> bytes:
    frame = (_ETHERNET + _DATAGRAM).ljust(1500, b"\0")
    ticks = _SECOND * 1_000_000
    blocks = [
        (0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)),
        (1, struct.pack("<HHI", 1, 0, 0)),
        (6, struct.pack("<IIIII", 0, ticks >> 32, ticks & 0xFFFF_FFFF, len(frame), len(frame)) + frame),
    ]
    blocks += blocks[-1:] * _RECORDS
    return b"".join(
        struct.pack("<II", kind, 12 + len(body)) + body + struct.pack("<I", 12 + len(body)) for kind, body in blocks
    )


def _say(text: str) -> None:
    sys.stderr.write(f"flowmap: {text}\n")


if __name__ == "__main__":
    prepare_kernels(_say)
