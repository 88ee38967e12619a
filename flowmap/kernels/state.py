"""What the decoder knows of the frame that it is in: one int64 a fact, in a small array that is used again.

The headers of a frame are read from the outside in. Each reader of a header (:mod:`flowmap.kernels.link`,
:mod:`flowmap.kernels.network`, :mod:`flowmap.kernels.tunnels`) looks at ``AT``, never reads at or behind ``END``, moves
``AT`` behind its header, shrinks ``END`` where the header says how long its payload is, and returns the next layer.
"""

from __future__ import annotations

# --- layers: what stands at AT
DONE, ETHERNET, IPV4, IPV6, VLAN, SERVICE_VLAN, MPLS, PPPOE, PPP, PPP_HDLC, LLC, NSH, VNTAG, ARP = range(14)
GRE, ERSPAN_1, ERSPAN_2, ERSPAN_3, VXLAN, VXLAN_GPE, GENEVE, GTP, TEREDO, ETHERIP, L2TP, LISP = range(14, 26)
SLL, SLL2, NULL, RAW, IPOIB, CHDLC, BACKBONE, HSR, CISCO_METADATA, IP_BY_VERSION, TRILL = range(26, 37)
PSEUDOWIRE, UDP = 37, 38

# --- kinds of tunnels; the names stand in the table below
TUNNEL_KINDS = (
    "", "vxlan", "geneve", "nvgre", "gre", "pptp", "ipip", "6in4", "4in6", "6in6",
    "gtp", "mpls", "pppoe", "l2tp", "nsh", "teredo", "etherip", "lisp",
)  # fmt: skip
(
    NO_TUNNEL, IN_VXLAN, IN_GENEVE, IN_NVGRE, IN_GRE, IN_PPTP, IN_IPIP, IN_6IN4, IN_4IN6, IN_6IN6,
    IN_GTP, IN_MPLS, IN_PPPOE, IN_L2TP, IN_NSH, IN_TEREDO, IN_ETHERIP, IN_LISP,
) = range(len(TUNNEL_KINDS))  # fmt: skip

MIRROR_KINDS = ("", "erspan", "gre-teb")
NO_MIRROR, BY_ERSPAN, BY_GRE_TEB = range(len(MIRROR_KINDS))

# --- places in the state
AT = 0
"""Offset of the next header in the data."""
END = 1
"""Offset behind the last captured byte that belongs to it."""
START = 2
"""Offset of the frame's first byte."""
LINK_KNOWN = 3
"""1 while the length of what stands before the first IP header is known as tshark's layers tell it."""
LINK = 4
"""That length so far."""
IPS = 5
"""IP headers met."""
OUTER_DECLARED = 6
"""Length that the outermost IP header states, 0 where it says none."""
ETH_AT = 7
"""1 behind an Ethernet header."""
SRC_MAC, DST_MAC, COOKED_MAC, COOKED_INDEX = 8, 9, 10, 11
VLAN_ID, OUTER_VLAN, TAGS = 12, 13, 14
"""Innermost tag, outermost one, and how many, of the innermost Ethernet or cooked header."""
IP_AT, IP_VERSION, IP_READABLE = 15, 16, 17
"""The innermost IP header; version 0: none. ``IP_READABLE`` 0 where its addresses were not captured."""
IP_HEADER, IP_DECLARED, IP_PROTOCOL, IP_TTL, IP_ID, IPV4_ID = 18, 19, 20, 21, 22, 23
FRAGMENT_OFFSET, MORE_FRAGMENTS = 24, 25
SRC_HIGH, SRC_LOW, DST_HIGH, DST_LOW = 26, 27, 28, 29
INNERMOST_IS_IP = 30
"""1 where the innermost link or IP header is an IP header; 0 behind a tunnel's Ethernet header."""
OPAQUE = 31
"""1 where a tunnel header behind the innermost IP header led to nothing that is read."""
WRAPS = 32
"""Tunnel headers passed so far; ``KEPT_WRAPS`` those outside the innermost link or IP header."""
KEPT_WRAPS = 33
UNDECODED_MIRROR = 34
"""1 behind an ERSPAN header, until the copied Ethernet header is met."""
STRIPPED_IPS = 35
"""IP headers that belong to a mirror transport."""
UDP_LENGTH, UDP_SRC, UDP_DST = 36, 37, 38
"""UDP header directly behind the innermost IP header, -1 where there is none."""
HAS_ARP = 39
"""Offset of an ARP packet, -1 where there is none."""
IP_IN_PLACE = 40
"""1 directly behind an IP header and its extensions: another IP header here is IP in IP."""
SEEN_LABEL = 43
"""Last MPLS label of the frame."""
LINK_NEIGHBOR = 44
"""1 for LLDP and CDP, 2 for spanning tree, which is so frequent that it gets half of the table at most."""
OUTER_LINK = 45
"""Length of what stands before the outermost IP header; -1 where it is unknown or there is none."""

REPORTED_END = 46
"""Where the data that belong to the header at AT would end, had the whole frame been captured."""

SRC_PORT, DST_PORT, TCP_FLAGS, TCP_SEQ, ICMP_ERROR, PAYLOAD_BYTES, IP_BYTES, PACKET_HASH = range(80, 88)
"""What becomes columns as it stands here."""
FRAME_BYTES, CAPTURED_BYTES, WIRE_BYTES = 88, 89, 90
LENGTH_LIES, TOO_DEEP = 91, 92

# The mirror session and the tunnel of the headers read so far, and those outside the innermost link or IP header.
NOW, KEPT = 48, 64
MIRROR, MIRROR_VERSION, MIRROR_HIGH, MIRROR_LOW, MIRROR_SESSION, MIRROR_INDEX = 0, 1, 2, 3, 4, 5
TUNNEL, TUNNEL_VERSION, TUNNEL_SRC_HIGH, TUNNEL_SRC_LOW = 6, 7, 8, 9
TUNNEL_DST_HIGH, TUNNEL_DST_LOW, TUNNEL_NETWORK = 10, 11, 12
CARRIER_WORDS = 13
STATE_WORDS = 93

# --- options of the decoder, an int64 array
DEPTH, PORTS = 0, 1
"""Encapsulations followed; from ``PORTS`` on pairs (UDP destination port, layer)."""
