"""Whether dumpcap may capture here, and if not, which of the several reasons it is."""

from __future__ import annotations

import grp
import os
import pwd
import struct
from pathlib import Path

from flowmap.capture.live_checks import capture_problem
from flowmap.capture.tools import FOLDERS
from flowmap.cli.check import MISSING, NOTE, OK, Check
from flowmap.settings import Settings

NET_ADMIN, NET_RAW = 12, 13
"""Numbers of capabilities(7)."""

_INSTALL = "Debian, Ubuntu: apt install tshark, and answer yes to its question"
_ALLOW = "sudo setcap cap_net_raw,cap_net_admin+ep {path}"


def capture_right(settings: Settings, *, needed: bool) -> Check:
    """The line about dumpcap; without ``needed`` its absence is a note."""
    state = MISSING if needed else NOTE
    path = _dumpcap(settings)
    if path is None:
        return Check("live capture", state, "dumpcap is not installed", _INSTALL)
    if not os.access(path, os.X_OK):
        group = _group(path)
        return Check(
            "live capture", state, f"This user may not run {path}, which is for the group {group}",
            f"sudo usermod -aG {group} {_user()}, then log in again",
        )  # fmt: skip
    problem = capture_problem(settings)
    if problem is None:
        return Check("live capture", OK, f"{path} may capture ({_by_what(path)})")
    if "dumpcap" not in problem:
        return Check("live capture", state, problem.rstrip("."), _INSTALL)
    return Check("live capture", state, *_why_not(path))


def _why_not(path: Path) -> tuple[str, str]:
    """What keeps dumpcap from capturing, and what would let it."""
    status = process_status()
    has_file_capability = NET_RAW in file_capabilities(path)
    if has_file_capability and status["NoNewPrivs"]:
        return (
            f"{path} has its capability, but this process may gain none (no_new_privileges)",
            "Leave out --security-opt no-new-privileges; in a systemd unit say AmbientCapabilities=CAP_NET_RAW.",
        )
    if NET_RAW not in bits(status["CapBnd"]):
        return (
            "NET_RAW is taken from this container or service, so nothing in it can capture",
            "Start the container with --cap-add NET_RAW; in a systemd unit allow it in CapabilityBoundingSet.",
        )
    if has_file_capability:
        return (
            f"{path} has its capability, and still may not capture",
            "Try 'dumpcap -i lo -c 1 -w /dev/null' yourself.",
        )
    return (
        f"{path} has no right to capture",
        f"{_ALLOW.format(path=path)}; or dpkg-reconfigure wireshark-common (yes) and join the group wireshark",
    )


def _dumpcap(settings: Settings) -> Path | None:
    """dumpcap where it is looked for, also one that this user may not run."""
    places = [settings.dumpcap_path] if settings.dumpcap_path else [f"{folder}/dumpcap" for folder in FOLDERS]
    return next((path for path in map(Path, places) if path.is_absolute() and path.is_file()), None)


def _by_what(path: Path) -> str:
    if os.geteuid() == 0:
        return "as root"
    if NET_RAW in file_capabilities(path):
        return "by its file capability"
    return "by a capability of this process"


def file_capabilities(path: Path) -> set[int]:
    """The capabilities that a program gets by its file's ``security.capability`` (capabilities(7))."""
    try:
        value = os.getxattr(path, "security.capability")
    except OSError:
        return set()
    words = struct.unpack_from("<IIII", value.ljust(16, b"\0"))
    return bits(words[1] | words[3] << 32) if len(value) >= 12 else set()


def process_status() -> dict[str, int]:
    """Capability sets and the no_new_privs flag of this process (proc_pid_status(5))."""
    found = {"CapBnd": ~0, "NoNewPrivs": 0}
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return found
    for line in lines:
        name, _, value = line.partition(":")
        if name in found:
            found[name] = int(value, 16)
    return found


def bits(mask: int) -> set[int]:
    """The numbers of the bits that are set."""
    return {number for number in range(64) if mask >> number & 1}


def _group(path: Path) -> str:
    number = path.stat().st_gid
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)


def _user() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())
