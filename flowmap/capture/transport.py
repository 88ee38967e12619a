"""Transport headers from the first bytes behind the innermost IP header.

tshark's TCP, SCTP and ICMP dissectors are off in the column pass, so these bytes come as ``data.data``. That
keeps tshark's memory independent of the number of TCP flows, and what an ICMP error quotes is never decoded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flowmap.packets import ICMP, ICMPV6, SCTP, TCP, UDP

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

SEGMENT_BYTES = 76
"""The longest TCP header (60) and the 16 payload bytes of the packet identity."""

_HASH_BYTES = 16
_UDP_HEADER, _SCTP_HEADER, _ICMP_HEADER, _TCP_HEADER = 8, 12, 8, 20
_ICMP_ERRORS = (3, 4, 5, 11, 12)
"""ICMP messages that quote a packet (RFC 792; redirect and source quench too)."""

_LAST_ICMPV6_ERROR = 127


@dataclass(slots=True)
class Segments:
    """Transport columns of n packets; the names and dtypes of :class:`flowmap.packets.PacketBatch`.

    ``ack`` is -1 like ``seq``; ``icmp_words`` holds type | code << 8 | identifier << 16 | sequence << 32 and
    ``head`` uint64 (n, 2) the first 16 payload bytes, big endian, zero where not captured.
    """

    src_port: IntArray
    dst_port: IntArray
    tcp_flags: IntArray
    tcp_seq: IntArray
    tcp_ack: IntArray
    payload_bytes: IntArray
    icmp_error: BoolArray
    icmp_words: npt.NDArray[np.uint64]
    head: npt.NDArray[np.uint64]


def read_segments(
    protocol: IntArray, texts: Sequence[str], captured: IntArray, length: IntArray, later: BoolArray
) -> Segments:
    """Read the transport header of each packet.

    Parameters
    ----------
    protocol : int64 (n,)
        IP protocol.
    texts : sequence of str
        Captured bytes behind the IP header in hex, possibly cut.
    captured : int64 (n,)
        How many bytes were captured there.
    length : int64 (n,)
        How many there were, by the IP length.
    later : bool (n,)
        Later fragments, which have no transport header.
    """
    count = len(protocol)
    width = 2 * SEGMENT_BYTES
    joined = "".join([text[:width].ljust(width, "0") for text in texts])
    data = np.frombuffer(bytes.fromhex(joined), np.uint8).reshape(count, SEGMENT_BYTES).astype(np.int64)
    first = ~later
    tcp, udp, sctp = (first & (protocol == number) for number in (TCP, UDP, SCTP))
    icmp, icmpv6 = (first & (protocol == number) for number in (ICMP, ICMPV6))
    icmp_error = ((icmp & np.isin(data[:, 0], _ICMP_ERRORS)) | (icmpv6 & (data[:, 0] <= _LAST_ICMPV6_ERROR))) & (
        captured >= 1
    )
    has_ports = (tcp | udp | sctp) & (captured >= 4)
    has_numbers, has_flags = tcp & (captured >= 12), tcp & (captured >= 14)
    tcp_header = np.where(tcp & (captured >= 13), np.maximum((data[:, 12] >> 4) * 4, _TCP_HEADER), _TCP_HEADER)
    header = np.select([tcp, udp, sctp], [tcp_header, _UDP_HEADER, _SCTP_HEADER], 0)
    words = data[:, 0] | data[:, 1] << 8 | _be(data, 4, 2) << 16 | _be(data, 6, 2) << 32
    icmp_words = np.where(icmp | icmpv6, words, 0).astype(np.uint64)
    head_at = np.where(icmp | icmpv6, _ICMP_HEADER, header)
    return Segments(
        src_port=np.where(has_ports, _be(data, 0, 2), -1),
        dst_port=np.where(has_ports, _be(data, 2, 2), -1),
        tcp_flags=np.where(has_flags, data[:, 13], -1),
        tcp_seq=np.where(tcp & (captured >= 8), _be(data, 4, 4), -1),
        tcp_ack=np.where(has_numbers, _be(data, 8, 4), -1),
        payload_bytes=np.maximum(length - header, 0),
        icmp_error=icmp_error,
        icmp_words=icmp_words,
        head=_payload_head(data, head_at, np.minimum(captured, length)),
    )


def _be(data: IntArray, at: int, count: int) -> IntArray:
    """A big-endian number of ``count`` bytes at a fixed place of every row."""
    value = np.zeros(len(data), np.int64)
    for column in range(at, at + count):
        value = value << 8 | data[:, column]
    return value


def _payload_head(data: IntArray, at: IntArray, end: IntArray) -> npt.NDArray[np.uint64]:
    """16 bytes from ``at`` as two words; bytes at or behind ``end`` are zero."""
    places = at[:, None] + np.arange(_HASH_BYTES)
    taken = np.take_along_axis(data, np.minimum(places, SEGMENT_BYTES - 1), axis=1)
    taken = np.where(places < end[:, None], taken, 0).astype(np.uint8)
    return np.ascontiguousarray(taken).view(">u8").astype(np.uint64)


def identity_words(
    protocol: IntArray,
    fragment_offset: IntArray,
    ipv4_id: IntArray,
    length: IntArray,
    segments: Segments,
) -> npt.NDArray[np.uint64]:
    """The words of :func:`flowmap.packets.packet_hashes`, uint64 (n, 6).

    ``fragment_offset`` is in units of 8 bytes, as in the header; ``ipv4_id`` is the IPv4 identification, 0 or
    less where there is none; ``length`` is what stands behind the IP header.
    """

    def column(values: IntArray) -> npt.NDArray[np.uint64]:
        return np.maximum(values, 0).astype(np.uint64)

    shift_8, shift_16, shift_32 = np.uint64(8), np.uint64(16), np.uint64(32)
    identity = column(np.where(ipv4_id > 0, ipv4_id + 1, 0))
    ports = column(segments.src_port) | column(segments.dst_port) << shift_16 | column(length) << shift_32
    is_icmp = (protocol == ICMP) | (protocol == ICMPV6)
    words = np.empty((len(protocol), 6), np.uint64)
    words[:, 0] = column(protocol) | column(fragment_offset) << shift_8 | identity << shift_32
    words[:, 1] = np.where(is_icmp, segments.icmp_words, ports)
    words[:, 2] = column(segments.tcp_seq) | column(segments.tcp_ack) << shift_32
    words[:, 3] = column(segments.tcp_flags) | column(segments.payload_bytes) << shift_32
    words[:, 4:] = segments.head
    return words
