"""Statements "this IP is at this MAC": ARP, RARP, neighbour discovery and DHCP acknowledgements."""

from __future__ import annotations

import ipaddress

from flowmap.capture.outcome import NoticeCounter
from flowmap.packets import Claim

_ARP, _RARP = frozenset((1, 2)), frozenset((3, 4))
_ROUTER_SOLICIT, _ROUTER_ADVERT, _NEIGHBOR_SOLICIT, _NEIGHBOR_ADVERT = 133, 134, 135, 136
_SOURCE_LINK_ADDRESS, _TARGET_LINK_ADDRESS = 1, 2
_OPTIONS_AT = {_ROUTER_SOLICIT: 8, _ROUTER_ADVERT: 16, _NEIGHBOR_SOLICIT: 24, _NEIGHBOR_ADVERT: 24}
_DHCP_COOKIE, _DHCP_MESSAGE_TYPE, _DHCP_ACK = b"\x63\x82\x53\x63", 53, 5


class ClaimBook:
    """Keeps each claim once for (mac, ip, how, point, vlan, tunnel), up to a limit."""

    def __init__(self, limit: int, notices: NoticeCounter) -> None:
        self._seen: set[tuple[int, str, str, int, int, int]] = set()
        self._limit, self._notices = limit, notices
        self._fresh: list[Claim] = []

    def add(self, claim: Claim) -> None:
        """Keep a claim when it is new. The zero MAC and group MACs are nobody's."""
        if claim.mac <= 0 or claim.mac >> 40 & 1:
            return
        key = claim[:6]
        if key in self._seen:
            return
        if len(self._seen) >= self._limit:
            self._notices.add("claims_limit")
            return
        self._seen.add(key)
        self._fresh.append(claim)

    def take(self) -> list[Claim]:
        """The claims added since the last call."""
        fresh, self._fresh = self._fresh, []
        return fresh


def arp_claim(opcode: str, mac: int, ip: str) -> tuple[str, str] | None:
    """``how`` and address of an ARP (RFC 826) or RARP (RFC 903) sender; None when it claims nothing."""
    number = int(opcode, 0) if opcode else 0
    if number in _RARP:
        return "rarp", ""
    if number not in _ARP or mac < 0 or ip in ("", "0.0.0.0"):
        return None  # an address probe (RFC 5227) has the sender 0.0.0.0 and claims nothing yet
    return "arp", ip


def neighbor_claim(message: bytes, source: str) -> tuple[int, str] | None:
    """MAC and address of an ICMPv6 neighbour discovery message (RFC 4861, 4.1 to 4.4); None when it has none.

    An advertisement claims its target with option 2, the other messages claim their source with option 1.
    """
    kind = message[0] if message else 0
    at = _OPTIONS_AT.get(kind)
    if at is None:
        return None
    wanted = _TARGET_LINK_ADDRESS if kind == _NEIGHBOR_ADVERT else _SOURCE_LINK_ADDRESS
    mac = _link_address(message, at, wanted)
    if mac is None:
        return None
    ip = str(ipaddress.IPv6Address(message[8:24])) if kind == _NEIGHBOR_ADVERT else source
    return None if ip in ("", "::") else (mac, ip)


def _link_address(message: bytes, at: int, wanted: int) -> int | None:
    while at + 8 <= len(message):
        length = message[at + 1] * 8
        if message[at] == wanted:
            return int.from_bytes(message[at + 2 : at + 8])
        if length == 0:
            return None
        at += length
    return None


def dhcp_claim(message: bytes) -> tuple[int, str] | None:
    """MAC and address that a DHCP server has acknowledged (RFC 2131 table 1); None for other messages."""
    if len(message) < 244 or message[0] != 2 or message[1:3] != b"\x01\x06" or message[236:240] != _DHCP_COOKIE:
        return None
    if not any(message[16:20]) or _dhcp_option(message, _DHCP_MESSAGE_TYPE) != bytes([_DHCP_ACK]):
        return None
    return int.from_bytes(message[28:34]), str(ipaddress.IPv4Address(message[16:20]))


def _dhcp_option(message: bytes, wanted: int) -> bytes | None:
    at = 240
    while at + 2 <= len(message):
        code, length = message[at], message[at + 1]
        if code == 255:
            return None
        if code == 0:
            at += 1
            continue
        if code == wanted:
            return message[at + 2 : at + 2 + length]
        at += 2 + length
    return None
