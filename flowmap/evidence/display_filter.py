"""Display filters of Wireshark and ``tshark -Y`` that find exactly the frames which a row of sightings counted.

A comparison there is true when *any* field of that name in the frame fits: ``ip.src == x`` looks at outer and inner
headers, and at the packet that an ICMP error quotes. So a row says everything that it knows of its frames, and leaves
out with ``!(...)`` what other rows of the same file have beyond that (wireshark-filter(4)).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from flowmap.capture.points import CapturePoint, PointKey
from flowmap.evidence.carriers import IP_IN_IP, PROTOCOLS
from flowmap.packets import ICMP, ICMPV6, Tunnel, mac_text

ADDRESSES_NAMED = 16
"""Addresses of one side in a filter; a longer one cannot be read."""

ADDRESS_PAIRS_NAMED = 4
"""Pairs of addresses that are written one by one; more become two sets."""

ADDRESS_PAIRS_KEPT = 64
"""Pairs of addresses that are remembered of a row; a row with so many may have more."""

EXCLUSIONS = 8
"""Other rows that one filter leaves out by name."""

UNTAGGED, _TAG = "!vlan && !ieee8021ad", "(vlan.id"
_LINUX_COOKED = (113, 276)
"""Link types SLL and SLL2, whose header has no destination."""

_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._:@/-]{0,63}", re.ASCII)
"""Interface names that need no escape in a filter; others are found by number."""

_NETWORK_FIELDS = {
    "vxlan": "vxlan.vni", "geneve": "geneve.vni", "gre": "gre.key", "gtp": "gtp.teid", "mpls": "mpls.label",
    "pppoe": "pppoe.session_id", "l2tp": "l2tp.session", "nsh": "nsh.spi", "pptp": "gre.key.call_id",
}  # fmt: skip
_ERSPAN_I, _GRE_TEB = "gre.proto == 0x88be", "gre.proto == 0x6558"

GRE = 47
"""IP protocol number."""

_IN_GRE = ("gre", "(gre", "erspan")

AddressPair = tuple[str, str]
"""Source and destination as address text."""


@dataclass(slots=True)
class FrameMarks:
    """What tells the frames of one row from all others of its file.

    ``facts`` are comparisons that hold for each of the frames, the most telling first, and ``implied`` what follows
    from them; ``address_pairs`` are their innermost ends. ``is_untagged`` says that no frame has a VLAN tag at all.
    ``quoted_by`` are outer sources: an ICMP error about such a packet goes to them and quotes it. ``not_carrying`` are
    words of :class:`flowmap.evidence.carriers.Carriers` for what the two carry for others. ``note`` says which other
    frames a filter of these facts may find.
    """

    file: str
    facts: list[str] = field(default_factory=list)
    implied: set[str] = field(default_factory=set)
    address_pairs: list[AddressPair] = field(default_factory=list)
    is_untagged: bool = False
    quoted_by: list[str] = field(default_factory=list)
    not_carrying: list[str] = field(default_factory=list)
    has_icmp: bool = False
    has_gre: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class DisplayFilter:
    """A filter and, where it may find other frames than those counted, which (else "")."""

    text: str
    note: str = ""


class FileInterfaces:
    """How a filter names the interface of a capture point: not at all where its file has only one.

    tshark 4.0 numbers interfaces anew in each section of a pcapng file, and takes their names from the first.
    """

    def __init__(self, points: Iterable[CapturePoint]) -> None:
        self._names: dict[str, dict[tuple[int, int], str]] = {}
        self._facts: dict[PointKey, tuple[list[str], str]] = {}
        for point in points:
            interfaces = self._names.setdefault(point.key.file, {})
            interfaces[point.key.section, point.key.interface_id] = point.interface

    def facts(self, point: CapturePoint) -> tuple[list[str], str]:
        """Comparisons for the interface, and what they find beyond it."""
        found = self._facts.get(point.key)
        if found is None:
            found = self._facts[point.key] = self._facts_of(point)
        return found

    def _facts_of(self, point: CapturePoint) -> tuple[list[str], str]:
        interfaces = self._names[point.key.file]
        if len(interfaces) == 1:
            return [], ""
        section, number = point.key.section, point.key.interface_id
        sections = {of for of, _ in interfaces}
        if sections != {0}:
            facts = [f"frame.section_number == {section + 1}"] if len(sections) > 1 else []
            if sum(of == section for of, _ in interfaces) == 1:
                return facts, ""
            if section:
                return facts, "It finds other interfaces as well: Wireshark numbers those of this section anew."
            return [*facts, f"frame.interface_id == {number}"], ""
        name = point.interface
        if _PLAIN_NAME.fullmatch(name) and list(interfaces.values()).count(name) == 1:
            return [f'frame.interface_name == "{name}"'], ""
        return [f"frame.interface_id == {number}"], ""


def marks_of(
    point: CapturePoint,
    interfaces: FileInterfaces,
    macs: tuple[int, int],
    vlans: tuple[int, int],
    tunnel: Tunnel | None,
    address_pairs: Iterable[AddressPair],
    protocols: Collection[int],
    carried: Collection[str],
) -> FrameMarks:
    """What is known of the frames of a row.

    Parameters
    ----------
    point
        Where they were captured.
    interfaces
        Of all files of the map.
    macs, vlans
        Source and destination MAC; innermost and outermost tag: as in a leg's key, -1 for none.
    tunnel
        The tenant overlay around them.
    address_pairs
        Innermost source and destination addresses.
    protocols
        IP protocols of the conversations in the row.
    carried
        What else packets between these addresses may carry (:class:`flowmap.evidence.carriers.Carriers`).
    """
    facts, note = interfaces.facts(point)
    facts = list(facts)
    marks = FrameMarks(point.key.file, facts, address_pairs=list(address_pairs), note=note)
    if point.key.cooked_index >= 0:
        facts.append(f"sll.ifindex == {point.key.cooked_index}")
    marks.not_carrying = list(carried)
    marks.has_gre = GRE in protocols  # GRE whose content nobody reads is a conversation of its endpoints
    if marks.has_gre:
        _allow(marks, "gre")
    _note_mirror(marks, point.key.mirror)
    if tunnel:
        _note_tunnel(marks, tunnel)
    _note_tags(marks, vlans, is_wrapped=bool(tunnel or marks.quoted_by))
    _note_macs(marks, macs, point.linktype)
    marks.has_icmp = not {ICMP, ICMPV6}.isdisjoint(protocols)
    if macs[0] < 0 and not marks.quoted_by:
        if marks.has_icmp:
            marks.note = marks.note or "It may find ICMP errors as well that quote these packets."
        else:
            marks.not_carrying += ["icmp", "icmpv6"]
    return marks


def _note_mirror(marks: FrameMarks, mirror: str) -> None:
    """A mirror session: ``erspan:SOURCE/SESSION/INDEX``, ``gre-teb:SOURCE/KEY`` (see ``PointKey.mirror``)."""
    kind, _, rest = mirror.partition(":")
    if kind not in ("erspan", "gre-teb"):
        return
    source, *numbers = rest.split("/")
    marks.implied |= {"gre", _GRE_TEB if kind == "gre-teb" else _ERSPAN_I}
    if kind == "gre-teb":
        marks.facts += [f"gre.key == {number}" for number in numbers[:1]] or [_GRE_TEB]
    else:
        fields = ("erspan.spanid", "erspan.index")
        marks.facts += [f"{name} == {number}" for name, number in zip(fields, numbers, strict=False)] or [_ERSPAN_I]
    _allow(marks, "gre")
    if source:
        marks.facts.append(f"{_ip(source)}.src == {source}")
        marks.quoted_by.append(source)


def _allow(marks: FrameMarks, word: str) -> None:
    """The frames are in such a tunnel themselves, so it cannot be left out."""
    if word in marks.not_carrying:
        marks.not_carrying.remove(word)
        marks.note = marks.note or "It finds what the two carry for others in the same kind of tunnel as well."


def _note_tunnel(marks: FrameMarks, tunnel: Tunnel) -> None:
    kind, source, destination, network = tunnel
    if kind == "nvgre" and network >= 0:
        # RFC 7637 3.2: the lower 8 bits of the key are a flow number.
        marks.facts.append(f"(gre.key >= {network << 8} && gre.key <= {network << 8 | 0xFF})")
    elif kind in _NETWORK_FIELDS and network >= 0:
        marks.facts.append(f"{_NETWORK_FIELDS[kind]} == {network}")
    elif kind in PROTOCOLS and kind not in IP_IN_IP:
        marks.facts.append(PROTOCOLS[kind])
    if kind in PROTOCOLS:
        marks.implied.add(PROTOCOLS[kind])
        _allow(marks, PROTOCOLS[kind])
    for end, address in (("src", source), ("dst", destination)):
        if address:
            marks.facts.append(f"{_ip(address)}.{end} == {address}")
    if source:
        marks.quoted_by.append(source)


def _note_tags(marks: FrameMarks, vlans: tuple[int, int], *, is_wrapped: bool) -> None:
    """VLAN tags. A service tag (802.1ad) is another protocol to Wireshark, and a leg does not say which kind it had."""
    marks.facts += [f"(vlan.id == {vlan} || ieee8021ad.id == {vlan})" for vlan in dict.fromkeys(vlans) if vlan >= 0]
    marks.is_untagged = max(vlans) < 0 and not is_wrapped  # around a tunnel the underlay may be tagged


def _note_macs(marks: FrameMarks, macs: tuple[int, int], linktype: int) -> None:
    source, destination = macs
    if source >= 0:
        name = "sll.src.eth" if destination < 0 and linktype in _LINUX_COOKED else "eth.src"
        marks.facts.append(f"{name} == {mac_text(source)}")
    if destination >= 0:
        marks.facts.append(f"eth.dst == {mac_text(destination)}")


def row_filter(marks: FrameMarks, others: Iterable[FrameMarks]) -> DisplayFilter:
    """The filter of one row; ``others`` are all rows of the pair, itself perhaps among them."""
    ends = set(marks.address_pairs)
    note = marks.note
    left_out: dict[str, None] = {}
    for other in others:
        if other is marks or other.file != marks.file or not _may_be_taken_for(marks, other):
            continue
        if len(ends) < ADDRESS_PAIRS_KEPT and ends.isdisjoint(other.address_pairs):
            continue
        beyond = next((fact for fact in other.facts if fact not in marks.facts), None)
        may_be_own = beyond is not None and marks.has_gre and beyond.startswith(_IN_GRE)
        if beyond is None or may_be_own or len(left_out) >= EXCLUSIONS:
            note = note or "It finds the frames of another row as well, which differ in nothing to filter by."
        else:
            left_out[beyond] = None
    addresses = _addresses(marks.address_pairs)
    if addresses is None:
        note = note or "It may find more: the row has more addresses than a filter can name."
    parts = [*dict.fromkeys(marks.facts), UNTAGGED if marks.is_untagged else "", addresses or ""]
    parts += [f"!{fact}" if fact.startswith("(") else f"!({fact})" for fact in left_out]
    destinations = {destination for _, destination in marks.address_pairs}
    parts += [f"!({_ip(ip)}.dst == {ip})" for ip in dict.fromkeys(marks.quoted_by) if ip not in destinations]
    for word in marks.not_carrying:
        absent = f"!({word})" if " " in word else f"!{word}"
        parts.append(f"(icmp || icmpv6 || {absent})" if marks.has_icmp else absent)
    if marks.has_icmp and marks.not_carrying:
        note = note or "It finds ICMP that the two carry for others as well."
    return DisplayFilter(" && ".join(filter(None, parts)), note)


def _may_be_taken_for(marks: FrameMarks, other: FrameMarks) -> bool:
    """Whether all that is known of a row's frames may hold for another row's frames too."""
    if marks.is_untagged and any(fact.startswith(_TAG) for fact in other.facts):
        return False
    missing = set(marks.facts) - other.implied - set(other.facts)
    if not missing:
        return True
    # A tunnel has MACs around it as well, of which the row of what is in it says nothing.
    around = [fact for fact in other.facts if not fact.startswith("eth.") and fact not in marks.facts]
    return bool(other.quoted_by and around) and all(fact.startswith("eth.") for fact in missing)


def pair_filter(ends: Sequence[tuple[AddressPair, tuple[int, int]]]) -> DisplayFilter | None:
    """A filter for everything between two machines, in any file; None where they have no address to name.

    It also finds ICMP errors that quote their packets.

    Parameters
    ----------
    ends
        Addresses of both directions with the MACs of their frames, most bytes first.
    """
    everywhere: dict[AddressPair, None] = {}
    on_one_link: dict[str, None] = {}
    note = ""
    for (source, destination), macs in ends:
        on_link = [mac for ip, mac in zip((source, destination), macs, strict=True) if _is_for_one_link(ip)]
        if not on_link:
            everywhere[min(source, destination), max(source, destination)] = None
            continue
        pair = " && ".join(f"{_ip(ip)}.addr == {ip}" for ip in sorted((source, destination)))
        named = [f"eth.addr == {mac_text(mac)}" for mac in sorted(on_link) if mac >= 0]
        on_one_link[" && ".join([pair, *named])] = None
        if len(named) < len(on_link):
            note = "It finds other machines as well: an address of these means one machine on its own link only."
    known = list(everywhere)[:ADDRESSES_NAMED]
    clauses = [clause for family in ("ip", "ipv6") for clause in _between(family, known)]
    clauses += [f"({clause})" for clause in list(on_one_link)[:ADDRESSES_NAMED]]
    if not clauses:
        return None
    if max(len(everywhere), len(on_one_link)) > ADDRESSES_NAMED:
        note = f"It names only the {ADDRESSES_NAMED} pairs of addresses with most bytes."
    return DisplayFilter(" || ".join(clauses), note)


def _is_for_one_link(ip: str) -> bool:
    """Whether many machines have the address, each on a link of its own (RFC 1122 3.2.1.3, RFC 4291 2.5)."""
    return ip in ("0.0.0.0", "::") or ip.startswith("fe80:")


def _between(family: str, pairs: Sequence[AddressPair]) -> list[str]:
    """A clause for each end that pairs of one family have in common."""
    pairs = [pair for pair in pairs if _ip(pair[0]) == family]
    clauses = [f"({family}.src == {one} && {family}.dst == {one})" for one, other in pairs if one == other]
    pairs = [pair for pair in pairs if pair[0] != pair[1]]
    use = Counter(address for pair in pairs for address in pair)
    peers: dict[str, list[str]] = {}
    for one, other in pairs:
        hub, peer = (one, other) if use[one] >= use[other] else (other, one)
        peers.setdefault(hub, []).append(peer)
    return clauses + [f"({family}.addr == {hub} && {_is_any(f'{family}.addr', of)})" for hub, of in peers.items()]


def _addresses(pairs: Sequence[AddressPair]) -> str | None:
    """The clause for innermost addresses; None where there are too many."""
    if len(pairs) <= ADDRESS_PAIRS_NAMED:
        clauses = [f"{_ip(source)}.src == {source} && {_ip(source)}.dst == {to}" for source, to in pairs]
    else:
        clauses = []
        for family in ("ip", "ipv6"):
            ends = [list(dict.fromkeys(pair[end] for pair in pairs if _ip(pair[0]) == family)) for end in (0, 1)]
            if max(map(len, ends)) > ADDRESSES_NAMED or len(pairs) >= ADDRESS_PAIRS_KEPT:
                return None
            if ends[0]:
                clauses.append(f"{_is_any(f'{family}.src', ends[0])} && {_is_any(f'{family}.dst', ends[1])}")
    return clauses[0] if len(clauses) == 1 else "(" + " || ".join(f"({clause})" for clause in clauses) + ")"


def _is_any(name: str, values: Sequence[str]) -> str:
    return f"{name} == {values[0]}" if len(values) == 1 else f"{name} in {{{', '.join(values)}}}"


def _ip(address: str) -> str:
    """The protocol of an address in Wireshark's words."""
    return "ipv6" if ":" in address else "ip"
