"""Link-layer headers: Ethernet and its tags, cooked captures, PPP, MPLS.

Sources: IEEE 802.3, 802.1Q, 802.1ah; RFC 1661 and 1662 (PPP), 2516 (PPPoE), 3032 (MPLS), 4385 (pseudowires), 4391
(IPoIB), 8300 (NSH); the link types' pages at tcpdump.org for LINUX_SLL, LINUX_SLL2, NULL and RAW.
"""

from __future__ import annotations

from flowmap.kernels import kernel, state
from flowmap.kernels.arrays import Bytes, Int64
from flowmap.kernels.words import be8, be16, be24, be32, be48

_MAX_802_3_LENGTH = 1500
_FIRST_ETHERTYPE = 1536
_ARPHRD_ETHER = 1


@kernel
def settle(s: Int64) -> None:
    """A link or IP header begins: the tunnels around it are the frame's now."""
    if s[state.KEPT_WRAPS] != s[state.WRAPS]:
        for word in range(state.CARRIER_WORDS):
            s[state.KEPT + word] = s[state.NOW + word]
        s[state.KEPT_WRAPS] = s[state.WRAPS]
    s[state.UNDECODED_MIRROR] = 0
    s[state.OPAQUE] = 0
    s[state.IP_IN_PLACE] = 0


@kernel
def limit(s: Int64, end: int) -> None:
    """A header says that its payload ends at ``end``."""
    s[state.END] = min(s[state.END], end)
    s[state.REPORTED_END] = min(s[state.REPORTED_END], end)


@kernel
def by_ethertype(s: Int64, kind: int) -> int:
    """The layer behind an Ethertype."""
    if kind == 0x0800:
        return state.IPV4
    if kind == 0x86DD:
        return state.IPV6
    if kind in (0x8100, 0x9100):
        return state.VLAN
    if kind == 0x88A8:
        return state.SERVICE_VLAN
    if kind in (0x0806, 0x8035):
        s[state.HAS_ARP] = s[state.AT]
        return state.DONE
    if kind in (0x8847, 0x8848):
        return state.MPLS
    if kind == 0x8864:
        return state.PPPOE
    if kind == 0x6558:
        return state.ETHERNET
    if kind == 0x894F:
        return state.NSH
    if kind == 0x8926:
        return state.VNTAG
    if kind == 0x880B:
        return state.PPP
    if kind == 0x88E7:
        return state.BACKBONE
    if kind == 0x892F:
        return state.HSR
    if kind == 0x8909:
        return state.CISCO_METADATA
    if kind == 0x22F3:
        return state.TRILL
    if kind == 0x88CC:
        s[state.LINK_NEIGHBOR] = 1
    return state.DONE


@kernel
def by_type_or_length(s: Int64, kind: int) -> int:
    """The layer behind an Ethertype, or LLC where the field is a length (IEEE 802.3, 3.2.6)."""
    if kind <= _MAX_802_3_LENGTH:
        limit(s, s[state.AT] + kind)
        return state.LLC
    return by_ethertype(s, kind) if kind >= _FIRST_ETHERTYPE else state.DONE


@kernel
def ethernet(data: Bytes, s: Int64) -> int:
    """An Ethernet header: what stands outside it is a tunnel's, its addresses and tags are the frame's."""
    settle(s)
    s[state.INNERMOST_IS_IP] = 0
    s[state.ETH_AT] = 1
    s[state.SRC_MAC] = s[state.DST_MAC] = -1
    s[state.VLAN_ID] = s[state.OUTER_VLAN] = -1
    s[state.TAGS] = 0
    at = s[state.AT]
    if s[state.END] - at < 14:
        s[state.LINK_KNOWN] = 0
        return state.DONE
    s[state.DST_MAC] = be48(data, at)
    s[state.SRC_MAC] = be48(data, at + 6)
    s[state.AT] = at + 14
    s[state.LINK] += 14
    return by_type_or_length(s, be16(data, at + 12))


