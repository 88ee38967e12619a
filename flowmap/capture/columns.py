"""From rows of tshark to the columns of a PacketBatch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from flowmap.capture.claims import ClaimBook, arp_claim, dhcp_claim, neighbor_claim
from flowmap.capture.headers import IpHeader, ip_header, is_carried, outer_length, segment, times_ns, vlans
from flowmap.capture.layers import Header, Stack, stack_of, walk
from flowmap.capture.lengths import BoolArray, IntArray, absurd, ip_lengths, wire_lengths
from flowmap.capture.outcome import NoticeCounter
from flowmap.capture.places import Places
from flowmap.capture.points import Registry
from flowmap.capture.rows import Part, Row, column, frame_cells
from flowmap.capture.transport import identity_words, read_segments
from flowmap.capture.wraps import unwrap
from flowmap.kernels.walk import least_link_bytes
from flowmap.packets import (
    COLUMNS,
    FIRST_FRAGMENT,
    ICMPV6,
    LATER_FRAGMENT,
    NO_TIME,
    UDP,
    WHOLE,
    Claim,
    PacketBatch,
    ip_halves,
    ip_text,
    packet_hashes,
)
from flowmap.settings import Settings

_ETHERNET_HARDWARE = 1
_SLL2_BYTES_MORE = 4
_CACHE_ENTRIES = 1 << 16
_GTP_PORTS, _VXLAN_GPE_PORT = (2152, 3386), 4790
_NEIGHBOR_HOP_LIMIT = 255
_DHCP_SERVER_PORT = 67


class BatchBuilder:
    """Builds the batches of one capture and counts what was odd.

    ``skipped`` counts frames without IP that are no honest non-IP frames, by reason.
    """

    def __init__(self, places: Places, registry: Registry, settings: Settings, notices: NoticeCounter) -> None:
        self._places, self._registry, self._settings, self._notices = places, registry, settings, notices
        self._claims = ClaimBook(settings.max_names, notices)
        self._addresses: dict[str, tuple[int, int]] = {}
        self._macs: dict[str, int] = {"": -1}
        self._latest_ns = NO_TIME
        self._overlay_ports = {
            "vxlan": {*settings.vxlan_ports, _VXLAN_GPE_PORT},
            "geneve": set(settings.geneve_ports),
            "gtp": set(_GTP_PORTS),
        }
        self.skipped: dict[str, int] = {}

    def build(self, rows: Sequence[Row], frame_numbers: Sequence[int]) -> PacketBatch:
        """One batch of these rows, in their order."""
        out = _empty(len(rows))
        out["frame_number"][:] = frame_numbers
        times = column(rows, "frame.time_epoch")
        out["time_ns"][:] = times_ns(times)
        without = times.count("")
        self._notices.add("no_time", without)
        self._notices.add("carried_time", sum(map(is_carried, times)))
        if not self._places.all_have_clocks:
            about = zip(column(rows, "frame.interface_id"), column(rows, "frame.section_number"), strict=True)
            out["time_ns"][[not self._places.has_clock(*names) for names in about]] = NO_TIME
        self._notices.add("implausible_time", int((out["time_ns"] == NO_TIME).sum()) - without)
        out["frame_bytes"][:] = [int(text) for text in column(rows, "frame.len")]
        out["captured_bytes"][:] = [int(text) for text in column(rows, "frame.cap_len")]
        for part in self._parts(rows):
            self._fill(part, out)
        self._note_frames(out)
        return PacketBatch(**{name: out[name] for name in COLUMNS}, claims=self._claims.take(), known=None)

    def _parts(self, rows: Sequence[Row]) -> list[Part]:
        """Split by protocol list; overlays on a UDP port that is none of theirs end at the UDP header."""
        places: dict[str, list[int]] = {}
        for place, protocols in enumerate(column(rows, "frame.protocols")):
            places.setdefault(protocols, []).append(place)
        parts = []
        for protocols, at in places.items():
            stack = stack_of(protocols)
            members: dict[int, list[int]] = {}
            for place in at:
                members.setdefault(self._overlay_end(stack, rows[place]), []).append(place)
            for end, chosen in members.items():
                kept = stack if end < 0 else walk(stack.names[:end])
                parts.append(Part([rows[place] for place in chosen], np.array(chosen, np.intp), kept))
        return parts

    def _overlay_end(self, stack: Stack, row: Row) -> int:
        """Place of the first UDP overlay on a wrong destination port, -1 when there is none (DESIGN section
        3)."""
        for wrap in stack.wraps:
            ports = self._overlay_ports.get(wrap.header.kind)
            if ports is not None and wrap.udp >= 0:
                values = frame_cells(row)("udp.dstport")
                if wrap.udp < len(values) and int(values[wrap.udp]) not in ports:
                    return wrap.place
        return -1

    def _fill(self, part: Part, out: dict[str, npt.NDArray[Any]]) -> None:
        stack, at = part.stack, part.at
        cooked = part.numbers("sll.ifindex") if stack.is_cooked else np.full(len(part), -1, np.int64)
        out["point"][at], out["tunnel"][at] = self._points_and_tunnels(part, cooked)
        out["src_mac"][at], out["dst_mac"][at] = self._link_addresses(part)
        out["outer_vlan"][at], out["vlan"][at] = vlans(part)
        link = np.full(len(part), stack.link_bytes, np.int64) + _SLL2_BYTES_MORE * (cooked >= 0)
        out["wire_bytes"][at] = wire_lengths(
            frame=out["frame_bytes"][at],
            captured=out["captured_bytes"][at],
            link=link,
            outer_ip=outer_length(part),
        )
        if len(stack.wraps) > self._settings.encapsulation_depth:
            self._skip("too_deep", len(part))
        elif stack.undecoded_mirror:
            self._skip("mirror_not_decoded", len(part))
        elif stack.ip is not None:
            self._fill_ip(part, stack.ip, link, out)
        else:
            if stack.carrier is not None:
                self._fill_carrier(part, stack.carrier, out)
            if stack.has_arp:
                self._note_arp(part, out)
            elif not stack.has_link_neighbor:
                self._notices.add("no_ip", int((out["captured_bytes"][at] > 0).sum()))

    def _fill_ip(self, part: Part, header: Header, link: IntArray, out: dict[str, npt.NDArray[Any]]) -> None:
        """The columns of the innermost IP header and what stands behind it."""
        sources, destinations = (part.texts(f"{header.kind}.{end}", header.number) for end in ("src", "dst"))
        readable = np.array([bool(s and d) for s, d in zip(sources, destinations, strict=True)], np.bool_)
        self._skip("ip_header_incomplete", int((~readable).sum()))
        self._notices.add("malformed", int((~readable).sum()))
        ip = ip_header(part, header)
        data, captured, udp_length = segment(part)
        later = ip.offset > 0
        single = part.stack.ip_layers == 1
        frame, frame_captured = out["frame_bytes"][part.at], out["captured_bytes"][part.at]
        lengths = ip_lengths(
            declared=ip.declared,
            header=ip.header,
            segment=captured,
            frame=np.where(absurd(frame, frame_captured), frame_captured, frame),
            captured=frame_captured,
            link=link if single else np.full(len(part), -1, np.int64),
            udp_length=np.where(later | ip.more, -1, udp_length),
        )
        self._notices.add("ip_length_lies", int((lengths.lies & readable).sum()))
        behind = lengths.total - ip.header
        segments = read_segments(ip.protocol, data, np.maximum(captured, 0), behind, later)
        ipv4_id = ip.identity if header.kind == "ip" else np.full(len(part), -1, np.int64)
        values = {
            "ip_version": np.full(len(part), 4 if header.kind == "ip" else 6),
            "src_ip": self._ip_columns(sources),
            "dst_ip": self._ip_columns(destinations),
            "protocol": ip.protocol,
            "src_port": segments.src_port,
            "dst_port": segments.dst_port,
            "ttl": ip.ttl,
            "ip_id": ip.identity,
            "fragment": np.where(later, LATER_FRAGMENT, np.where(ip.more, FIRST_FRAGMENT, WHOLE)),
            "ip_bytes": lengths.total,
            "payload_bytes": segments.payload_bytes,
            "tcp_flags": segments.tcp_flags,
            "tcp_seq": segments.tcp_seq,
            "icmp_error": segments.icmp_error,
            "packet_hash": packet_hashes(identity_words(ip.protocol, ip.offset, ipv4_id, behind, segments)),
        }
        for name, found in values.items():
            out[name][part.at[readable]] = found[readable]
        if single:
            outer = np.where(readable, lengths.total, 0)
            out["wire_bytes"][part.at] = wire_lengths(frame=frame, captured=frame_captured, link=link, outer_ip=outer)
        self._note_claims(part, data, readable & ~later, ip, out)

    def _fill_carrier(self, part: Part, header: Header, out: dict[str, npt.NDArray[Any]]) -> None:
        """The tunnel's own addresses and ports, for a tenant's frame without IP; mirror transports have none."""
        tenant = np.flatnonzero(out["tunnel"][part.at] >= 0)
        ends = [part.texts(f"{header.kind}.{end}", header.number) for end in ("src", "dst")]
        udp = part.stack.udp
        ports = [part.numbers(f"udp.{end}port", udp) if udp >= 0 else np.full(len(part), -1) for end in ("src", "dst")]
        values = {
            "src_ip": self._ip_columns(ends[0]),
            "dst_ip": self._ip_columns(ends[1]),
            "protocol": ip_header(part, header).protocol,
            "src_port": ports[0],
            "dst_port": ports[1],
        }
        for name, found in values.items():
            out[name][part.at[tenant]] = found[tenant]

    def _ip_columns(self, texts: Sequence[str]) -> npt.NDArray[np.uint64]:
        cache = self._addresses
        if len(cache) > _CACHE_ENTRIES:
            cache.clear()
        pairs = []
        for text in texts:
            pair = cache.get(text)
            if pair is None:
                pair = cache[text] = ip_halves(text) if text else (0, 0)
            pairs.append(pair)
        return np.array(pairs, np.uint64).reshape(len(texts), 2)

    def _mac_column(self, texts: Sequence[str]) -> IntArray:
        cache = self._macs
        if len(cache) > _CACHE_ENTRIES:
            self._macs = cache = {"": -1}
        values = []
        for text in texts:
            value = cache.get(text)
            if value is None:
                value = cache[text] = int(text.replace(":", ""), 16) if len(text) == 17 else -1
            values.append(value)
        return np.array(values, np.int64)

    def _link_addresses(self, part: Part) -> tuple[IntArray, IntArray]:
        """MACs of the innermost Ethernet header; a cooked header knows its source only."""
        unknown = np.full(len(part), -1, np.int64)
        if part.stack.eth >= 0:
            source = self._mac_column(part.texts("eth.src", part.stack.eth))
            return source, self._mac_column(part.texts("eth.dst", part.stack.eth))
        if part.stack.is_cooked:
            source = self._mac_column(part.texts("sll.src.eth"))
            return np.where(part.numbers("sll.hatype") == _ETHERNET_HARDWARE, source, -1), unknown
        return unknown, unknown

    def _points_and_tunnels(self, part: Part, cooked: IntArray) -> tuple[list[int], list[int]]:
        points, tunnels = [], []
        interfaces, sections = (
            column(part.rows, "frame.interface_id"),
            column(part.rows, "frame.section_number"),
        )
        # Frames that are too deep count as skipped anyway, and resolving hundreds of headers each would cost dearly.
        plain = not 0 < len(part.stack.wraps) <= self._settings.encapsulation_depth
        for row, interface, section, index in zip(part.rows, interfaces, sections, cooked.tolist(), strict=True):
            mirror, tunnel = ("", None) if plain else unwrap(part.stack, frame_cells(row))
            points.append(self._places.number(interface, section, index, mirror))
            tunnels.append(-1 if tunnel is None else self._registry.tunnel(tunnel))
        return points, tunnels

    def _least_link_bytes(self, points: IntArray) -> IntArray:
        """Of each frame, from the link type of its capture point."""
        found, places = np.unique(points, return_inverse=True)
        least = [least_link_bytes(self._registry.points[point].linktype) for point in found.tolist()]
        return np.array(least, np.int64)[places]

    def _skip(self, reason: str, count: int) -> None:
        if count:
            self.skipped[reason] = self.skipped.get(reason, 0) + count

    def _claim(self, out: dict[str, npt.NDArray[Any]], place: int, mac: int, ip: str, how: str) -> None:
        point, vlan, tunnel = (int(out[name][place]) for name in ("point", "vlan", "tunnel"))
        number, time_ns = int(out["frame_number"][place]), int(out["time_ns"][place])
        self._claims.add(Claim(mac, ip, how, point, vlan, tunnel, number, time_ns))

    def _note_arp(self, part: Part, out: dict[str, npt.NDArray[Any]]) -> None:
        macs = self._mac_column(part.texts("arp.src.hw_mac")).tolist()
        rows = zip(part.texts("arp.opcode"), macs, part.texts("arp.src.proto_ipv4"), strict=True)
        for place, (opcode, mac, ip) in zip(part.at.tolist(), rows, strict=True):
            claim = arp_claim(opcode, mac, ip)
            if claim:
                self._claim(out, place, mac, claim[1], claim[0])

    def _note_claims(
        self,
        part: Part,
        data: Sequence[str],
        usable: BoolArray,
        ip: IpHeader,
        out: dict[str, npt.NDArray[Any]],
    ) -> None:
        """Neighbour discovery (which routers never forward, RFC 4861 6.1: hop limit 255) and DHCP."""
        neighbors = usable & (ip.protocol == ICMPV6) & (ip.ttl == _NEIGHBOR_HOP_LIMIT)
        for row in np.flatnonzero(neighbors).tolist():
            place = int(part.at[row])
            high, low = out["src_ip"][place].tolist()
            found = neighbor_claim(bytes.fromhex(data[row]), ip_text(high, low))
            if found:
                self._claim(out, place, found[0], found[1], "nd")
        servers = usable & (ip.protocol == UDP) & (out["src_port"][part.at] == _DHCP_SERVER_PORT)
        for row in np.flatnonzero(servers).tolist():
            found = dhcp_claim(bytes.fromhex(data[row])[8:])
            if found:
                self._claim(out, int(part.at[row]), found[0], found[1], "dhcp")

    def _note_frames(self, out: dict[str, npt.NDArray[Any]]) -> None:
        frame, captured, times = out["frame_bytes"], out["captured_bytes"], out["time_ns"]
        notices = self._notices
        notices.add("implausible_length", int(absurd(frame, captured).sum()))
        notices.add("length_below_captured", int((frame < captured).sum()))
        notices.add("nothing_captured", int((captured == 0).sum()))
        notices.add("malformed", int(((captured > 0) & (captured < self._least_link_bytes(out["point"]))).sum()))
        known = times[times != NO_TIME]
        if len(known):
            before = np.concatenate(([self._latest_ns], known[:-1]))
            notices.add("not_in_time_order", int((known < np.maximum.accumulate(before)).sum()))
            self._latest_ns = max(self._latest_ns, int(known.max()))


def _empty(count: int) -> dict[str, npt.NDArray[Any]]:
    """Columns with the value for "none" in each."""
    out: dict[str, npt.NDArray[Any]] = {}
    zero = (
        "ip_version",
        "fragment",
        "ip_bytes",
        "payload_bytes",
        "icmp_error",
        "packet_hash",
        "src_ip",
        "dst_ip",
    )
    for name, dtype in COLUMNS.items():
        shape = (count, 2) if name in ("src_ip", "dst_ip") else (count,)
        out[name] = np.zeros(shape, dtype) if name in zero else np.full(shape, -1, dtype)
    return out
