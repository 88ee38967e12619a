"""Headers that carry another packet: tenant overlays, which are kept, and mirror transports, which become the point.

Sources: RFC 2784 and 2890 (GRE), 2637 (PPTP), 7637 (NVGRE), 7348 (VXLAN), 8926 (Geneve), 8300 (NSH), 2661 (L2TP), 4380
(Teredo), 3378 (EtherIP), 6830 (LISP), 3GPP TS 29.281 (GTP-U); ERSPAN: reference virtual-switching.md 1.3.
"""

from __future__ import annotations

from flowmap.kernels import kernel, state
from flowmap.kernels.arrays import Bytes, Int64
from flowmap.kernels.link import by_ethertype, limit
from flowmap.kernels.network import enter_tunnel
from flowmap.kernels.words import be8, be16, be24, be32

_CHECKSUM, _ROUTING, _KEY, _SEQUENCE, _ACKNOWLEDGE, _VERSION = 0x8000, 0x4000, 0x2000, 0x1000, 0x0080, 0x0007
_FIRST_NVGRE_KEY = 0x1000 << 8
"""RFC 7637 3.2: a 24-bit VSID above 8 bits of flow id, and VSIDs below 0x1000 are reserved: a smaller key on bridged
GRE is the session number of a mirror."""

_TEREDO_PORT, _L2TP_PORT, _LISP_PORT, _MPLS_PORT = 3544, 1701, 4341, 6635


@kernel
def enter_mirror(s: Int64, kind: int, session: int, index: int) -> None:
    """A mirror transport: its outer source and session name a capture point, and what carried it is forgotten."""
    now = state.NOW
    readable = s[state.IPS] > 0 and s[state.IP_READABLE] == 1
    s[now + state.MIRROR] = kind
    s[now + state.MIRROR_VERSION] = s[state.IP_VERSION] if readable else 0
    s[now + state.MIRROR_HIGH] = s[state.SRC_HIGH] if readable else 0
    s[now + state.MIRROR_LOW] = s[state.SRC_LOW] if readable else 0
    s[now + state.MIRROR_SESSION], s[now + state.MIRROR_INDEX] = session, index
    for word in range(state.TUNNEL, state.CARRIER_WORDS):
        s[now + word] = 0
    s[state.STRIPPED_IPS] = s[state.IPS]


@kernel
def gre(data: Bytes, s: Int64) -> int:
    """GRE: version 0 with optional checksum, routing, key and sequence; version 1 is PPTP's."""
    s[state.OPAQUE] = 1
    at, end = s[state.AT], s[state.END]
    if end - at < 4:
        s[state.WRAPS] += 1
        return state.DONE
    flags, kind = be16(data, at), be16(data, at + 2)
    at += 4
    if flags & (_CHECKSUM | _ROUTING) and flags & _VERSION == 0:
        at += 4
    key = -1
    if flags & _KEY:
        key = be32(data, at) if end - at >= 4 and flags & _VERSION <= 1 else key
        at += 4
    at += 4 if flags & _SEQUENCE else 0
    if flags & _VERSION == 1:
        at += 4 if flags & _ACKNOWLEDGE else 0
    elif flags & _ROUTING:
        at = _behind_routing(data, at, end)
    s[state.AT] = at
    if at > end or (at >= s[state.REPORTED_END] and flags & _SEQUENCE == 0):  # nothing need follow
        s[state.WRAPS] += 1
        return state.DONE
    layer = _gre_payload(data, s, kind, flags)
    if layer in (state.ERSPAN_1, state.ERSPAN_2, state.ERSPAN_3):
        s[state.WRAPS] += 1
    elif flags & _VERSION == 1:
        enter_tunnel(s, state.IN_PPTP, key & 0xFFFF if key >= 0 else key)
    elif layer != state.ETHERNET:
        enter_tunnel(s, state.IN_GRE, key)
    elif key >= _FIRST_NVGRE_KEY:
        enter_tunnel(s, state.IN_NVGRE, key >> 8)
    else:
        s[state.WRAPS] += 1
        enter_mirror(s, state.BY_GRE_TEB, key, -1)
    return layer


@kernel
def _behind_routing(data: Bytes, at: int, end: int) -> int:
    """Source route entries (RFC 1701): family, offset, length; a null entry ends them."""
    while end - at >= 4:
        family, length = be16(data, at), be8(data, at + 3)
        at += 4 + length
        if family == 0 and length == 0:
            return at
    return end + 1


