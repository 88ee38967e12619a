"""Which machines carry packets of others: tunnel endpoints and the senders of mirror sessions.

What two tunnel endpoints say to each other is a row like any other, but a filter for their addresses finds every packet
that they carry as well, because outer addresses are addresses too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from flowmap.capture.points import CapturePoint
from flowmap.packets import Tunnel

IP_IN_IP = {
    "ipip": "ip.proto == 4", "6in4": "ip.proto == 41", "4in6": "ipv6.nxt == 4", "6in6": "ipv6.nxt == 41",
}  # fmt: skip
"""Not said of the packets in such a tunnel: extension headers may stand in between (RFC 8754 has one)."""

PROTOCOLS = {
    **{kind: kind for kind in ("vxlan", "geneve", "gre", "gtp", "mpls", "l2tp", "nsh", "teredo", "etherip")},
    "pppoe": "pppoes", "lisp": "lisp-data", "nvgre": "gre", "pptp": "gre",
    **IP_IN_IP,
}  # fmt: skip
"""Kind of a tunnel to the display filter that finds everything in such tunnels."""


class Carriers:
    """What is carried between which addresses, in display filter words.

    Parameters
    ----------
    tunnels
        All tenant overlays of the map.
    points
        Its capture points, mirror sessions among them.
    """

    def __init__(self, tunnels: Iterable[Tunnel], points: Iterable[CapturePoint]) -> None:
        self._between: dict[tuple[str, str], dict[str, None]] = defaultdict(dict)
        self._mirrors: set[tuple[str, str]] = set()
        for tunnel in tunnels:
            if tunnel.kind in PROTOCOLS and tunnel.source:
                self._between[tunnel.source, tunnel.destination][PROTOCOLS[tunnel.kind]] = None
        for point in points:
            kind, _, rest = point.key.mirror.partition(":")
            if kind in ("erspan", "gre-teb"):
                self._mirrors.add((point.key.file, rest.partition("/")[0]))

    def between(self, file: str, address_pairs: Iterable[tuple[str, str]]) -> list[str]:
        """Words for what may be carried in packets with these outer addresses in a file."""
        words: dict[str, None] = {}
        for source, destination in address_pairs:
            words |= self._between.get((source, destination), {})
            if (file, source) in self._mirrors:
                words["gre"] = None
        return list(words)
