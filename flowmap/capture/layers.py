"""Walking ``frame.protocols`` from the outside in, to know which value of a field belongs to which header.

tshark prints all values of a field in one cell (``ip.src`` of a VXLAN frame: outer, inner). The order is that
of the headers, so the n-th ``ip`` of the protocol list owns the n-th value of every ``ip.*`` field that each
header has. The walk stops at the first layer that is no link, tunnel or IP header, hence never enters what an
ICMP error quotes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

IP_LAYERS = frozenset(("ip", "ipv6"))

EXTENSIONS = frozenset(("ipv6.hopopts", "ipv6.dstopts", "ipv6.routing", "ipv6.fraghdr", "ah"))

TUNNELS = frozenset("gre erspan vxlan geneve gtp teredo etherip l2tp mpls pppoes nsh lisp-data".split())
"""Layers that carry another packet and are looked at one by one; ``ip`` in ``ip`` needs no layer of its
own."""

_LINK = (
    "eth ethertype llc vlan ieee8021ad ieee8021ah isl sll null raw ppp chdlc fr ipoib erf arp wlan wlan_radio"
    " radiotap prism ppi fddi tr enc pflog nflog pktap ipnet netmon_header cmd macsec hsr trill vntag"
    " pwethheuristic pwethcw"
)

TRAVERSED = frozenset(_LINK.split()) | IP_LAYERS | EXTENSIONS | TUNNELS | {"udp"}

LINK_NEIGHBORS = frozenset(("lldp", "cdp", "stp"))
"""By which switches know each other."""

DISSECTED = TRAVERSED | LINK_NEIGHBORS | {"frame", "data", "ip", "ipv6"}
"""Dissectors that the column reader leaves on. TCP, ICMP and all above are off: their bytes arrive as
``data``, so tshark keeps no state a TCP flow and a quoted packet stays unread."""

_LINK_BYTES = {
    "eth": 14, "ethertype": 0, "vlan": 4, "ieee8021ad": 4, "null": 4, "raw": 0, "vntag": 6, "pppoes": 6,
    "ppp": 2, "chdlc": 4, "cmd": 8, "llc": 8, "sll": 16,
}  # fmt: skip
"""Header lengths before the first IP header; a layer that is not here leaves the link header length unknown.
PPP counts behind PPPoE only: as a link type it may or may not have an HDLC frame around it."""


class Header(NamedTuple):
    """The n-th header of a kind: ``Header("ip", 1)`` is the second IPv4 header of the frame."""

    kind: str
    number: int


@dataclass(frozen=True, slots=True)
class Wrap:
    """A header that carries another packet.

    ``header`` with ``gre`` and ``udp`` (index of the GRE or UDP header directly in charge, -1: none), ``ip``
    (the IP header around it, None: none), ``ips`` how many IP headers lie outside, ``inner`` the name of the
    next layer and ``place`` its own in the list.
    """

    header: Header
    ip: Header | None
    ips: int
    udp: int
    gre: int
    inner: str
    place: int


@dataclass(frozen=True, slots=True)
class Stack:
    """What one value of ``frame.protocols`` says about the place of every value.

    Attributes
    ----------
    names : tuple of str
        The layers.
    ip : Header or None
        Innermost IP header; None too where a tunnel carries an Ethernet frame without IP, such as ARP in
        VXLAN.
    carrier : Header or None
        In that case, the IP header of the tunnel.
    outer_ip : Header or None
        Outermost IP header.
    eth : int
        Index of the innermost Ethernet header, -1: none.
    vlans : tuple of Header
        Tags of that Ethernet (or cooked) header, outermost first.
    extensions : tuple of Header
        IPv6 extension headers and AH behind the innermost IP header.
    tail : tuple of str
        Layers behind those.
    udp : int
        Index of the UDP header directly behind the innermost IP header or carrier, -1: none.
    wraps : tuple of Wrap
        Tunnels around the innermost header, outermost first, with an ``ipip`` entry for IP directly in IP.
    ip_layers : int
        Number of IP headers.
    link_bytes : int
        Length of what stands before the outermost IP header, -1: unknown.
    has_arp, has_link_neighbor, is_cooked, undecoded_mirror : bool
        An ARP frame; LLDP, CDP or spanning tree; a Linux cooked header outside; a mirror transport whose content was
        not decoded.
    """

    names: tuple[str, ...]
    ip: Header | None
    carrier: Header | None
    outer_ip: Header | None
    eth: int
    vlans: tuple[Header, ...]
    extensions: tuple[Header, ...]
    tail: tuple[str, ...]
    udp: int
    wraps: tuple[Wrap, ...]
    ip_layers: int
    link_bytes: int
    has_arp: bool
    has_link_neighbor: bool
    is_cooked: bool
    undecoded_mirror: bool


@lru_cache(maxsize=4096)
def stack_of(protocols: str) -> Stack:
    """Walk one protocol list. Lists are few; the cache is bounded because packets choose them."""
    return walk(tuple(protocols.split(":")))


def walk(names: tuple[str, ...]) -> Stack:
    """Place every header of a list of layers; see :class:`Stack`."""
    seen: dict[str, int] = {}
    ips: list[tuple[int, Header]] = []
    eths: list[tuple[int, int]] = [(-1, -1)]
    tags: list[tuple[int, Header]] = []
    extensions: list[Header] = []
    wraps: list[Wrap] = []
    end = next((place for place, name in enumerate(names) if name not in TRAVERSED), len(names))
    for place, name in enumerate(names[:end]):
        header = Header(name, seen.get(name, 0))
        seen[name] = header.number + 1
        around = ips[-1][1] if ips else None
        if name in IP_LAYERS:
            if ips and place == ips[-1][0] + 1 + len(extensions):
                wraps.append(Wrap(Header("ipip", header.number), around, len(ips), -1, -1, name, place - 1))
            ips.append((place, header))
            extensions = []
        elif name in EXTENSIONS:
            extensions.append(header)
        elif name == "eth":
            eths.append((place, header.number))
        elif name in ("vlan", "ieee8021ad"):
            tags.append((place, header))
        elif name in TUNNELS:
            udp = seen["udp"] - 1 if names[place - 1 : place] == ("udp",) else -1
            inner = names[place + 1] if place + 1 < len(names) else ""
            wraps.append(Wrap(header, around, len(ips), udp, seen.get("gre", 0) - 1, inner, place))
    eth_place, eth = eths[-1]
    last_ip = ips[-1][0] if ips else -1
    innermost = max(last_ip, eth_place)
    undecoded_mirror = any(wrap.header.kind == "erspan" and wrap.place > innermost for wrap in wraps)
    if undecoded_mirror:  # what was copied is unknown, and the headers around it are the copier's
        innermost, eth_place, eth = end, end, -1
    behind_ip = last_ip + 1 + len(extensions)
    return Stack(
        names=names,
        ip=ips[-1][1] if ips and last_ip > eth_place else None,
        carrier=ips[-1][1] if ips and last_ip < eth_place and not undecoded_mirror else None,
        outer_ip=ips[0][1] if ips else None,
        eth=eth,
        vlans=tuple(tag for place, tag in tags if place > eth_place),
        extensions=tuple(extensions),
        tail=names[behind_ip:] if ips else names[end:],
        udp=names[:behind_ip].count("udp") if names[behind_ip : behind_ip + 1] == ("udp",) else -1,
        wraps=tuple(wrap for wrap in wraps if wrap.place < innermost),
        ip_layers=len(ips),
        link_bytes=_link_bytes(names),
        has_arp="arp" in names[:end],
        has_link_neighbor=not LINK_NEIGHBORS.isdisjoint(names),
        is_cooked=names[0] == "sll",
        undecoded_mirror=undecoded_mirror,
    )


def _link_bytes(names: tuple[str, ...]) -> int:
    total = 0
    for place, name in enumerate(names):
        if name in IP_LAYERS:
            return total
        if name not in _LINK_BYTES or (name == "ppp" and place == 0):
            return -1
        total += _LINK_BYTES[name]
    return -1
