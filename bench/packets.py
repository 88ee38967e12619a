"""The columns between traffic, which says what is sent, and frames, which says how it looks in a file."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

ICMP, TCP, UDP, ICMPV6 = 1, 6, 17, 58
FIN, SYN, PSH, ACK = 1, 2, 8, 16
ETHERNET_BYTES, SMALLEST_FRAME = 14, 60
_L4_BYTES = np.zeros(256, np.int64)
_L4_BYTES[[ICMP, TCP, UDP, ICMPV6]] = 8, 20, 8, 8


@dataclass(frozen=True)
class Packets:
    """Packets in the order of time, one array a column, all of one length n.

    Attributes
    ----------
    source, destination : int64 (n,)
        Index into :class:`bench.endpoints.Endpoints`.
    protocol : uint8 (n,)
        6, 17, 1 or 58.
    ip_version : uint8 (n,)
    source_port, destination_port : int64 (n,)
        For ICMP the identifier and the sequence number.
    flags : uint8 (n,)
        TCP flags; for ICMP the type.
    seq, ack : uint32 (n,)
    payload_bytes : int64 (n,)
        Behind the TCP, UDP or ICMP header.
    ip_id : int64 (n,)
        16 bits.
    conversation : int64 (n,)
        Its number, which chooses how the packet is wrapped.
    time_ns : int64 (n,)
        Nanoseconds since 1970.
    """

    source: npt.NDArray[np.int64]
    destination: npt.NDArray[np.int64]
    protocol: npt.NDArray[np.uint8]
    ip_version: npt.NDArray[np.uint8]
    source_port: npt.NDArray[np.int64]
    destination_port: npt.NDArray[np.int64]
    flags: npt.NDArray[np.uint8]
    seq: npt.NDArray[np.uint32]
    ack: npt.NDArray[np.uint32]
    payload_bytes: npt.NDArray[np.int64]
    ip_id: npt.NDArray[np.int64]
    conversation: npt.NDArray[np.int64]
    time_ns: npt.NDArray[np.int64]


def ip_bytes(
    ip_version: npt.NDArray[np.uint8], protocol: npt.NDArray[np.uint8], payload_bytes: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Length of the IP packet with its header."""
    return np.where(ip_version == 6, 40, 20) + _L4_BYTES[protocol] + payload_bytes
