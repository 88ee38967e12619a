"""From frames to the columns of a PacketBatch: what the kernels leave to do.

The kernels number capture points and tunnels call by call, so that calls can run side by side; here they get their
numbers in the map, in the order of the file.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from flowmap.capture.claims import ClaimBook, arp_claim, dhcp_claim, neighbor_claim
from flowmap.capture.outcome import NoticeCounter
from flowmap.capture.points import Registry
from flowmap.capture.rooms import Room, plain_table
from flowmap.kernels import found as found_in
from flowmap.kernels import state
from flowmap.kernels.arrays import Int64
from flowmap.kernels.calling import held
from flowmap.kernels.decode import decode_frames
from flowmap.packets import NO_TIME, Claim, Known, PacketBatch, Tunnel, ip_text
from flowmap.settings import Settings

LINK_TYPES = frozenset((0, 1, 9, 12, 14, 50, 51, 101, 104, 108, 113, 228, 229, 242, 276))
"""Link types (tcpdump.org/linktypes) that the kernels read."""

_VXLAN_GPE_PORT, _GTP_PORTS = 4790, (2152, 3386)
_ETHERNET_LIKE = (1, 6)
"""Hardware types whose addresses are MACs: Ethernet and IEEE 802."""

_SKIPPED = {
    found_in.TOO_DEEP: "too_deep",
    found_in.INCOMPLETE: "ip_header_incomplete",
    found_in.MIRROR_NOT_DECODED: "mirror_not_decoded",
}

PointOf = Callable[[int, int, str], int]
"""(interface over the file, cooked index, mirror session) to the number of the capture point."""


def decoder_options(settings: Settings) -> npt.NDArray[np.int64]:
    """What the kernel needs to know of the settings: depth, and the overlays' UDP destination ports."""
    ports = [(port, state.VXLAN) for port in settings.vxlan_ports]
    ports += [(port, state.GENEVE) for port in settings.geneve_ports]
    ports += [(_VXLAN_GPE_PORT, state.VXLAN_GPE), *((port, state.GTP) for port in _GTP_PORTS)]
    return np.array([settings.encapsulation_depth, *(word for pair in ports for word in pair)], np.int64)


