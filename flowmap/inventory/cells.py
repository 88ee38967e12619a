"""One value of an inventory: MAC, IP, VLAN, time, name.

Each `parse_` function takes text and returns it in normal form, or raises ValueError with the end of a
sentence that says what is wrong with it.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
import unicodedata
from datetime import UTC, datetime

MAX_NAME_CHARS = 255
NO_VALUE = frozenset({"", "-", "--", "n/a", "null", "none"})
"""Casefolded spellings of "nothing here" (`-` is libvirt's, `null` PowerShell's)."""

_SIX_GROUPS = re.compile(r"[0-9a-f]{2}(?:([:-])[0-9a-f]{2})(?:\1[0-9a-f]{2}){4}", re.ASCII | re.IGNORECASE)
_THREE_GROUPS = re.compile(r"[0-9a-f]{4}\.[0-9a-f]{4}\.[0-9a-f]{4}", re.ASCII | re.IGNORECASE)
_TWELVE_DIGITS = re.compile(r"[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
_LIST_GAP = re.compile(r"[,;|\s]+")
_ALL_DIGITS = re.compile(r"\d+", re.ASCII)
_NS_PER_UNIT_OF_DIGITS = {10: 10**9, 13: 10**6, 16: 10**3, 19: 1}
"""A Unix time of our days has 10 digits in seconds, 13 in milliseconds and so on."""
_ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]|$)|\d{8}(?:T|$)", re.ASCII)
_LAST_NS = 2**63 - 1
"""A time is kept in 64 bits: until 2262."""


def parse_mac(text: str) -> int:
    """MAC address of one NIC as a 48-bit integer.

    Accepts `aa:bb:cc:dd:ee:ff`, `AA-BB-CC-DD-EE-FF`, `aabb.ccdd.eeff` and 12 hex digits.

    Raises
    ------
    ValueError
        If it is no MAC address, or one that no NIC can have (zero, broadcast, multicast).
    """
    if not any(form.fullmatch(text) for form in (_SIX_GROUPS, _THREE_GROUPS, _TWELVE_DIGITS)):
        raise ValueError("is no MAC address")
    mac = int(re.sub(r"[:.-]", "", text), 16)
    if mac == 0:
        raise ValueError("is the zero MAC address")
    if mac == 0xFFFF_FFFF_FFFF:
        raise ValueError("is the broadcast MAC address")
    if mac >> 40 & 1:
        raise ValueError("is a multicast MAC address")
    return mac


def mac_text(mac: int) -> str:
    """A 48-bit integer as `aa:bb:cc:dd:ee:ff`."""
    return mac.to_bytes(6, "big").hex(":")


def parse_ip(text: str) -> str:
    """One IP address in the spelling of `ipaddress`.

    Prefix length and zone are dropped; an IPv4-mapped IPv6 address becomes IPv4.

    Raises
    ------
    ValueError
        If it is no address, or one that cannot tell VMs apart (multicast, loopback, broadcast, unspecified).
    """
    if text.casefold() == "system.string[]":
        raise ValueError("is what PowerShell writes instead of a list (join the addresses by a comma)")
    if text.casefold() in ("dynamic", "dhcp"):
        raise ValueError("is no address but a way to get one")
    bare = text.strip("[]{}()'\"").partition("/")[0].partition("%")[0]
    try:
        ip = ipaddress.ip_address(bare)
    except ValueError:
        raise ValueError("is no IP address") from None
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    if ip.is_multicast or ip.is_loopback or ip.is_unspecified or str(ip) == "255.255.255.255":
        raise ValueError("is an address that no single VM owns")
    return str(ip)


def split_list(text: str) -> list[str]:
    """The parts of `10.0.0.1, 10.0.0.2`: separated by comma, semicolon, bar or white space."""
    return [part for part in _LIST_GAP.split(text) if part]


def parse_vlan(text: str) -> int:
    """VLAN id 1 to 4094, or 0 for untagged.

    Raises
    ------
    ValueError
        If it is no VLAN id; also for 4095, which means "all" on a vSphere port group.
    """
    digits = re.fullmatch(r"(?:vlan\s*)?(\d{1,5})(?:\.0+)?", text, re.ASCII | re.IGNORECASE)
    if digits is None or int(digits[1]) > 4095:
        raise ValueError("is no single VLAN id")
    if int(digits[1]) == 4095:
        raise ValueError("means a trunk of all VLANs, not one")
    return int(digits[1])


def parse_flag(text: str) -> bool:
    """True or false, in the spellings that exports use.

    Raises
    ------
    ValueError
        If it is neither.
    """
    word = text.casefold()
    if word in ("true", "yes", "y", "1", "on"):
        return True
    if word in ("false", "no", "n", "0", "off"):
        return False
    raise ValueError("is neither true nor false")


def parse_kind(text: str) -> str:
    """ "vm", "router", "service" or "hypervisor"; also a flag that tells of the hypervisor's own NIC.

    Raises
    ------
    ValueError
        If it is neither.
    """
    word = text.casefold()
    if word in ("vm", "router", "service", "hypervisor"):
        return word
    try:
        return "hypervisor" if parse_flag(text) else "vm"
    except ValueError:
        raise ValueError("is no kind of NIC (vm, router, service or hypervisor)") from None


def parse_uplink(text: str) -> bool:
    """Whether the vSwitch leads out of its host: a flag, or Hyper-V's type of switch.

    Raises
    ------
    ValueError
        If it is neither.
    """
    word = text.casefold()
    if word in ("external", "internal", "private"):
        return word == "external"
    try:
        return parse_flag(text)
    except ValueError:
        raise ValueError("does not say whether the switch has an uplink (true, false, External, Private)") from None


def parse_segment_type(text: str) -> str:
    """ "vlan", "overlay" or "none".

    Raises
    ------
    ValueError
        If it is none of the network types known.
    """
    word = text.casefold()
    if word in ("vlan", "overlay"):
        return word
    if word in ("vxlan", "geneve", "gre", "nvgre"):
        return "overlay"
    if word in ("flat", "untagged", "access"):
        return "none"
    raise ValueError("is no segment type (vlan, overlay or none)")


def parse_vni(text: str) -> int:
    """Overlay network identifier, 24 bits.

    Raises
    ------
    ValueError
        If it is none.
    """
    if not re.fullmatch(r"\d{1,8}", text, re.ASCII) or not 0 < int(text) < 1 << 24:
        raise ValueError("is no VNI")
    return int(text)


def parse_time(text: str) -> int:
    """Nanoseconds since 1970, UTC.

    Accepts ISO 8601 (UTC where no zone is given) and a Unix time of 10, 13, 16 or 19 digits (s, ms, us, ns).

    Raises
    ------
    ValueError
        If it is neither, or before 1970 or after 2262. Dates like 3/4/2025 are refused: they mean two days.
    """
    if len(text) in _NS_PER_UNIT_OF_DIGITS and _ALL_DIGITS.fullmatch(text):
        ns = int(text) * _NS_PER_UNIT_OF_DIGITS[len(text)]
    elif _ISO_DATE.match(text):
        ns = _iso_time(text)
    else:
        raise ValueError("is no time (write it like 2025-03-04T12:00:00Z)")
    if not 0 <= ns <= _LAST_NS:
        raise ValueError("is outside the years 1970 to 2262")
    return ns


def _iso_time(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("is no time (write it like 2025-03-04T12:00:00Z)") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return ((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) * 1_000


def clean_name(text: str) -> str:
    """A name that is safe to store and print.

    Control, bidirectional and surrogate characters become U+FFFD. A name of more than 255 characters is cut
    and ends in a hash of the whole, so that two long names stay two.
    """
    if len(text) <= MAX_NAME_CHARS and text.isascii() and text.isprintable():
        return text.strip()  # nearly all are, and an inventory has millions
    name = "".join("\N{REPLACEMENT CHARACTER}" if _unprintable(char) else char for char in text.strip())
    if len(name) > MAX_NAME_CHARS:
        digest = hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=4).hexdigest()
        name = f"{name[: MAX_NAME_CHARS - 9]}~{digest}"
    return name


def name_in(row: object, *keys: str) -> str:
    """The first text under one of the keys, cleaned; empty where there is none."""
    for key in keys:
        value = row.get(key) if isinstance(row, dict) else None
        if isinstance(value, str) and value:
            return clean_name(value)
    return ""


def quoted(text: str) -> str:
    """A value for a message: cleaned, in quotes, at most 40 characters."""
    shown = clean_name(text[:80])
    return f"'{shown[:40]}...'" if len(text) > 40 else f"'{shown}'"


def _unprintable(char: str) -> bool:
    if char < "\x7f":
        return char < " "
    # Bidirectional controls can turn the rest of a line round; U+FFFE and U+FFFF are not allowed in XML.
    return (
        unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp")
        or char in "\u200e\u200f\u061c\ufffe\uffff"
        or "\u202a" <= char <= "\u202e"
        or "\u2066" <= char <= "\u2069"
    )
