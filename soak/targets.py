"""What is fuzzed: each target takes any bytes, and nothing but a refusal in words may come of them.

Everything is imported at the top, so that :mod:`soak.fuzz` can instrument it.
"""

from __future__ import annotations

import importlib
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from flowmap.capture import header_reading, opening  # noqa: F401
from flowmap.capture.container import recognise, recognise_head
from flowmap.capture.filters import MAX_TOKENS, check_words
from flowmap.capture.points import Registry
from flowmap.capture.reading import open_capture
from flowmap.capture.records import walk
from flowmap.errors import FlowMapError, InventoryError, UsageError
from flowmap.inventory import parse_inventory_file
from flowmap.settings import Settings

ROOT = Path(__file__).parent.parent
SEEDS = ROOT / "tests" / "faults" / "seeds"
"""A folder for each target: inputs that once did harm, and a small corpus that reaches most of the code."""

_SETTINGS = Settings(workers=1, batch_packets=256)
_MAX_EXAMPLE_BYTES = 16_384
_WORD = re.compile(r"[\w.:/-]*[^\W\d_][\w.:/-]*")
_CONVERTED = ("snoop", "netmon1", "netmon2", "netxray", "sniffer")


def container(data: bytes) -> None:
    """A file that calls itself a capture: recognised, walked record by record, and read by the header reader."""
    _refused_or_not(lambda: recognise_head(data, "stream"))
    with tempfile.TemporaryDirectory(prefix="flowmap-fuzz-", dir=_memory_folder()) as folder:
        path = Path(folder) / "input"
        path.write_bytes(data)
        try:
            found = recognise(path, "input")
            walk(found, seconds=5.0)
            if found.format in _CONVERTED:
                return  # tshark's to read
            capture = open_capture(path, Registry(_SETTINGS.max_points), _SETTINGS, reader="header")
            packets = sum(len(batch) for batch in capture.batches())
        except FlowMapError as refusal:
            _check_sentence(str(refusal), folder)
            return
        assert capture.outcome is not None and capture.outcome.packets == packets
        assert capture.outcome.complete == (capture.outcome.damage is None)
        _check_sentence(capture.outcome.damage or "Whole.", folder)


def inventory(data: bytes) -> None:
    """A file that calls itself an inventory."""
    try:
        parsed = parse_inventory_file(data, name="input", max_rows=2_000)
    except InventoryError as refusal:
        _check_sentence(str(refusal), str(ROOT))
        return
    assert parsed.format and parsed.row_count <= 5 * 2_000
    for warning in parsed.warnings:
        assert "\n" not in warning and len(warning) < 2_000, warning


def filters(data: bytes) -> None:
    """A capture filter. One that is accepted holds no word that libpcap would look up."""
    text = data.decode("utf-8", "surrogateescape")
    try:
        check_words(text, _SETTINGS)
    except UsageError as refusal:
        _check_sentence(str(refusal), str(ROOT))
        return
    words = _WORD.findall(text)
    assert len(text) <= _SETTINGS.max_filter_chars and len(words) <= MAX_TOKENS
    for word in words:
        address = re.fullmatch(r"0x[0-9a-f]+([:-]\d+)?|[0-9a-f]*(?:[:-][0-9a-f.]*)+(?:/[\d.]+)?", word, re.ASCII | re.I)
        assert address or word in KEYWORDS, word


KEYWORDS = frozenset(
    "ah and arp broadcast carp dst esp ether geneve greater host icmp icmp-echo icmp-echoreply icmp-redirect"
    " icmp-timxceed icmp-unreach icmp6 icmp6code icmp6type icmpcode icmptype igmp igrp inbound ip ip6 iso len less link"
    " llc mask mpls multicast net not or outbound pim port portrange pppoed pppoes proto protochain rarp sctp src stp"
    " tcp tcp-ack tcp-cwr tcp-ece tcp-fin tcp-push tcp-rst tcp-syn tcp-urg tcpflags udp vlan vni vrrp wlan".split()
)
"""Words of pcap-filter(7) that are no name of a host, network or service."""


_MAGICS = [bytes.fromhex(word) for word in (
    "d4c3b2a1 a1b2c3d4 4d3cb2a1 34cdb2a1 0a0d0d0a 4d3c2b1a 1a2b3c4d 06000000 01000000 03000000 05000000 ad0b0000"
    " 1f8b0800 28b52ffd 736e6f6f70000000 ffffffffffffffff 020004000000000000000000ffff000001000000"
).split()]  # fmt: skip
"""First words of file formats, types of blocks, lengths beyond every limit."""

_TITLES = (
    b"vm mac ip host network vlan name <domain> </domain> {}: [] --- fdb dev master vSwitch 00:50:56:80:00:01".split()
)


class Target(NamedTuple):
    """Something that is fuzzed, what it is first given, and words that it knows."""

    run: Callable[[bytes], None]
    examples: Callable[[], Iterator[bytes]]
    words: Iterable[bytes]
    max_bytes: int


def _captures() -> Iterator[bytes]:
    corpus = importlib.import_module("tests.capture.corpus")
    yield from (case.data for case in (*corpus.PCAP_CASES, *corpus.PCAPNG_CASES))


def _inventories() -> Iterator[bytes]:
    for folder in ("samples", "data"):
        for path in sorted((ROOT / "tests" / "inventory" / folder).rglob("*")):
            if path.is_file():
                yield path.read_bytes()


def _filters() -> Iterator[bytes]:
    yield b"host 10.0.0.1 and (tcp port 80 or udp portrange 1000-2000) and not vlan 7"
    yield b"ether host 00:50:56:00:00:01 or net 10.0.0.0/8 or ip6 net fe80::/64"
    yield b"tcp[tcpflags] & (tcp-syn|tcp-fin) != 0 and len > 0x100 and host example.org"


TARGETS = {
    "container": Target(container, _captures, _MAGICS, 8_192),
    "inventory": Target(inventory, _inventories, _TITLES, 16_384),
    "filters": Target(filters, _filters, [word.encode() for word in sorted(KEYWORDS)], 4_096),
}


def seeds(name: str) -> list[Path]:
    """The kept inputs of a target."""
    return sorted(path for path in (SEEDS / name).glob("*") if path.is_file())


def examples(name: str) -> list[bytes]:
    """What a target is first given: the inputs of other tests that are short enough."""
    return [data for data in TARGETS[name].examples() if len(data) <= _MAX_EXAMPLE_BYTES]


def _refused_or_not(function: Callable[[], object]) -> None:
    try:
        function()
    except FlowMapError as refusal:
        _check_sentence(str(refusal), str(ROOT))


def _check_sentence(text: str, place: str) -> None:
    """One sentence for people, without a path of this machine."""
    assert text.endswith(".") and "\n" not in text and "Traceback" not in text, text
    assert place not in text and len(text) < 2_000, text


def _memory_folder() -> str | None:
    return "/dev/shm" if Path("/dev/shm").is_dir() else None
