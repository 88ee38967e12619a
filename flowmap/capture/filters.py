"""Capture filters from people: only words that libpcap need not look up, and only ones that compile in time.

libpcap asks the name servers for a word it does not know, and takes 16 s for a long filter (reference reliability 0.7).
"""

from __future__ import annotations

import ipaddress
import re
import subprocess

from flowmap.capture.labels import neutral
from flowmap.capture.tools import find_dumpcap
from flowmap.errors import CaptureError, InterfaceError, ToolError, UsageError
from flowmap.settings import Settings

MAX_TOKENS = 200
COMPILE_S = 2.0
OPEN_S = 10.0
"""Without a filter nothing is compiled, and a dumpcap that starts slowly shows a busy machine only."""

_KEYWORDS = frozenset(
    "host net mask port portrange src dst ether link ip ip6 arp rarp tcp udp icmp icmp6 igmp pim ah esp vrrp carp sctp"
    " proto protochain broadcast multicast less greater vlan mpls pppoed pppoes geneve vni inbound outbound and or not"
    " len llc stp wlan tcpflags tcp-fin tcp-syn tcp-rst tcp-push tcp-ack tcp-urg tcp-ece tcp-cwr icmptype icmpcode"
    " icmp-echoreply icmp-unreach icmp-redirect icmp-echo icmp-timxceed icmp6type icmp6code".split()
)
_TOKEN = re.compile(r"[\w.:/-]+|\S")
_SIGNS = frozenset("()[]!&|<>=+*%^~:/-")
_NUMBER = re.compile(r"(\d{1,10}|0x[0-9a-f]{1,8})([:-]\d{1,10})?", re.ASCII)
_MAC = re.compile(r"[0-9a-f]{1,2}(?:[:-][0-9a-f]{1,2}){5}", re.ASCII)
_PART_OF_NET = re.compile(r"\d{1,3}(\.\d{1,3}){0,3}(/\d{1,2})?", re.ASCII)


def check_words(text: str, settings: Settings) -> None:
    """Check length and words of a capture filter.

    Raises
    ------
    UsageError
        When it is too long, or a word is no keyword, number or address.
    """
    if len(text) > settings.max_filter_chars:
        raise UsageError(
            f"The capture filter has {len(text):,} characters; the limit is {settings.max_filter_chars:,}."
        )
    tokens = _TOKEN.findall(text)
    if len(tokens) > MAX_TOKENS:
        raise UsageError(f"The capture filter has {len(tokens)} words and signs; the limit is {MAX_TOKENS}.")
    for token in tokens:
        if not (token in _SIGNS or token in _KEYWORDS or _is_number_or_address(token)):
            raise UsageError(
                f"'{neutral(token[:64])}' in the capture filter is no keyword, number or address; "
                "host and service names are not looked up."
            )


def _is_number_or_address(token: str) -> bool:
    text = token.lower()
    if _NUMBER.fullmatch(text) or _MAC.fullmatch(text) or _PART_OF_NET.fullmatch(text):
        return True
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def try_on_interface(text: str, interface: str, settings: Settings) -> None:
    """Let dumpcap compile a filter for an interface, which also shows whether it may capture there.

    Raises
    ------
    UsageError
        When libpcap does not understand the filter, or needs too long.
    CaptureError
        When the interface cannot be used, or is not open in time.
    ToolError
        When dumpcap is missing or not allowed to capture.
    """
    dumpcap = find_dumpcap(settings)
    try:
        done = subprocess.run(
            [dumpcap, "-d", "-i", interface, *(("-f", text) if text else ())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=COMPILE_S if text else OPEN_S,
            cwd="/",
            env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
            check=False,
        )
    except subprocess.TimeoutExpired:
        if not text:
            raise CaptureError(
                f"dumpcap has not opened {neutral(interface)} within {OPEN_S:g} s; "
                "try again when the machine is less busy."
            ) from None
        raise UsageError(f"The capture filter takes more than {COMPILE_S:g} s to compile; make it shorter.") from None
    except OSError as error:
        raise ToolError(f"{dumpcap} cannot be run ({error.strerror}); check its permissions.") from error
    # The exit status is 0 whatever was wrong with the filter: only the text tells.
    explain(done.stderr.decode("utf-8", "replace"), interface)


def explain(errors: str, interface: str) -> None:
    """Turn what dumpcap prints about a start that failed into one sentence; nothing for a good start.

    Raises
    ------
    UsageError, CaptureError, ToolError
        As :func:`try_on_interface`.
    """
    # Root with few capabilities, as in a container: dumpcap cannot take more of them, and captures all the same.
    errors = re.sub(r"^dumpcap: cap_set_proc\(\).*$", "", errors, flags=re.MULTILINE)
    detail = re.search(r"^\((.+)\)\.?$", errors, re.MULTILINE)
    if "Invalid capture filter" in errors:
        reason = re.search(r"isn't a valid capture filter \((.+)\)", errors)
        raise UsageError(f"The capture filter is wrong: {neutral(reason[1]) if reason else 'it cannot be parsed'}.")
    if "permission to capture" in errors or "Operation not permitted" in errors:
        raise ToolError(
            f"dumpcap may not capture on {interface}; run as root, or let it (Debian: dpkg-reconfigure "
            "wireshark-common, then add this user to the group wireshark)."
        )
    if "no longer" in errors:
        raise InterfaceError(f"The interface {neutral(interface)} went away, so the capture has stopped.")
    if "There is no device" in errors or "No such device" in errors:
        raise InterfaceError(f"There is no interface '{neutral(interface)}' here; see 'flowmap interfaces'.")
    if "is not up" in errors:
        raise InterfaceError(f"The interface {interface} is down; switch it on first (ip link set {interface} up).")
    failed = re.search(r"^dumpcap: (.+)$", errors, re.MULTILINE)
    if failed:
        more = f" ({neutral(detail[1])})" if detail else ""
        raise CaptureError(f"dumpcap cannot capture on {interface}: {neutral(failed[1]).rstrip('.')}{more}.")
