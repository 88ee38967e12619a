"""Frames to columns: the headers of each frame from the outside in, one row a frame.

No byte at or behind the captured end of a frame is read, whatever its lengths say, and nothing inside an ICMP error.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from flowmap.kernels import entry, inlined, kernel, state
from flowmap.kernels import found as to
from flowmap.kernels.arrays import Bytes, Int32, Int64, Rows
from flowmap.kernels.fast_lane import read_plain
from flowmap.kernels.found import Found
from flowmap.kernels.frames import Frames
from flowmap.kernels.numbering import number_of
from flowmap.kernels.transport import ICMPV6, MAX_FRAME_BYTES, UDP, ip_total, mixed, payload_word, read_transport
from flowmap.kernels.walk import first_layer, least_link_bytes, walk_headers
from flowmap.kernels.words import be8, int64
from flowmap.packets import NO_TIME

_MAX_MESSAGE_BYTES = 600
_NEIGHBOR_FIRST, _NEIGHBOR_LAST, _NEIGHBOR_HOP_LIMIT, _DHCP_SERVER_PORT = 133, 136, 255, 67
_LATER = 2
"""``fragment`` of a later one; ``MORE_FRAGMENTS`` is 1 in the first one, which is that column's number for it."""


@kernel
def _begin(s: Int64, start: int, captured: int, original: int) -> None:
    for word in range(state.STATE_WORDS):
        s[word] = 0
    s[state.AT] = s[state.START] = start
    s[state.END] = start + captured
    s[state.REPORTED_END] = start + original
    s[state.FRAME_BYTES], s[state.CAPTURED_BYTES] = original, captured
    s[state.LINK_KNOWN] = 1
    s[state.OUTER_LINK] = s[state.SRC_MAC] = s[state.DST_MAC] = s[state.COOKED_MAC] = s[state.COOKED_INDEX] = -1
    s[state.VLAN_ID] = s[state.OUTER_VLAN] = s[state.HAS_ARP] = -1
    s[state.UDP_LENGTH] = s[state.UDP_SRC] = s[state.UDP_DST] = -1
    s[state.SEEN_LABEL] = -1
    s[state.SRC_PORT] = s[state.DST_PORT] = s[state.TCP_FLAGS] = s[state.TCP_SEQ] = -1


@entry
def decode_frames(
    data: Bytes, base: int, frames: Frames, first: int, end: int, options: Int64, found: Found, s: Int64
) -> int:
    """Decode the frames of rows ``first`` to ``end``, which were framed before.

    Parameters
    ----------
    data : uint8
        A window of the file that holds every one of these frames.
    base : int
        Its offset in the file, where ``offset`` of a row counts from 0.
    frames : Frames
        Points and tunnels are numbered as in ``found``.
    options : int64
        ``state.DEPTH``, then pairs of UDP destination port and layer.
    found : Found
        Empty before the first rows are decoded.
    s : int64 (state.STATE_WORDS,)
        Room to work in.

    Returns
    -------
    int
        The row behind the last one done; less than ``end`` where a table of ``found`` was full.
    """
    points, tunnels_found, claims, counts, point_slots, tunnel_slots, remembered, links = found
    last_interface, last_point = -1, -1
    for number in range(first, end):
        frame = frames[np.uint64(number)]
        interface, start = int64(frame.interface), frame.offset - base
        captured, length = frame.captured_bytes, frame.frame_bytes
        if frame.linktype == 1 and read_plain(data, frame, options, start, captured, length):
            if interface != last_interface:
                _begin(s, start, captured, length)
                last_point = _point(s, interface, points, point_slots, counts)
                if last_point < 0:
                    return number
                last_interface = interface
            frame.point, frame.tunnel = last_point, -1
            _note_oddities(frame, captured, length, counts)
            continue
        _begin(s, start, captured, length)
        layer = first_layer(int64(frame.linktype))
        if captured > 0:
            walk_headers(data, s, layer, options)
        s[state.TOO_DEEP] = 1 if s[state.KEPT_WRAPS] > options[state.DEPTH] else 0
        is_bare = s[state.WRAPS] == 0 and s[state.COOKED_INDEX] < 0
        if interface != last_interface or not is_bare:
            last_point = _point(s, interface, points, point_slots, counts)
            last_interface = interface if is_bare else -1
        tunnel = _tunnel(s, tunnels_found, tunnel_slots, counts)
        if last_point < 0 or tunnel < -1 or counts[to.CLAIMS] >= to.MAX_CLAIMS:
            return number
        message = _finish(data, s, tunnel, counts)
        kind = s[state.LINK_NEIGHBOR]
        if kind and counts[to.LINKS] < to.MAX_CLAIMS // kind:
            links[counts[to.LINKS]] = number
            counts[to.LINKS] += 1
        if message:
            _claim(data, s, number, message, last_point, tunnel, claims, remembered, counts)
        _note_oddities(frame, captured, length, counts)
        counts[to.FRAGMENTS] += s[state.MORE_FRAGMENTS] != 0
        counts[to.UNKNOWN_LINKS] += layer == state.DONE
        if captured > 0 and layer != state.DONE:
            counts[to.CUT_LINKS] += captured < least_link_bytes(int64(frame.linktype))
            counts[to.WITHOUT_IP] += _is_without_ip(s)
        frame.point, frame.tunnel = last_point, tunnel
        _write(s, frame)
    return end


