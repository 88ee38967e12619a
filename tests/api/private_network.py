"""A network of the test's own: two interfaces with a cable between them that nobody else sees. Needs root."""

from __future__ import annotations

import contextlib
import ctypes
import os
import socket
import subprocess

CLONE_NEWNET = 0x4000_0000
NEAR, FAR = "fmapi-near", "fmapi-far"
_libc = ctypes.CDLL(None, use_errno=True)


def _check(result):
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{os.strerror(number)} (a network of its own needs root)")


def ip(*arguments):
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


@contextlib.contextmanager
def private_network():
    """Threads and processes that start inside the block live in the new network; it goes with the last of them."""
    outside = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        _check(_libc.unshare(CLONE_NEWNET))
        try:
            ip("link", "set", "lo", "up")
            ip("link", "add", NEAR, "type", "veth", "peer", "name", FAR)
            for name in (NEAR, FAR):
                # Else the kernel sends frames of its own through the cable.
                with contextlib.suppress(OSError), open(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6", "w") as file:
                    file.write("1")
                ip("link", "set", name, "up")
            yield
        finally:
            _check(_libc.setns(outside, CLONE_NEWNET))
    finally:
        os.close(outside)


def send(frames, interface=NEAR):
    """Put whole frames on the cable."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as cable:
        cable.bind((interface, 0))
        for frame in frames:
            cable.send(frame)
