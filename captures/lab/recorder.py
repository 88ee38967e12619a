"""dumpcap and tcpdump at several points at once, and capture files without traces of the recording machine."""

from __future__ import annotations

import re
import signal
import struct
import subprocess
import time
from pathlib import Path

from processes import Lab, LabError, wait_until

SECTION_HEADER, INTERFACE_DESCRIPTION = 0x0A0D0D0A, 1
MACHINE_OPTIONS = {SECTION_HEADER: {2, 3}, INTERFACE_DESCRIPTION: {12, 15}}
"""Options that name the recording machine's processor and kernel, by block type."""
WHOLE_FRAMES = 262144
DROPPED = r"interface '[^']*': \d+/(\d+)|(\d+) packets dropped by kernel"
"""What dumpcap and tcpdump say at their end of packets that they lost."""


class Recorder:
    """Running recordings, each writing one file.

    Parameters
    ----------
    lab : Lab
        Owner of the processes.
    folder : Path
        Where the files are written.
    """

    def __init__(self, lab: Lab, folder: Path) -> None:
        self.lab, self.folder = lab, folder
        self._running: dict[str, subprocess.Popen[str]] = {}
        self._messages: dict[str, Path] = {}

    def start(
        self,
        file_name: str,
        at: str,
        interfaces: list[str],
        capture_filter: str = "",
        snaplen_bytes: int = WHOLE_FRAMES,
    ) -> None:
        """Record interfaces of one namespace into one file: pcap where the name ends so, else pcapng."""
        # The length to keep stands before the interfaces: after them it would hold for the last one only.
        command = ["dumpcap", "-q", "-B", "16", "-s", str(snaplen_bytes)]
        for interface in interfaces:
            command += ["-i", interface]
            if capture_filter:
                command += ["-f", capture_filter]
        command += ["-P"] if file_name.endswith(".pcap") else ["-n"]
        self._run(file_name, at, [*command, "-w", str(self.folder / file_name)], "File:")

    def start_tcpdump(self, file_name: str, at: str, interface: str) -> None:
        """Record with tcpdump, which writes another cooked header than dumpcap."""
        command = ["tcpdump", "-n", "-U", "-Z", "root", "-B", "16384", "-s", str(WHOLE_FRAMES), "-i", interface]
        self._run(file_name, at, [*command, "-w", str(self.folder / file_name)], "listening on")

    def _run(self, file_name: str, at: str, command: list[str], ready: str) -> None:
        messages = self.lab.state / f"{file_name}.log"
        with open(messages, "w") as log:
            self._running[file_name] = self.lab.start(*command, at=at, stderr=log)
        self._messages[file_name] = messages
        wait_until(f"the recording of {file_name}", lambda: ready in messages.read_text())

    def stop(self) -> None:
        """End all recordings a moment after the last packet.

        Raises
        ------
        LabError
            When a packet was lost, because a sample with holes has no truth.
        """
        time.sleep(1)
        for file_name, child in self._running.items():
            code = self.lab.finish(child, signal.SIGINT)
            messages = self._messages[file_name].read_text()
            dropped = sum(int(dumpcap or tcpdump) for dumpcap, tcpdump in re.findall(DROPPED, messages))
            if code != 0 or dropped:
                raise LabError(f"the recording of {file_name} ended with code {code} and {dropped} lost packets")
            if file_name.endswith(".pcapng"):
                strip_machine(self.folder / file_name)
        self._running.clear()


def strip_machine(path: Path) -> None:
    """Rewrite a little-endian pcapng file without the options that describe the recording machine."""
    data = path.read_bytes()
    out, offset = bytearray(), 0
    while offset < len(data):
        kind, length = struct.unpack_from("<II", data, offset)
        block = data[offset : offset + length]
        fixed = {SECTION_HEADER: 24, INTERFACE_DESCRIPTION: 16}.get(kind)
        if fixed is not None:
            kept = block[8:fixed] + _kept_options(block[fixed:-4], MACHINE_OPTIONS[kind])
            total = len(kept) + 12
            block = struct.pack("<II", kind, total) + kept + struct.pack("<I", total)
        out += block
        offset += length
    path.write_bytes(out)


def _kept_options(options: bytes, unwanted: set[int]) -> bytes:
    kept, offset = bytearray(), 0
    while offset + 4 <= len(options):
        code, length = struct.unpack_from("<HH", options, offset)
        end = offset + 4 + (length + 3) // 4 * 4
        if code not in unwanted:
            kept += options[offset:end]
        offset = end
    return bytes(kept)


def merge(folder: Path, parts: list[str], whole: str) -> None:
    """Merge files in time order, every interface kept apart, and remove the parts."""
    paths = [str(folder / part) for part in parts]
    command = ["mergecap", "-I", "none", "-w", str(folder / whole), *paths]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise LabError(f"mergecap could not write {whole}: {done.stderr.strip()}")
    strip_machine(folder / whole)
    for path in paths:
        Path(path).unlink()