@kernel
def _is_without_ip(s: Int64) -> bool:
    """Whether a frame holds neither IP nor another protocol that is known here."""
    is_counted_elsewhere = s[state.TOO_DEEP] or s[state.UNDECODED_MIRROR] or s[state.INNERMOST_IS_IP]
    return not is_counted_elsewhere and s[state.HAS_ARP] < 0 and s[state.LINK_NEIGHBOR] == 0


@kernel
def _write(s: Int64, frame: Any) -> None:
    """Write a row from the state of a walked frame."""
    frame.wire_bytes = s[state.WIRE_BYTES]
    frame.src_mac, frame.dst_mac = s[state.SRC_MAC], s[state.DST_MAC]
    frame.vlan, frame.outer_vlan = s[state.VLAN_ID], s[state.OUTER_VLAN]
    frame.ip_version = s[state.IP_VERSION]
    frame.src_high, frame.src_low = s[state.SRC_HIGH], s[state.SRC_LOW]
    frame.dst_high, frame.dst_low = s[state.DST_HIGH], s[state.DST_LOW]
    frame.protocol, frame.ttl, frame.ip_id = s[state.IP_PROTOCOL], s[state.IP_TTL], s[state.IP_ID]
    frame.src_port, frame.dst_port = s[state.SRC_PORT], s[state.DST_PORT]
    frame.fragment = s[state.MORE_FRAGMENTS]
    frame.ip_bytes, frame.payload_bytes = s[state.IP_BYTES], s[state.PAYLOAD_BYTES]
    frame.tcp_flags, frame.tcp_seq = s[state.TCP_FLAGS], s[state.TCP_SEQ]
    frame.icmp_error, frame.packet_hash = s[state.ICMP_ERROR], s[state.PACKET_HASH]


@inlined
def _note_oddities(frame: Any, captured: int, length: int, counts: Int64) -> None:
    """Count what is odd about a record: its time, its lengths."""
    time_ns = frame.time_ns
    if time_ns == NO_TIME:
        counts[to.TIMELESS] += 1
        counts[to.UNTIMED] += frame.timed
    elif counts[to.LATEST_NS] == NO_TIME:
        counts[to.FIRST_NS] = counts[to.LATEST_NS] = time_ns
    elif time_ns < counts[to.LATEST_NS]:
        counts[to.BACKWARD] += 1
        counts[to.FIRST_NS] = min(counts[to.FIRST_NS], time_ns)
    else:
        counts[to.LATEST_NS] = time_ns
    if length != captured or captured == 0:
        counts[to.ABSURD] += 1 if length > MAX_FRAME_BYTES and length > captured else 0
        counts[to.BELOW_CAPTURED] += 1 if length < captured else 0
        counts[to.EMPTY] += 1 if captured == 0 else 0