@kernel
def note_tag(s: Int64, vlan: int) -> None:
    """Keep a VLAN tag of the innermost header; -1 for one that was not captured."""
    if s[state.TAGS] == 1:
        s[state.OUTER_VLAN] = s[state.VLAN_ID]
    if vlan >= 0:
        s[state.VLAN_ID] = vlan
    s[state.TAGS] += 1


@kernel
def vlan_tag(data: Bytes, s: Int64) -> int:
    """A VLAN tag behind its Ethertype (IEEE 802.1Q): two bytes of tag, and the next Ethertype."""
    at = s[state.AT]
    left = s[state.END] - at
    note_tag(s, be16(data, at) & 0xFFF if left >= 2 else -1)
    if left < 4:
        return state.DONE
    s[state.AT] = at + 4
    s[state.LINK] += 4
    return by_type_or_length(s, be16(data, at + 2))


@kernel
def vn_tag(data: Bytes, s: Int64) -> int:
    """A VN-Tag (IEEE 802.1BR predecessor): four bytes, and the next Ethertype."""
    at = s[state.AT]
    if s[state.END] - at < 6:
        return state.DONE
    s[state.AT] = at + 6
    s[state.LINK] += 6
    return by_type_or_length(s, be16(data, at + 4))


@kernel
def llc(data: Bytes, s: Int64) -> int:
    """LLC (IEEE 802.2), for IP directly or through SNAP."""
    at, left = s[state.AT], s[state.END] - s[state.AT]
    if left < 3:
        return state.DONE
    s[state.LINK] += 8
    if be8(data, at) == 0x06:  # IP (RFC 791 over 802.2); the control field has one byte or two
        s[state.AT] = at + (3 if be8(data, at + 2) & 3 == 3 else 4)
        return state.IPV4
    if be24(data, at) == 0x424203:  # spanning tree (IEEE 802.1D 9.2)
        s[state.LINK_NEIGHBOR] = 2
    if left < 8 or be24(data, at) != 0xAAAA03:
        return state.DONE
    organization, kind = be24(data, at + 3), be16(data, at + 6)
    s[state.AT] = at + 8
    if organization == 0x00000C and kind == 0x2000:
        s[state.LINK_NEIGHBOR] = 1
    if organization == 0x00000C and kind == 0x010B:  # Cisco's spanning tree, one for each VLAN
        s[state.LINK_NEIGHBOR] = 2
    if organization in (0x000000, 0x0000F8):
        return by_ethertype(s, kind) if kind >= _FIRST_ETHERTYPE else state.DONE
    return state.DONE


@kernel
def hdlc_like(data: Bytes, s: Int64, header_bytes: int, type_at: int) -> int:
    """Headers that only stand before an Ethertype: Cisco HDLC, IPoIB, 802.1ah, HSR, Cisco metadata."""
    at = s[state.AT]
    if s[state.END] - at < header_bytes:
        return state.DONE
    s[state.AT] = at + header_bytes
    return by_ethertype(s, be16(data, at + type_at))


@kernel
def trill(data: Bytes, s: Int64) -> int:
    """TRILL (RFC 6325 3.2): six bytes and options, then Ethernet."""
    at = s[state.AT]
    if s[state.END] - at < 6:
        return state.DONE
    s[state.LINK_KNOWN] = 0
    s[state.AT] = at + 6 + (be16(data, at) >> 6 & 0x1F) * 4
    return state.ETHERNET


@kernel
def cooked(data: Bytes, s: Int64, version: int) -> int:
    """LINUX_SLL and LINUX_SLL2: no destination, the interface index only in version 2."""
    at, left = s[state.AT], s[state.END] - s[state.AT]
    header_bytes, about, address_at = (16, 2, 6) if version == 1 else (20, 8, 12)
    if left < 12:
        return state.DONE
    address_bytes = be16(data, at + 4) if version == 1 else be8(data, at + 11)
    if version == 2:
        s[state.COOKED_INDEX] = be32(data, at + 4)
    if be16(data, at + about) == _ARPHRD_ETHER and address_bytes == 6 and left >= address_at + 6:
        s[state.COOKED_MAC] = be48(data, at + address_at)
    if left < header_bytes:
        return state.DONE
    kind = be16(data, at + 14) if version == 1 else be16(data, at)
    s[state.AT] = at + header_bytes
    s[state.LINK] += header_bytes
    if kind == 0x0004:
        return state.LLC
    return by_ethertype(s, kind) if kind >= _FIRST_ETHERTYPE else state.DONE


