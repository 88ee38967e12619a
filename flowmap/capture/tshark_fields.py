"""The one place where pyshark drives tshark.

pyshark's own loop gives another answer on the same damaged file from run to run and hides crashes by signal
(reference/reliability.md, findings 1 and 2). This subclass keeps pyshark as the driver but owns the process:
no event loop, rows of ``-T fields`` read in blocks, limits on memory, processor, stall and wall time, and an
exit that is always classified (:mod:`flowmap.capture.dissect`).

pyshark brings asyncio and lxml and takes longer to import than a small capture to read, so this module is imported
where tshark is really run.
"""

from __future__ import annotations

import os
import select
import subprocess
import tempfile
import time
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path

import pyshark

from flowmap.capture.dissect import (
    BLOCK_BYTES,
    MAX_LINE_BYTES,
    ErrorText,
    Exit,
    classify,
    end_process,
    limit_process,
    widen_pipe,
)
from flowmap.capture.tools import protocol_names
from flowmap.errors import ToolError
from flowmap.settings import Settings

_NO_EVENT_LOOP = object()
"""Any true value keeps ``pyshark.capture.capture.Capture`` from touching asyncio."""


class TsharkFields(pyshark.FileCapture):  # type: ignore[misc]
    """One run of tshark over a file that prints chosen fields, a line a frame.

    Parameters
    ----------
    path : str
        Absolute path of the capture.
    tshark : str
        Absolute path of the program.
    read_format : str
        tshark's name of the one reader that may open the file.
    fields : sequence of str
        Display filter fields; every occurrence is printed, separated by ``separator``.
    options : sequence of str
        Further arguments: preferences and decode-as rules made by this package.
    settings : Settings
        The limits.
    protocols : frozenset of str, optional
        The dissectors to leave on; all others are off. Without it all are on.
    """

    def __init__(
        self,
        path: str,
        *,
        tshark: str,
        read_format: str,
        fields: Sequence[str],
        options: Sequence[str],
        settings: Settings,
        protocols: frozenset[str] | None = None,
        separator: str = ",",
    ) -> None:
        super().__init__(path, keep_packets=False, tshark_path=tshark, eventloop=_NO_EVENT_LOOP)
        self._tshark = tshark
        self._read_format = read_format
        self._fields = tuple(fields)
        self._options = tuple(options)
        self._settings = settings
        self._protocols = protocols
        self._separator = separator
        self._process: subprocess.Popen[bytes] | None = None
        self.exit: Exit | None = None

    def get_parameters(self, packet_count: int | None = None) -> list[str]:
        """pyshark's arguments (the file) behind ours."""
        arguments = ["-n", "-Q", "-X", f"read_format:{self._read_format}", *self._options]
        arguments += ["-T", "fields", "-E", "separator=/t", "-E", "occurrence=a", "-E", "quote=n"]
        arguments += ["-E", f"aggregator={self._separator}"]
        for name in self._fields:
            arguments += ["-e", name]
        return arguments + list(super().get_parameters(packet_count))

    def close(self) -> None:
        """Nothing: :meth:`lines` ends its process itself; pyshark's close would want an event loop."""

    def __del__(self) -> None:
        """Nothing, for the same reason."""

    def stop(self) -> None:
        """End the process, from another thread than that which takes the lines; they end soon after."""
        if self._process is not None:
            self._process.terminate()

    def lines(self) -> Iterator[list[bytes]]:
        """Blocks of complete rows without their line ends; afterwards :attr:`exit` is set.

        A last line without its end was cut by the end of the process and is dropped. Closing the iterator
        ends the process.

        Raises
        ------
        ToolError
            When tshark cannot be started.
        """
        with tempfile.TemporaryDirectory(prefix="flowmap-tshark-") as folder:
            process = self._process = self._start(folder)
            errors = ErrorText(process)
            ended_by = None
            try:
                ended_by = yield from self._blocks(process)
            finally:
                status = end_process(process, patient=ended_by == "")
                errors.finish()
            self.exit = classify(ended_by or "", status, errors.text(), self._settings)

    def _start(self, folder: str) -> subprocess.Popen[bytes]:
        """Start tshark in a private empty folder, in its own process group, with limits."""
        config = Path(folder, "config")
        config.mkdir(mode=0o700)
        if self._protocols is not None:
            off = sorted(set(protocol_names(self._tshark)) - self._protocols)
            (config / "disabled_protos").write_text("\n".join(off) + "\n", encoding="utf-8")
        environment = {
            "PATH": "/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "TZ": "UTC",
            "HOME": folder,
            "WIRESHARK_CONFIG_DIR": str(config),
        }
        try:
            process = subprocess.Popen(
                [self._tshark, *self.get_parameters()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=folder,
                env=environment,
                start_new_session=True,
            )
        except OSError as error:
            raise ToolError(
                f"{self._tshark} cannot be run ({error.strerror}); reinstall it or state another path."
            ) from error
        limit_process(process.pid, self._settings)
        widen_pipe(process)
        return process

    def _blocks(self, process: subprocess.Popen[bytes]) -> Generator[list[bytes], None, str]:
        """Yield the rows; return "" at the end of output or the name of the limit that was reached."""
        assert process.stdout is not None
        descriptor = process.stdout.fileno()
        deadline = time.monotonic() + self._settings.tshark_wall_s
        rest = b""
        while True:
            patience = min(self._settings.tshark_stall_s, deadline - time.monotonic())
            if patience <= 0:
                return "timeout"
            if not select.select([descriptor], [], [], patience)[0]:
                return "stalled" if patience == self._settings.tshark_stall_s else "timeout"
            data = os.read(descriptor, BLOCK_BYTES)
            if not data:
                return ""
            head, newline, tail = data.rpartition(b"\n")
            if newline:
                block, rest = rest + head, tail
                yield block.split(b"\n")
            else:
                rest += tail
                if len(rest) > MAX_LINE_BYTES:
                    return "line_too_long"
