"""Following the headers of one frame from the outside in: which reader of a header comes next."""

from __future__ import annotations

from flowmap.kernels import kernel, link, network, state, tunnels
from flowmap.kernels.arrays import Bytes, Int64

_MAX_LAYERS = 512


@kernel
def first_layer(linktype: int) -> int:
    """The layer that a link type (tcpdump.org/linktypes) begins with; ``DONE`` for one that is not read here."""
    if linktype == 1:
        return state.ETHERNET
    if linktype == 113:
        return state.SLL
    if linktype == 276:
        return state.SLL2
    if linktype in (12, 14, 101, 228, 229):
        return state.RAW
    if linktype in (0, 108):
        return state.NULL
    if linktype in (9, 50):
        return state.PPP_HDLC
    if linktype == 51:
        return state.PPPOE
    if linktype == 104:
        return state.CHDLC
    return state.IPOIB if linktype == 242 else state.DONE


@kernel
def least_link_bytes(linktype: int) -> int:
    """Bytes without which a link type has no whole header; 0 where that is not looked at."""
    if linktype == 1:
        return 14
    if linktype == 113:
        return 16
    if linktype == 276:
        return 20
    return 4 if linktype in (0, 104, 108) else 0


@kernel
def walk_headers(data: Bytes, s: Int64, layer: int, options: Int64) -> None:
    """Follow the headers of one frame; the state then says what there was."""
    for _ in range(_MAX_LAYERS):
        if layer == state.DONE or s[state.KEPT_WRAPS] > options[state.DEPTH]:
            return
        if layer <= state.LLC:
            layer = _common_layer(data, s, layer)
        elif layer == state.UDP:
            layer = tunnels.udp(data, s, options)
        else:
            layer = _rare_layer(data, s, layer)


@kernel
def _common_layer(data: Bytes, s: Int64, layer: int) -> int:
    if layer == state.ETHERNET:
        return link.ethernet(data, s)
    if layer == state.IPV4:
        return network.ipv4(data, s)
    if layer == state.IPV6:
        return network.ipv6(data, s)
    if layer == state.VLAN or layer == state.SERVICE_VLAN:
        return link.vlan_tag(data, s)
    if layer == state.MPLS:
        tunnels.enter_mpls(s)
        return link.mpls(data, s)
    if layer == state.PPPOE:
        return tunnels.pppoe(data, s)
    if layer == state.PPP:
        return link.ppp(data, s)
    if layer == state.PPP_HDLC:
        s[state.LINK_KNOWN] = 0
        return link.ppp(data, s)
    return link.llc(data, s)


@kernel
def _rare_layer(data: Bytes, s: Int64, layer: int) -> int:
    if layer == state.GRE:
        return tunnels.gre(data, s)
    if layer in (state.ERSPAN_1, state.ERSPAN_2, state.ERSPAN_3):
        return tunnels.erspan(data, s, layer - state.ERSPAN_1 + 1)
    if layer == state.VXLAN or layer == state.VXLAN_GPE:
        return tunnels.vxlan(data, s, 1 if layer == state.VXLAN_GPE else 0)
    if layer == state.GENEVE:
        return tunnels.geneve(data, s)
    if layer == state.GTP:
        return tunnels.gtp(data, s)
    if layer == state.TEREDO:
        return tunnels.teredo(data, s)
    if layer == state.ETHERIP:
        return tunnels.etherip(data, s)
    if layer == state.L2TP:
        return tunnels.l2tp(data, s)
    if layer == state.LISP:
        return tunnels.lisp(data, s)
    if layer == state.NSH:
        return tunnels.nsh(data, s)
    if layer == state.PSEUDOWIRE:
        return link.pseudowire(data, s)
    if layer == state.SLL or layer == state.SLL2:
        return link.cooked(data, s, 1 if layer == state.SLL else 2)
    if layer == state.NULL:
        return link.null(data, s)
    if layer == state.VNTAG:
        return link.vn_tag(data, s)
    if layer == state.TRILL:
        return link.trill(data, s)
    return _layer_before_ethertype(data, s, layer)


@kernel
def _layer_before_ethertype(data: Bytes, s: Int64, layer: int) -> int:
    if layer == state.RAW or layer == state.IP_BY_VERSION:
        return link.ip_by_version(data, s)
    if layer == state.CHDLC:
        s[state.LINK] += 4
        return link.hdlc_like(data, s, 4, 2)
    if layer == state.CISCO_METADATA:
        s[state.LINK] += 8
        return link.hdlc_like(data, s, 8, 6)
    s[state.LINK_KNOWN] = 0
    if layer == state.BACKBONE:
        return link.hdlc_like(data, s, 18, 16)
    if layer == state.HSR:
        return link.hdlc_like(data, s, 6, 4)
    return link.hdlc_like(data, s, 44, 40)
