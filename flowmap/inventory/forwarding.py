"""Live forwarding tables: `ovs-appctl fdb/show BRIDGE`, `bridge fdb show` and `bridge -j fdb show`.

None of them names its host, and fdb/show not even its bridge: a line `# host: NAME` or `# bridge: NAME` before, the
command itself, or HOST=FILE does. Rows that were not learned (permanent, static, the host's own) are left out.
Samples: written by Open vSwitch 3.1.0 and iproute2 6.1.0 (tests/inventory/samples/make.sh).
"""

from __future__ import annotations

import re

from flowmap.inventory.cells import clean_name, parse_mac
from flowmap.inventory.documents import DataDocument, Document, Lines
from flowmap.inventory.listing import sections
from flowmap.inventory.reading import Reading
from flowmap.inventory.records import LearnedMac
from flowmap.inventory.switches import LOCAL_PORT_NUMBER

_OVS_TITLES = re.compile(r"\s*port\s+VLAN\s+MAC\s+Age\s*")
_OVS_ROW = re.compile(
    r"(?P<port>\d{1,6}|LOCAL)\s+(?P<vlan>\d{1,4})\s+(?P<mac>[0-9a-fA-F:]{17})\s+(?P<age>\d{1,9}|static)", re.ASCII
)
_BRIDGE_ROW = re.compile(r"(?P<mac>[0-9a-fA-F]{2}(?::[0-9a-fA-F]{2}){5})\s+dev\s+(?P<device>\S+)(?P<rest>(?:\s+\S+)*)")
_NOT_LEARNED = frozenset({"permanent", "static"})
_REASON = "they were not learned (permanent, static, or the host's own)"


def matches_ovs(document: Document) -> bool:
    """The titles of fdb/show."""
    return isinstance(document, Lines) and any(map(_OVS_TITLES.fullmatch, document.first()))


def matches_bridge(document: Document) -> bool:
    """A line that starts with a MAC and names a device."""
    return isinstance(document, Lines) and any(_BRIDGE_ROW.match(line.strip()) for line in document.first())


def matches_bridge_json(document: Document) -> bool:
    """A list of objects with `mac` and `ifname`, and one of the keys that only this command writes."""
    rows = document.value if isinstance(document, DataDocument) and document.syntax == "json" else None
    return isinstance(rows, list) and any(
        isinstance(row, dict) and {"mac", "ifname", "flags", "state"} <= row.keys() for row in rows[:20]
    )


def read_ovs(document: Document, reading: Reading) -> None:
    """Add each row; the port is the OpenFlow number of an interface that `ovs-vsctl list Interface` names."""
    assert isinstance(document, Lines)
    for _, (number, line, section) in reading.numbered(sections(document)):
        if _OVS_TITLES.fullmatch(line):
            continue
        cells = _OVS_ROW.fullmatch(line)
        if cells is None:
            reading.skip(number, "they are no rows of fdb/show")
        elif cells["age"] == "static":
            reading.skip(number, _REASON)
        else:
            port = LOCAL_PORT_NUMBER if cells["port"] == "LOCAL" else int(cells["port"])
            age_s = int(cells["age"])
            _add(reading, number, cells["mac"], section.host, section.bridge, None, port, int(cells["vlan"]), age_s)


def read_bridge(document: Document, reading: Reading) -> None:
    """Add the learned rows of text."""
    assert isinstance(document, Lines)
    for _, (number, line, section) in reading.numbered(sections(document)):
        cells = _BRIDGE_ROW.fullmatch(line) if len(line) < 500 else None
        if cells is None:
            reading.skip(number, "they are no rows of bridge fdb")
            continue
        words = cells["rest"].split()
        values = dict(zip(words, words[1:], strict=False))
        vlan = values.get("vlan", "")
        _add_bridge_row(
            reading, number, cells["mac"], cells["device"], values.get("master"),
            int(vlan) if re.fullmatch(r"\d{1,4}", vlan, re.ASCII) else None,
            set(words), "dst" in values, section.host,
        )  # fmt: skip


def read_bridge_json(document: Document, reading: Reading) -> None:
    """Add the learned rows of JSON."""
    assert isinstance(document, DataDocument) and isinstance(document.value, list)
    for number, row in reading.numbered(document.value):
        mac, device = (row.get("mac"), row.get("ifname")) if isinstance(row, dict) else (None, None)
        if not (isinstance(mac, str) and isinstance(device, str)):
            reading.skip(number, "they do not name a MAC and an interface")
            continue
        flags, state, master, vlan = (row.get(key) for key in ("flags", "state", "master", "vlan"))
        words = {word for word in flags if isinstance(word, str)} if isinstance(flags, list) else set()
        words |= {state} if isinstance(state, str) else set()
        is_vlan = isinstance(vlan, int) and not isinstance(vlan, bool)
        _add_bridge_row(
            reading, number, mac, device, master if isinstance(master, str) else None,
            vlan if is_vlan else None, words, "dst" in row, None,
        )  # fmt: skip


def _add_bridge_row(
    reading: Reading,
    row: int,
    mac: str,
    device: str,
    master: str | None,
    vlan: int | None,
    words: set[str],
    is_tunnelled: bool,
    host: str | None,
) -> None:
    """A row, unless it is the host's own. `self` rows are a device's filter, but for VXLAN, where `dst` was learned."""
    if words & _NOT_LEARNED or ("self" in words and not is_tunnelled) or mac == "00:00:00:00:00:00":
        reading.skip(row, _REASON)
        return
    _add(reading, row, mac, host, master, device, None, vlan, None, True if is_tunnelled else None)


def _add(
    reading: Reading,
    row: int,
    mac_given: str,
    host: str | None,
    vswitch: str | None,
    interface: str | None,
    port_number: int | None,
    vlan: int | None,
    age_s: int | None,
    is_uplink: bool | None = None,
) -> None:
    mac = reading.take(parse_mac, mac_given, row, "MAC")
    if mac is None:
        return
    reading.add(
        LearnedMac(
            mac, host, clean_name(vswitch or "") or None, clean_name(interface or "") or None, port_number, is_uplink,
            vlan if vlan is not None and 0 < vlan < 4095 else None, age_s, reading.name, row, reading.format,
            *reading.observed(),
        )
    )  # fmt: skip