@kernel
def _finish(data: Bytes, s: Int64, tunnel: int, counts: Int64) -> int:
    """Make the state of a walked frame what its row says; returns the kind of claim that it may hold, or 0."""
    message = 0
    outer_ip = s[state.OUTER_DECLARED]
    has_ip = False
    if s[state.TOO_DEEP]:
        counts[to.TOO_DEEP] += 1
    elif s[state.UNDECODED_MIRROR]:
        counts[to.MIRROR_NOT_DECODED] += 1
    elif s[state.INNERMOST_IS_IP]:
        has_ip = s[state.IP_READABLE] == 1
        if has_ip:
            message = _read_ip(data, s)
            counts[to.LENGTH_LIES] += s[state.LENGTH_LIES]
        else:
            counts[to.INCOMPLETE] += 1
        if s[state.IPS] == 1:
            outer_ip = s[state.IP_BYTES]
    else:
        message = to.ARP if s[state.HAS_ARP] >= 0 else 0
    _wire_length(s, outer_ip)
    if s[state.UNDECODED_MIRROR]:  # the headers around it are the copier's
        s[state.SRC_MAC] = s[state.DST_MAC] = s[state.VLAN_ID] = s[state.OUTER_VLAN] = -1
        s[state.SRC_MAC] = s[state.COOKED_MAC]
    elif s[state.ETH_AT] == 0:
        s[state.SRC_MAC] = s[state.COOKED_MAC]
    if not has_ip:
        _without_ip(s, tunnel)
    return message


@kernel
def _wire_length(s: Int64, outer_ip: int) -> None:
    """max(frame, link header + outermost IP length); captured bytes where the lengths are absurd."""
    frame, captured = s[state.FRAME_BYTES], s[state.CAPTURED_BYTES]
    s[state.WIRE_BYTES] = frame
    if frame > MAX_FRAME_BYTES and frame > captured:
        s[state.WIRE_BYTES] = captured
    elif s[state.OUTER_LINK] >= 0 and outer_ip > 0:
        s[state.WIRE_BYTES] = max(frame, s[state.OUTER_LINK] + outer_ip)


@kernel
def _without_ip(s: Int64, tunnel: int) -> None:
    """A frame without IP says nothing in the IP columns, a tenant's one shows its tunnel's addresses and ports."""
    shows_carrier = tunnel >= 0 and s[state.IPS] > 0 and s[state.INNERMOST_IS_IP] == 0
    if shows_carrier:
        s[state.SRC_PORT], s[state.DST_PORT] = s[state.UDP_SRC], s[state.UDP_DST]
    else:
        s[state.IP_PROTOCOL] = -1
    if not shows_carrier or s[state.IP_READABLE] == 0:
        s[state.SRC_HIGH] = s[state.SRC_LOW] = s[state.DST_HIGH] = s[state.DST_LOW] = 0
    s[state.IP_VERSION] = s[state.MORE_FRAGMENTS] = 0
    s[state.IP_TTL] = s[state.IP_ID] = -1


@kernel
def _read_ip(data: Bytes, s: Int64) -> int:
    """Lengths, transport header and identity of the innermost IP packet; returns the kind of claim that it may hold."""
    frame, captured = s[state.FRAME_BYTES], s[state.CAPTURED_BYTES]
    if frame > MAX_FRAME_BYTES and frame > captured:
        frame = captured
    at = s[state.IP_AT] + s[state.IP_HEADER]
    end = max(s[state.END], at)
    segment = end - at
    udp = s[state.UDP_SRC] >= 0
    if segment < 8 and s[state.IP_PROTOCOL] == UDP and s[state.FRAGMENT_OFFSET] == 0:
        segment = 8 if udp else 0  # the UDP header counts whole where its ports were captured
    if s[state.OPAQUE]:
        segment = 8 if udp else -1
        end = at + max(segment, 0)
    total, s[state.LENGTH_LIES] = ip_total(s, frame, captured, segment)
    s[state.IP_BYTES] = total
    read_transport(data, s, at, end, total - s[state.IP_HEADER])
    later = s[state.FRAGMENT_OFFSET] > 0
    if later:
        s[state.MORE_FRAGMENTS] = _LATER
    elif end > at:
        if s[state.IP_PROTOCOL] == ICMPV6 and s[state.IP_TTL] == _NEIGHBOR_HOP_LIMIT:
            if _NEIGHBOR_FIRST <= be8(data, at) <= _NEIGHBOR_LAST:
                s[state.AT] = at
                return to.NEIGHBOR
        elif s[state.IP_PROTOCOL] == UDP and s[state.SRC_PORT] == _DHCP_SERVER_PORT:
            s[state.AT] = at + 8
            return to.DHCP
    return 0