@kernel
def _gre_payload(data: Bytes, s: Int64, kind: int, flags: int) -> int:
    if kind == 0x0800 or kind == 0x883E:
        if kind == 0x883E and s[state.END] - s[state.AT] >= 5 and be8(data, s[state.AT]) != 0x45:
            s[state.AT] += 4  # WCCP version 2 has a redirect header
        return state.IPV4
    if kind == 0x86DD:
        return state.IPV6
    if kind == 0x6558:
        return state.ETHERNET
    if kind == 0x88BE:
        return state.ERSPAN_2 if flags & _SEQUENCE else state.ERSPAN_1
    if kind == 0x22EB:
        return state.ERSPAN_3
    if kind == 0x880B:
        return state.PPP
    if kind in (0x8847, 0x8848):
        return state.MPLS
    if kind == 0x8909 and s[state.END] - s[state.AT] >= 8:  # Cisco metadata; in GRE its Ethertype comes first
        inner = be16(data, s[state.AT])
        s[state.AT] += 8
        return by_ethertype(s, inner)
    return state.NSH if kind == 0x894F else state.DONE


@kernel
def erspan(data: Bytes, s: Int64, version: int) -> int:
    """ERSPAN type I (no header), II (8 bytes) and III (12 bytes, 8 more with the O bit)."""
    s[state.OPAQUE] = s[state.UNDECODED_MIRROR] = 1
    s[state.WRAPS] += 1
    at, left = s[state.AT], s[state.END] - s[state.AT]
    if version == 1:
        enter_mirror(s, state.BY_ERSPAN, -1, -1)
        return state.ETHERNET
    known = left >= 4 and be8(data, at) >> 4 == version - 1
    session = be16(data, at + 2) & 0x3FF if known else -1
    index = be32(data, at + 4) & 0xFFFFF if known and version == 2 and left >= 8 else -1
    enter_mirror(s, state.BY_ERSPAN, session, index)
    size = 8
    if version == 3:
        if left < 12:
            return state.DONE
        about = be16(data, at + 10)
        if about >> 10 & 0x1F != 0:  # the copied frame is no Ethernet frame
            return state.DONE
        size = 20 if about & 1 else 12
    if left < size or not known:
        return state.DONE
    s[state.AT] = at + size
    return state.ETHERNET


@kernel
def udp(data: Bytes, s: Int64, options: Int64) -> int:
    """A UDP header (RFC 768), and the overlay that its destination port stands for."""
    at, left = s[state.AT], s[state.END] - s[state.AT]
    if left < 4:
        return state.DONE
    source, destination = be16(data, at), be16(data, at + 2)
    s[state.UDP_SRC], s[state.UDP_DST] = source, destination
    if left < 8:
        if left >= 6:
            s[state.UDP_LENGTH] = be16(data, at + 4)
        return state.DONE
    length = be16(data, at + 4)
    s[state.UDP_LENGTH] = length
    if length >= 8:
        limit(s, at + length)
    elif length != 0 or s[state.IP_VERSION] == 4:
        limit(s, at + 8)
        return state.DONE
    if s[state.END] - at <= 8:
        return state.DONE
    layer = state.DONE
    for place in range(state.PORTS, len(options), 2):
        if options[place] == destination:
            layer = options[place + 1]
    if layer == state.DONE:
        layer = fixed_port(source, destination)
    if layer != state.DONE:
        s[state.AT] = at + 8
        s[state.OPAQUE] = 1
    return layer


@kernel
def fixed_port(source: int, destination: int) -> int:
    """Tunnels whose answers come from the port that they are known by."""
    if source == _L2TP_PORT or destination == _L2TP_PORT:
        return state.L2TP
    if source == _TEREDO_PORT or destination == _TEREDO_PORT:
        return state.TEREDO
    if source == _LISP_PORT or destination == _LISP_PORT:
        return state.LISP
    if source == _MPLS_PORT or destination == _MPLS_PORT:
        return state.MPLS
    return state.DONE


@kernel
def vxlan(data: Bytes, s: Int64, generic: int) -> int:
    """VXLAN carries Ethernet; its generic extension says what it carries."""
    at = s[state.AT]
    if s[state.END] - at < 8:
        s[state.WRAPS] += 1
        return state.DONE
    enter_tunnel(s, state.IN_VXLAN, be24(data, at + 4))
    s[state.AT] = at + 8
    return _next_protocol(be8(data, at + 3)) if generic else state.ETHERNET


@kernel
def _next_protocol(number: int) -> int:
    """The table that VXLAN-GPE and NSH share."""
    if number == 1:
        return state.IPV4
    if number == 2:
        return state.IPV6
    if number == 3:
        return state.ETHERNET
    if number == 4:
        return state.NSH
    return state.MPLS if number == 5 else state.DONE


@kernel
def geneve(data: Bytes, s: Int64) -> int:
    """Geneve: options in units of four bytes, then what its Ethertype says."""
    at = s[state.AT]
    if s[state.END] - at < 8:
        s[state.WRAPS] += 1
        return state.DONE
    enter_tunnel(s, state.IN_GENEVE, be24(data, at + 4))
    s[state.AT] = at + 8 + (be8(data, at) & 0x3F) * 4
    return by_ethertype(s, be16(data, at + 2)) if s[state.AT] <= s[state.END] else state.DONE


