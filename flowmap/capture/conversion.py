"""Other formats than pcap and pcapng, written anew by tshark as it reads them."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Generator
from subprocess import Popen

from flowmap.capture.container import Container
from flowmap.capture.dissect import BLOCK_BYTES
from flowmap.capture.tools import find_tshark
from flowmap.capture.tshark_fields import TsharkFields
from flowmap.settings import Settings

_MIXED_FORMATS = ("netmon1", "netmon2")
"""Those whose packets may differ in link type."""


class Conversion(TsharkFields):
    """tshark that writes the packets of a file in another format to its output, without dissecting them."""

    def __init__(self, container: Container, settings: Settings) -> None:
        super().__init__(
            container.path,
            tshark=find_tshark(settings),
            read_format=container.read_format,
            fields=(),
            options=(),
            settings=settings,
        )
        self._path = container.path
        # pcap keeps nanoseconds where pcapng would be written with the format's own precision, but has one link type.
        self._into = "pcapng" if container.format in _MIXED_FORMATS else "nsecpcap"

    def get_parameters(self, packet_count: int | None = None) -> list[str]:
        """The arguments."""
        return ["-n", "-Q", "-X", f"read_format:{self._read_format}", "-F", self._into, "-w", "-", "-r", self._path]

    def _blocks(self, process: Popen[bytes]) -> Generator[list[bytes], None, str]:
        """Pieces of the output, each in a list of its own; limits and return value as in the parent."""
        assert process.stdout is not None
        descriptor = process.stdout.fileno()
        deadline = time.monotonic() + self._settings.tshark_wall_s
        while True:
            patience = min(self._settings.tshark_stall_s, deadline - time.monotonic())
            if patience <= 0:
                return "timeout"
            if not select.select([descriptor], [], [], patience)[0]:
                return "stalled" if patience == self._settings.tshark_stall_s else "timeout"
            data = os.read(descriptor, BLOCK_BYTES)
            if not data:
                return ""
            yield [data]