@kernel
def _claim(
    data: Bytes,
    s: Int64,
    row: int,
    kind: int,
    point: int,
    tunnel: int,
    claims: Rows,
    remembered: Int64,
    counts: Int64,
) -> None:
    """Note a message that may claim an address, once a call for each segment and content."""
    at = s[state.HAS_ARP] if kind == to.ARP else s[state.AT]
    length = min(s[state.END] - at, _MAX_MESSAGE_BYTES)
    if length < 8:
        return
    seen = mixed(mixed(kind | length << 8, point), tunnel << 32 | s[state.VLAN_ID] & 0xFFFF)
    if kind == to.NEIGHBOR:
        seen = mixed(mixed(seen, s[state.SRC_HIGH]), s[state.SRC_LOW])
    for place in range(at, at + length, 8):
        seen = mixed(seen, payload_word(data, place, at + length))
    slot = seen & (len(remembered) - 1)
    if remembered[slot] == seen:
        return
    remembered[slot] = seen
    number = counts[to.CLAIMS]
    claims[number, 0], claims[number, 1], claims[number, 2], claims[number, 3] = row, kind, at, length
    counts[to.CLAIMS] = number + 1


@kernel
def _point(s: Int64, interface: int, points: Rows, slots: Int32, counts: Int64) -> int:
    """Number of the frame's capture point in ``points``; -1 when that is full."""
    if counts[to.POINTS] == to.MAX_POINTS:
        return -1
    base = state.NOW if s[state.UNDECODED_MIRROR] else state.KEPT
    row = counts[to.POINTS]
    points[row, 0], points[row, 1] = interface, s[state.COOKED_INDEX]
    if s[state.TOO_DEEP] or s[base + state.MIRROR] == state.NO_MIRROR:
        for word in range(2, to.POINT_WORDS):
            points[row, word] = 0
    else:
        points[row, 2] = s[base + state.MIRROR] | s[base + state.MIRROR_VERSION] << 8
        points[row, 3], points[row, 4] = s[base + state.MIRROR_HIGH], s[base + state.MIRROR_LOW]
        points[row, 5], points[row, 6] = s[base + state.MIRROR_SESSION], s[base + state.MIRROR_INDEX]
    return number_of(points, slots, counts, to.POINTS)


@kernel
def _tunnel(s: Int64, tunnels_found: Rows, slots: Int32, counts: Int64) -> int:
    """Number of the frame's tunnel in ``tunnels_found``; -1 when it is in none, -2 when that table is full."""
    kept = state.KEPT
    if s[kept + state.TUNNEL] == state.NO_TUNNEL or s[state.TOO_DEEP] or s[state.UNDECODED_MIRROR]:
        return -1
    if counts[to.TUNNELS] == to.MAX_TUNNELS:
        return -2
    row = counts[to.TUNNELS]
    tunnels_found[row, 0] = s[kept + state.TUNNEL] | s[kept + state.TUNNEL_VERSION] << 8
    tunnels_found[row, 1] = s[kept + state.TUNNEL_SRC_HIGH]
    tunnels_found[row, 2] = s[kept + state.TUNNEL_SRC_LOW]
    tunnels_found[row, 3] = s[kept + state.TUNNEL_DST_HIGH]
    tunnels_found[row, 4] = s[kept + state.TUNNEL_DST_LOW]
    is_mpls = s[kept + state.TUNNEL] == state.IN_MPLS
    tunnels_found[row, 5] = s[state.SEEN_LABEL] if is_mpls else s[kept + state.TUNNEL_NETWORK]
    return number_of(tunnels_found, slots, counts, to.TUNNELS)