@kernel
def nsh(data: Bytes, s: Int64) -> int:
    """A network service header: its length in units of four bytes, the next protocol, the service path."""
    s[state.OPAQUE] = 1
    s[state.LINK_KNOWN] = 0
    at = s[state.AT]
    if s[state.END] - at < 8:
        s[state.WRAPS] += 1
        return state.DONE
    enter_tunnel(s, state.IN_NSH, be24(data, at + 4))
    size = (be16(data, at) & 0x3F) * 4
    s[state.AT] = at + size
    return _next_protocol(be8(data, at + 3)) if 8 <= size <= s[state.END] - at else state.DONE


@kernel
def pppoe(data: Bytes, s: Int64) -> int:
    """PPPoE session: six bytes, and how long the PPP frame is."""
    s[state.OPAQUE] = 1
    at = s[state.AT]
    if s[state.END] - at < 6:
        s[state.WRAPS] += 1
        return state.DONE
    enter_tunnel(s, state.IN_PPPOE, be16(data, at + 2))
    s[state.AT] = at + 6
    limit(s, at + 6 + be16(data, at + 4))
    s[state.LINK] += 6
    return state.PPP


@kernel
def gtp(data: Bytes, s: Int64) -> int:
    """GTP-U (version 1), only user packets (type 255), behind its extension headers."""
    at, end = s[state.AT], s[state.END]
    if end - at < 8:
        s[state.OPAQUE] = 0 if end - at < 2 else 1
        return state.DONE
    flags = be8(data, at)
    version = flags >> 5
    enter_tunnel(s, state.IN_GTP, be32(data, at + 4) if version == 1 else -1)
    if be8(data, at + 1) != 255:
        return state.DONE
    if version == 0:
        s[state.AT] = at + 20
        return _user_packet(data, at + 20, end)
    at += 8
    if flags & 7:
        following = be8(data, at + 3) if flags & 4 and end - at >= 4 else 0
        at += 4
        while following != 0 and end - at >= 4:
            size = be8(data, at) * 4
            if size == 0 or end - at < size:
                return state.DONE
            following = be8(data, at + size - 1)
            at += size
    s[state.AT] = at
    return _user_packet(data, at, end)


@kernel
def _user_packet(data: Bytes, at: int, end: int) -> int:
    """IP with a possible header length; anything else (PPP, Ethernet) is not said by the header, so it is not read."""
    if at >= end:
        return state.DONE
    start = be8(data, at)
    if 0x45 <= start <= 0x4E:
        return state.IPV4
    return state.IPV6 if start >> 4 == 6 else state.DONE


@kernel
def l2tp(data: Bytes, s: Int64) -> int:
    """L2TP version 2 data messages carry PPP; control messages and version 3 (whose cookie nothing states) do not."""
    at, end = s[state.AT], s[state.END]
    version = be8(data, at + 1) & 15 if end - at >= 2 else 0
    if version not in (2, 3):
        s[state.OPAQUE] = 0  # something else on this port
        return state.DONE
    flags = be16(data, at)
    if version == 3 or flags & 0x8000 or end - at < 8:
        s[state.WRAPS] += 1
        return state.DONE
    at += 4 if flags & 0x4000 else 2
    session = be16(data, at + 2)
    at += 4 + (4 if flags & 0x0800 else 0)
    if flags & 0x0200:
        if end - at < 2:
            return state.DONE
        at += 2 + be16(data, at)
    enter_tunnel(s, state.IN_L2TP, session)
    s[state.AT] = at
    return state.PPP if at < end else state.DONE


@kernel
def teredo(data: Bytes, s: Int64) -> int:
    """Teredo: an authentication and an origin indication may stand before the IPv6 packet."""
    enter_tunnel(s, state.IN_TEREDO, -1)
    at, end = s[state.AT], s[state.END]
    if end - at >= 4 and be16(data, at) == 1:
        at += 4 + be8(data, at + 2) + be8(data, at + 3) + 9
    if end - at >= 8 and be16(data, at) == 0:
        at += 8
    s[state.AT] = at
    return state.IP_BY_VERSION if at < end else state.DONE


@kernel
def etherip(data: Bytes, s: Int64) -> int:
    """EtherIP: two bytes, then Ethernet."""
    s[state.OPAQUE] = 1
    enter_tunnel(s, state.IN_ETHERIP, -1)
    s[state.AT] += 2
    return state.ETHERNET if s[state.AT] <= s[state.END] else state.DONE


@kernel
def lisp(data: Bytes, s: Int64) -> int:
    """LISP data: eight bytes, then IP."""
    enter_tunnel(s, state.IN_LISP, -1)
    s[state.AT] += 8
    return state.IP_BY_VERSION


@kernel
def enter_mpls(s: Int64) -> None:
    """Labels are a tunnel too; which label counts is known behind the last one."""
    s[state.OPAQUE] = 1
    enter_tunnel(s, state.IN_MPLS, -1)
