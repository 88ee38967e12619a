"""From the headers that carry a frame to its capture point and its tenant tunnel.

Mirror transports (ERSPAN, GRE-TEB) carry copies: they become the name of a mirror session and are otherwise
forgotten. Everything else that carries packets is a tenant tunnel; the innermost one counts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from flowmap.capture.layers import Header, Stack, Wrap
from flowmap.packets import Tunnel

Cells = Callable[[str], Sequence[str]]
"""All values of a field in one frame, outermost first."""

_GRE_KEY, _GRE_SEQUENCE, _GRE_VERSION = 0x2000, 0x1000, 0x0007
_ERSPAN_III_PROTOCOL = 0x22EB
_FIRST_NVGRE_KEY = 0x1000 << 8
"""RFC 7637 section 3.2: the key is a 24-bit VSID and 8 bits of flow id, and VSIDs below 0x1000 are reserved.
A smaller key on bridged GRE is therefore the session number of a mirror."""

_NETWORK_FIELDS = {
    "vxlan": "vxlan.vni",
    "geneve": "geneve.vni",
    "gtp": "gtp.teid",
    "pppoes": "pppoe.session_id",
    "l2tp": "l2tp.session",
    "nsh": "nsh.spi",
}
"""Tunnels with one number in every header."""

FIELDS = (
    "gre.flags_and_version", "gre.proto", "gre.key", "gre.key.call_id",
    "erspan.version", "erspan.spanid", "erspan.index",
    *_NETWORK_FIELDS.values(), "l2tp.sid", "mpls.label",
)  # fmt: skip

_IP_IN_IP = {("ip", "ip"): "ipip", ("ip", "ipv6"): "6in4", ("ipv6", "ip"): "4in6", ("ipv6", "ipv6"): "6in6"}


def unwrap(stack: Stack, cells: Cells) -> tuple[str, Tunnel | None]:
    """Name the mirror session and the tenant tunnel of one frame.

    Parameters
    ----------
    stack : Stack
        The frame's layers; its ``wraps`` are looked at from the outside in.
    cells : callable
        Gives all values of one of :data:`FIELDS`, ``ip.src``, ``ip.dst``, ``ipv6.src`` or ``ipv6.dst`` in
        this frame.

    Returns
    -------
    mirror : str
        ``PointKey.mirror``, "" outside mirror transports.
    tunnel : Tunnel or None
    """
    mirror, tunnel, stripped_ips = "", None, 0
    for wrap in stack.wraps:
        session = _session(stack, wrap, cells)
        if session is not None:
            source = _address(wrap.ip, "src", cells)
            mirror, tunnel, stripped_ips = f"{session[0]}:{source}{session[1]}", None, wrap.ips
            continue
        kind, network = _kind(wrap, cells)
        if kind:
            around = wrap.ip if wrap.ips > stripped_ips else None
            tunnel = Tunnel(kind, _address(around, "src", cells), _address(around, "dst", cells), network)
    return mirror, tunnel


def _session(stack: Stack, wrap: Wrap, cells: Cells) -> tuple[str, str] | None:
    """Transport and session part of a mirror header; None for every other header (reference 1.3)."""
    if wrap.header.kind == "erspan":
        return "erspan", _erspan_session(stack, wrap, cells)
    if wrap.header.kind == "gre" and wrap.inner == "eth":
        key = _gre_key(wrap.header.number, cells)
        if key < _FIRST_NVGRE_KEY:
            return "gre-teb", f"/{key}" if key >= 0 else ""
    return None


def _erspan_session(stack: Stack, wrap: Wrap, cells: Cells) -> str:
    """``/session`` or ``/session/index``; "" for type I, which has no header of its own."""
    headers = [other for other in stack.wraps if other.header.kind == "erspan" and _has_erspan_header(other, cells)]
    if wrap not in headers:
        return ""
    number = headers.index(wrap)
    session = _number(cells("erspan.spanid"), number)
    versions = cells("erspan.version")[: number + 1]
    index = _number(cells("erspan.index"), versions.count("1") - 1) if versions[-1:] == ["1"] else -1
    return (f"/{session}" if session >= 0 else "") + (f"/{index}" if index > 0 else "")


def _has_erspan_header(wrap: Wrap, cells: Cells) -> bool:
    """Type I and II share one GRE protocol; the sequence bit tells them apart (reference 1.3)."""
    flags = _number(cells("gre.flags_and_version"), wrap.gre)
    protocol = _number(cells("gre.proto"), wrap.gre)
    return protocol == _ERSPAN_III_PROTOCOL or bool(flags > 0 and flags & _GRE_SEQUENCE)


def _kind(wrap: Wrap, cells: Cells) -> tuple[str, int]:
    """Kind and network number of a tenant tunnel; ("", -1) for a header that is none."""
    kind, index = wrap.header
    if kind == "gre":
        return _gre_kind(wrap, cells)
    if kind == "ipip":
        outer = wrap.ip.kind if wrap.ip else "ip"
        return _IP_IN_IP[outer, wrap.inner], -1
    if kind == "mpls":
        return "mpls", _number(cells("mpls.label"), -1)
    if kind in _NETWORK_FIELDS:
        number = _number(cells(_NETWORK_FIELDS[kind]), index)
        if kind == "l2tp" and number < 0:
            number = _number(cells("l2tp.sid"), index)
        return {"pppoes": "pppoe"}.get(kind, kind), number
    return {"lisp-data": "lisp"}.get(kind, kind), -1


def _gre_kind(wrap: Wrap, cells: Cells) -> tuple[str, int]:
    if wrap.inner == "erspan":
        return "", -1
    flags = _number(cells("gre.flags_and_version"), wrap.header.number)
    if flags > 0 and flags & _GRE_VERSION == 1:
        return "pptp", _number(cells("gre.key.call_id"), 0)
    key = _gre_key(wrap.header.number, cells)
    return ("nvgre", key >> 8) if wrap.inner == "eth" else ("gre", key)


def _gre_key(index: int, cells: Cells) -> int:
    """Key of the GRE header with this index; only headers with the key bit (and version 0) have one."""
    keyed = [
        flags & _GRE_KEY and flags & _GRE_VERSION == 0
        for flags in (int(text, 0) for text in cells("gre.flags_and_version"))
    ]
    if index >= len(keyed) or not keyed[index]:
        return -1
    return _number(cells("gre.key"), sum(map(bool, keyed[:index])))


def _address(header: Header | None, end: str, cells: Cells) -> str:
    if header is None:
        return ""
    values = cells(f"{header.kind}.{end}")
    return values[header.number] if header.number < len(values) else ""


def _number(values: Sequence[str], index: int) -> int:
    """The value at a place as a number; -1 where there is none."""
    if not values or index >= len(values):
        return -1
    return int(values[index], 0)