@kernel
def null(data: Bytes, s: Int64) -> int:
    """BSD loopback: the address family in the byte order of who knows which machine."""
    at = s[state.AT]
    if s[state.END] - at < 4:
        return state.DONE
    family = be32(data, at)
    if family & 0xFFFF0000:
        family = (family & 0xFF) << 24 | (family & 0xFF00) << 8 | family >> 8 & 0xFF00 | family >> 24
    s[state.AT] = at + 4
    s[state.LINK] += 4
    if family == 2:
        return state.IPV4
    if family in (10, 23, 24, 28, 30):
        return state.IPV6
    return by_ethertype(s, family) if _FIRST_ETHERTYPE <= family <= 0xFFFF else state.DONE


@kernel
def ip_by_version(data: Bytes, s: Int64) -> int:
    """IP whose version only its first half byte tells."""
    if s[state.END] <= s[state.AT]:
        return state.DONE
    version = be8(data, s[state.AT]) >> 4
    if version == 4:
        return state.IPV4
    return state.IPV6 if version == 6 else state.DONE


@kernel
def ppp(data: Bytes, s: Int64) -> int:
    """PPP (RFC 1661): the protocol in two bytes, or in one where it was compressed."""
    at, left = s[state.AT], s[state.END] - s[state.AT]
    if left >= 2 and be16(data, at) == 0xFF03:  # address and control of HDLC-like framing (RFC 1662)
        s[state.LINK_KNOWN] = 0
        at, left = at + 2, left - 2
    if left < 1:
        return state.DONE
    protocol, size = be8(data, at), 1
    if protocol & 1 == 0:
        if left < 2:
            return state.DONE
        protocol, size = be16(data, at), 2
    s[state.AT] = at + size
    s[state.LINK] += 2
    if protocol == 0x0021:
        return state.IPV4
    if protocol == 0x0057:
        return state.IPV6
    return state.MPLS if protocol in (0x0281, 0x0283) else state.DONE


@kernel
def mpls(data: Bytes, s: Int64) -> int:
    """A stack of labels (RFC 3032); the first half byte behind it tells IP from pseudowires (RFC 4928)."""
    s[state.LINK_KNOWN] = 0
    at, end = s[state.AT], s[state.END]
    label = -1
    bottom = 0
    while end - at >= 4 and bottom == 0:
        word = be32(data, at)
        label, bottom = word >> 12, word >> 8 & 1
        at += 4
    s[state.AT] = at
    s[state.SEEN_LABEL] = label
    if bottom == 0 or end <= at:
        return state.DONE
    if label == 0:
        return state.IPV4
    if label == 2:
        return state.IPV6
    version = be8(data, at) >> 4
    if version == 4:
        return state.IPV4
    if version == 6:
        return state.IPV6
    return state.PSEUDOWIRE if version == 0 else state.DONE


@kernel
def looks_like_ethernet(data: Bytes, at: int, end: int) -> bool:
    """Whether an Ethernet header with an Ethertype that is followed further may stand here."""
    if end - at < 14:
        return False
    kind = be16(data, at + 12)
    return kind in (0x0800, 0x86DD, 0x0806, 0x8100, 0x88A8, 0x8847, 0x8864, 0x88CC)


@kernel
def pseudowire(data: Bytes, s: Int64) -> int:
    """Ethernet over MPLS, with a control word (RFC 4448 4.6: it begins with a zero half byte) or without.

    A destination address that begins with another half byte cannot be told from other contents.
    """
    at, end = s[state.AT], s[state.END]
    if not looks_like_ethernet(data, at, end):
        s[state.AT] = min(at + 4, end)
    return state.ETHERNET
