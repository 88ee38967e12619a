"""Hold the recorded samples against truth.json with tshark, an independent reader.

A cut stream, a lost frame, a conversation that nobody noted or a name that never went over the wire ends the
recording with an error. truth.json itself is never changed by this.
"""

from __future__ import annotations

import json
import subprocess
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from processes import LabError

Truth = dict[str, Any]
Stream = tuple[str, str, int, int]
"""Source address, destination address, source port, destination port."""
SEQUENCE_SPACE = 1 << 32
NAME_FIELDS = {
    "dhcp": ("dhcp.option.hostname",),
    "dns": ("dns.resp.name",),
    "mdns": ("dns.resp.name",),
    "http_host": ("http.host",),
    "tls_sni": ("tls.handshake.extensions_server_name",),
    "ssh_banner": ("ssh.protocol",),
}
"""Source of a name -> tshark fields that hold it."""


def check(folder: Path, scenarios: Iterable[str]) -> str:
    """Make all checks of these scenarios and return one sentence with their number.

    Raises
    ------
    LabError
        At the first difference.
    """
    truth: Truth = json.loads((folder / "truth.json").read_text())
    streams = names = 0
    for scenario in scenarios:
        for file in truth["scenarios"][scenario]["files"]:
            check_pairs(truth, scenario, folder / file)
            streams += check_streams(truth, folder / file)
            names += check_names(truth, folder / file)
    return f"{streams} directions of TCP conversations and {names} names stand as the programs noted them"


def read_fields(path: Path, display_filter: str, *fields: str, occurrence: str = "l") -> list[list[str]]:
    """One row of field values per packet; of nested headers the innermost, unless all are asked for."""
    command = ["tshark", "-n", "-r", str(path), "-Y", display_filter]
    command += ["-T", "fields", "-E", f"occurrence={occurrence}"]
    for name in fields:
        command += ["-e", name]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise LabError(f"tshark cannot read {path.name}: {done.stderr.strip()[-200:]}")
    return [line.split("\t") for line in done.stdout.splitlines()]


def check_pairs(truth: Truth, scenario: str, path: Path) -> None:
    """The pairs of machines in a file must be those of truth.json: none missing, none unknown."""
    machines = truth["scenarios"][scenario]["machines"]
    owner = {address: machine["name"] for machine in machines for address in machine["ips"]}
    owner |= {machine["floating_ip"]: machine["name"] for machine in machines if "floating_ip" in machine}
    seen = set()
    for v4_from, v4_to, v6_from, v6_to in read_fields(
        path, "(ip or ipv6) and (tcp or udp or icmp)", "ip.src", "ip.dst", "ipv6.src", "ipv6.dst"
    ):
        source, target = owner.get(v6_from or v4_from), owner.get(v6_to or v4_to)
        if source and target:
            seen.add(tuple(sorted((source, target))))
    expected = {
        (pair["a"], pair["b"])
        for pair in truth["pairs"]
        if pair["scenario"] == scenario and path.name in pair["files"] + pair["flood_copies_in"]
    }
    if seen != expected:
        raise LabError(f"{path.name} and truth.json differ in the pairs {sorted(seen ^ expected)}")


def check_streams(truth: Truth, path: Path) -> int:
    """Distinct TCP payload bytes per direction must be those the programs counted, where they are exact."""
    streams = read_streams(path)
    expected = _expected_bytes(truth, path.name)
    for (client, server, port, sender), counted in expected.items():
        seen = 0
        for (source, target, source_port, target_port), size in streams.items():
            as_client = (source, target, target_port) == (client, server, port)
            as_server = (target, source, source_port) == (client, server, port)
            if as_client if sender == "client" else as_server:
                seen += size
        if seen != counted:
            raise LabError(
                f"{path.name} has {seen} payload bytes from the {sender} of {client} to {server} port {port},"
                f" and the programs counted {counted}"
            )
    return len(expected)


def _expected_bytes(truth: Truth, file: str) -> dict[tuple[str, str, int, str], int]:
    """(client, server, port, sender) -> payload bytes of all exact TCP conversations that the file shows."""
    sizes: dict[tuple[str, str, int, str], int] = defaultdict(int)
    for pair in truth["pairs"]:
        for c in pair["conversations"]:
            if file in pair["files"] and c["protocol"] == "tcp" and c["exact"]:
                for sender in ("client", "server"):
                    sizes[c["client_ip"], c["server_ip"], c["port"], sender] += _shown_bytes(pair, c, sender, file)
    return sizes


def _shown_bytes(pair: dict[str, Any], conversation: dict[str, Any], sender: str, file: str) -> int:
    """What one end of a conversation sent while the file could see it: all of it unless an end moved."""
    whole: int = conversation[f"{sender}_payload_bytes"]
    if "parts" not in pair:
        return whole
    earlier: int = conversation[f"{sender}_payload_bytes_before_move"]
    sizes = {"before_move": earlier, "after_move": whole - earlier}
    return sum(sizes[part["when"]] for part in pair["parts"] if file in part["files"])


def read_streams(path: Path) -> dict[Stream, int]:
    """Distinct payload bytes of every TCP stream of a file, however often each packet was recorded.

    Over IPv4 the length is taken from the IP header: a mirror that cuts frames loses the frame's own length.
    """
    addresses, ports = ("ip.src", "ip.dst", "ipv6.src", "ipv6.dst"), ("tcp.srcport", "tcp.dstport")
    lengths = ("tcp.len", "ip.len", "ip.hdr_len", "tcp.hdr_len")
    pieces: dict[Stream, list[tuple[int, int]]] = defaultdict(list)
    for row in read_fields(path, "tcp", *addresses, *ports, "tcp.seq_raw", *lengths):
        v4_from, v4_to, v6_from, v6_to, port_from, port_to, sequence, length, *headers = row
        # Where there is an IPv6 header in this lab, it is the inner one.
        stream = (v6_from or v4_from, v6_to or v4_to, int(port_from), int(port_to))
        if not v6_from:
            ip_length, ip_header, tcp_header = map(int, headers)
            length = ip_length - ip_header - tcp_header
        pieces[stream].append((int(sequence), int(length)))
    return {stream: _covered(parts) for stream, parts in pieces.items()}


def _covered(parts: list[tuple[int, int]]) -> int:
    """Length of the union of (sequence number, length) intervals; the numbers may wrap once."""
    base = parts[0][0]
    half = SEQUENCE_SPACE // 2
    spans = sorted(((start - base + half) % SEQUENCE_SPACE, length) for start, length in parts)
    total, end = 0, 0
    for start, length in spans:
        stop = start + length
        total += max(0, stop - max(start, end))
        end = max(end, stop)
    return total


def check_names(truth: Truth, path: Path) -> int:
    """Every name must stand in the file, in the field of its source."""
    fields = tuple(dict.fromkeys(name for names in NAME_FIELDS.values() for name in names))
    rows = read_fields(path, "dhcp or dns or mdns or http or tls or ssh", *fields, occurrence="a")
    present = {field: {name for row in rows for name in row[i].split(",")} for i, field in enumerate(fields)}
    expected = [entry for entry in truth["names"] if path.name in entry["files"]]
    for entry in expected:
        if not any(entry["name"] in present[field] for field in NAME_FIELDS[entry["source"]]):
            raise LabError(f"{path.name} does not hold the name {entry['name']} ({entry['source']})")
    return len(expected)
