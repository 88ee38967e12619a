"""The network interfaces of this machine (of this network namespace), from the kernel alone.

tshark and dumpcap would start every helper program they know to list interfaces, and take names such as
``TCP@host:port`` or a path for one (reference reliability 0.6); so nobody asks them, and only names of the kernel's
list are ever passed on.
"""

from __future__ import annotations

import fcntl
import os
import re
import socket
import struct
import sys
from pathlib import Path
from typing import TypedDict

from flowmap.capture.labels import neutral
from flowmap.errors import CaptureError

EVERY_INTERFACE = "any"
"""The Linux pseudo-interface: cooked frames of all interfaces."""

_SYSTEM = Path("/sys/class/net")
_FLAGS, _HARDWARE = 0x8913, 0x8927
_UP, _LOOPBACK = 0x1, 0x8
_ETHERNET_LINKTYPES = {1: 1, 772: 1}
"""ARPHRD_ETHER and ARPHRD_LOOPBACK."""
_NAMES_SHOWN = 12
_MISSED = ("rx_missed_errors", "rx_fifo_errors")
"""What libpcap counts as lost by an interface. ``rx_dropped`` holds frames, too, that were captured all the same."""

_NUMBER = re.compile(r"[+-]?[0-9]+")


class Interface(TypedDict):
    """One interface: ``description`` is its alias or its kind, ``up`` whether it is switched on."""

    name: str
    description: str
    up: bool
    loopback: bool


def interfaces() -> list[Interface]:
    """The interfaces in the kernel's order."""
    return [_interface(name) for _, name in socket.if_nameindex()]


def check_interface(name: str) -> None:
    """Raise :class:`CaptureError` unless this machine has an interface of that name."""
    names = [known for _, known in socket.if_nameindex()]
    if name in names and _NUMBER.fullmatch(name):
        raise CaptureError(
            f"dumpcap would take the name of the interface '{name}' for a number in its own list, and capture on "
            f"another; give it a name with a letter (ip link set {name} name NAME)."
        )
    if name in names or name == EVERY_INTERFACE:
        return
    listed = ", ".join(neutral(known) for known in names[:_NAMES_SHOWN])
    more = " and more" if len(names) > _NAMES_SHOWN else ""
    raise CaptureError(f"There is no interface '{neutral(name[:64])}' here; there are {listed}{more}.")


def is_up(name: str) -> bool:
    """Whether an interface is there and switched on; True where that cannot be asked."""
    if sys.platform != "linux" or name == EVERY_INTERFACE:
        return True
    answer = _ask_kernel(name, _FLAGS)
    return bool(answer and struct.unpack_from("H", answer, 16)[0] & _UP)


def missed_frames(name: str) -> int | None:
    """Frames that an interface could not take, since it exists; None where it has no counters that can be read."""
    counts = [_text(name, f"statistics/{counter}") for counter in _MISSED] if _is_same(name) else []
    return sum(map(int, counts)) if counts and all(map(str.isdecimal, counts)) else None


def linktype_of(name: str) -> int:
    """LINKTYPE_ETHERNET (1) where the kernel says that frames have such a header, else -1 for unknown."""
    answer = _ask_kernel(name, _HARDWARE)
    return _ETHERNET_LINKTYPES.get(struct.unpack_from("H", answer, 16)[0], -1) if answer else -1


def _interface(name: str) -> Interface:
    answer = _ask_kernel(name, _FLAGS)
    flags = struct.unpack_from("H", answer, 16)[0] if answer else _UP
    alias = _text(name, "ifalias") if _is_same(name) else ""
    return Interface(
        name=name,
        description=neutral(alias) if alias else _kind(name, flags),
        up=bool(flags & _UP),
        loopback=bool(flags & _LOOPBACK),
    )


def _ask_kernel(name: str, request: int) -> bytes:
    """The answer to an interface request (netdevice(7)); empty where the system has none (not Linux)."""
    if sys.platform != "linux":
        return b""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as question:
            return fcntl.ioctl(question, request, struct.pack("256s", os.fsencode(name)[:15]))
    except OSError:
        return b""


def _kind(name: str, flags: int) -> str:
    """What the kernel's folders of an interface tell about its kind."""
    if flags & _LOOPBACK:
        return "loopback"
    marks = {
        "bridge": "bridge",
        "bonding": "bond",
        "tun_flags": "tun/tap",
        "wireless": "wireless",
        "device": "network card",
        "brport": "bridge port",
    }
    found = (kind for mark, kind in marks.items() if (_SYSTEM / name / mark).exists())
    return next(found, _device_type(name)) if _is_same(name) else ""


def _is_same(name: str) -> bool:
    """The folders may be those of another network namespace, whose interfaces have other numbers."""
    try:
        return int(_text(name, "ifindex")) == socket.if_nametoindex(name)
    except (OSError, ValueError):
        return False


def _device_type(name: str) -> str:
    for line in _text(name, "uevent").splitlines():
        key, _, value = line.partition("=")
        if key == "DEVTYPE":
            return neutral(value)
    return ""


def _text(name: str, file: str) -> str:
    """A small file of the interface's folder; "" where there is none."""
    try:
        return (_SYSTEM / name / file).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