class FrameDecoder:
    """Turns records into batches.

    Parameters
    ----------
    point_of : callable
        Gives the map's number of a capture point.
    registry : Registry
        Numbers the tunnels.
    settings : Settings
    notices : NoticeCounter

    Attributes
    ----------
    options : int64
        What the kernels need to know of the settings.
    skipped : dict
        Reason to frames without IP that are no honest non-IP frames.
    """

    def __init__(self, point_of: PointOf, registry: Registry, settings: Settings, notices: NoticeCounter) -> None:
        self._point_of, self._registry, self._notices = point_of, registry, notices
        self.options = held(decoder_options(settings), Int64)
        self._claims = ClaimBook(settings.max_names, notices)
        self._latest_ns = NO_TIME
        self.skipped: dict[str, int] = {}

    def decode(self, data: npt.NDArray[np.uint8], base: int, room: Room) -> None:
        """Decode the rows of a room up to ``room.framed``, perhaps not all; may run in several threads at once.

        Parameters
        ----------
        data : uint8 (n,)
            A window of the file that holds these frames.
        base : int
            Its offset in the file.
        room : Room
            Takes the columns; ``room.count`` moves on.
        """
        room.count = decode_frames(
            data, base, room.rows, room.count, room.framed, self.options, room.tables, room.scratch
        )
        room.keep_messages(data)

    def batch_of(self, room: Room) -> PacketBatch:
        """Number points and tunnels and keep the claims; calls come in the order of the file."""
        table, found = plain_table(room), room.found
        counts = found.counts.tolist()
        points = [self._point(row) for row in found.points[: counts[found_in.POINTS]].tolist()]
        tunnels = [self._tunnel(row) for row in found.tunnels[: counts[found_in.TUNNELS]].tolist()]
        if points != list(range(len(points))):
            table["point"][:] = np.array(points, np.int32)[table["point"]]
        if tunnels:
            table["tunnel"][:] = np.array([*tunnels, -1], np.int32)[table["tunnel"]]
        for place, reason in _SKIPPED.items():
            if counts[place]:
                self.skipped[reason] = self.skipped.get(reason, 0) + counts[place]
        self._notices.add("ip_length_lies", counts[found_in.LENGTH_LIES])
        claims = found.claims[: len(room.messages), :2].tolist()
        for (row, kind), message in zip(claims, room.messages, strict=True):
            self._note_claim(table, row, kind, message)
        self._note_frames(table["time_ns"], counts)
        known = Known(room.rows, points, counts[found_in.FRAGMENTS] > 0)
        return PacketBatch(**table, claims=self._claims.take(), known=known)

    def _point(self, row: list[int]) -> int:
        interface, cooked_index, mirror, high, low, session, index = row
        if not mirror:
            return self._point_of(interface, cooked_index, "")
        source = _address(mirror >> 8, high, low)
        text = f"{state.MIRROR_KINDS[mirror & 0xFF]}:{source}" + (f"/{session}" if session >= 0 else "")
        return self._point_of(interface, cooked_index, text + (f"/{index}" if index > 0 else ""))

    def _tunnel(self, row: list[int]) -> int:
        kind, src_high, src_low, dst_high, dst_low, network = row
        source, destination = _address(kind >> 8, src_high, src_low), _address(kind >> 8, dst_high, dst_low)
        return self._registry.tunnel(Tunnel(state.TUNNEL_KINDS[kind & 0xFF], source, destination, network))

    def _note_claim(self, table: dict[str, npt.NDArray[Any]], row: int, kind: int, message: bytes) -> None:
        found: tuple[int, str, str] | None = None
        if kind == found_in.ARP:
            found = _arp(message)
        elif kind == found_in.NEIGHBOR:
            high, low = table["src_ip"][row].tolist()
            claim = neighbor_claim(message, ip_text(high, low))
            found = (claim[0], claim[1], "nd") if claim else None
        else:
            claim = dhcp_claim(message)
            found = (claim[0], claim[1], "dhcp") if claim else None
        if found:
            mac, ip, how = found
            point, vlan, tunnel = (int(table[name][row]) for name in ("point", "vlan", "tunnel"))
            number, time_ns = int(table["frame_number"][row]), int(table["time_ns"][row])
            self._claims.add(Claim(mac, ip, how, point, vlan, tunnel, number, time_ns))

    def _note_frames(self, times: npt.NDArray[np.int64], counts: list[int]) -> None:
        notices, untimed = self._notices, counts[found_in.UNTIMED]
        notices.add("no_time", untimed)
        notices.add("implausible_time", counts[found_in.TIMELESS] - untimed)
        notices.add("implausible_length", counts[found_in.ABSURD])
        notices.add("length_below_captured", counts[found_in.BELOW_CAPTURED])
        notices.add("nothing_captured", counts[found_in.EMPTY])
        notices.add("no_ip", counts[found_in.WITHOUT_IP])
        notices.add("malformed", counts[found_in.CUT_LINKS] + counts[found_in.INCOMPLETE])
        backward = counts[found_in.BACKWARD]
        if NO_TIME < counts[found_in.FIRST_NS] < self._latest_ns:  # an earlier batch has later frames than this one
            known = times[times != NO_TIME]
            latest = np.maximum.accumulate(np.concatenate(([self._latest_ns], known[:-1])))
            backward = int(np.count_nonzero(known < latest))
        notices.add("not_in_time_order", backward)
        self._latest_ns = max(self._latest_ns, counts[found_in.LATEST_NS])


def _address(version: int, high: int, low: int) -> str:
    """Address text of two signed halves; "" where there is none."""
    return ip_text(high & 0xFFFF_FFFF_FFFF_FFFF, low & 0xFFFF_FFFF_FFFF_FFFF) if version else ""


def _arp(message: bytes) -> tuple[int, str, str] | None:
    """What an ARP or RARP packet claims (RFC 826): only Ethernet and IPv4 addresses are read."""
    if len(message) < 8 or len(message) < 8 + 2 * (message[4] + message[5]):
        return None
    ethernet = int.from_bytes(message[:2]) in _ETHERNET_LIKE and message[4] == 6
    is_ip = message[2:4] == b"\x08\x00" and message[5] == 4
    mac = int.from_bytes(message[8:14]) if ethernet else -1
    ip = ".".join(map(str, message[14:18])) if ethernet and is_ip else ""
    claim = arp_claim(str(int.from_bytes(message[6:8])), mac, ip)
    return (mac, claim[1], claim[0]) if claim else None
