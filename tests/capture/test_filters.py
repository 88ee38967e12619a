"""Words of capture filters, interfaces, and what is told when nothing can be captured."""

from __future__ import annotations

import socket
import subprocess
from contextlib import nullcontext

import pytest

from flowmap.capture import filters
from flowmap.capture.filters import check_words, try_on_interface
from flowmap.capture.interfaces import check_interface, interfaces
from flowmap.capture.live_checks import capture_problem, check_live
from flowmap.errors import CaptureError, ToolError, UsageError
from flowmap.settings import Settings
from tests.api.private_network import FAR, NEAR, ip, private_network
from tests.capture.live_cable import descendants

SETTINGS = Settings()


@pytest.fixture
def cable():
    with private_network():
        yield


@pytest.mark.parametrize(
    "text",
    ["", "tcp port 80", "host 10.0.0.1 or host 2001:db8::1", "net 10.0.0.0/8 and not (vlan 7 or icmp)",
     "portrange 80-90", "ether host 00:50:56:00:00:01", "tcp[tcpflags] & (tcp-syn|tcp-ack) != 0",
     "ip[2:2] - ((ip[0]&0xf)<<2) > 100",
     "udp port 4789 && udp[8:4]=0x08000000", "src net 192.168", "greater 100", "ip6 proto 58", "net fe80::/10"],
)  # fmt: skip
def test_filters_that_libpcap_need_not_look_up(text):
    check_words(text, SETTINGS)


@pytest.mark.parametrize(
    "text",
    ["host example.org", "localhost", "port http", "host face", "tcp; ls", "tcp `id`", "$(id)", "tcp\\", "host 'a'",
     "gateway r1", "tcp port 80 or host evil.test", "ünicode", "host 10.0.0.1\0"],
)  # fmt: skip
def test_filters_with_names_or_signs_of_other_languages(text):
    with pytest.raises(UsageError, match="no keyword, number or address"):
        check_words(text, SETTINGS)


@pytest.mark.parametrize("text", ["tcp " * 600, " or ".join(["tcp"] * 150), "x" * 68_000])
def test_filters_that_are_too_long(text, monkeypatch):
    def no_process(*arguments, **options):
        raise AssertionError("a process was started")

    monkeypatch.setattr(subprocess, "Popen", no_process)
    with pytest.raises(UsageError, match="limit"):
        check_words(text, SETTINGS)
    with pytest.raises(UsageError, match="limit"):
        check_live(["lo"], text, SETTINGS)


@pytest.mark.parametrize("text", ["tcp port (", "port 99999", "tcp and and udp", "-w"])
def test_filters_that_are_none(text):
    with pytest.raises(UsageError) as raised:
        check_live(["lo"], text, SETTINGS)
    assert str(raised.value).endswith(".") and "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "name", ["nosuch0", "TCP@127.0.0.1:9", "rpcap://x/y", "/tmp/pipe", "-w", "lo; id", "sshdump", "1", ""]
)
def test_only_names_of_the_kernels_list_are_interfaces(name, monkeypatch):
    def no_process(*arguments, **options):
        raise AssertionError("a process was started")

    monkeypatch.setattr(subprocess, "Popen", no_process)
    with pytest.raises(CaptureError, match="There is no interface"):
        check_live([name], None, SETTINGS)


def test_interfaces_are_those_of_the_kernel(cable):
    found = {row["name"]: row for row in interfaces()}
    assert found.keys() == {name for _, name in socket.if_nameindex()} == {"lo", NEAR, FAR}
    assert found["lo"]["loopback"] and not found[FAR]["loopback"] and found[FAR]["up"]
    ip("link", "set", FAR, "down")
    assert not next(row for row in interfaces() if row["name"] == FAR)["up"]
    check_interface(FAR)
    with pytest.raises(CaptureError, match="is down"):
        check_live([FAR], None, SETTINGS)


def test_a_missing_or_powerless_dumpcap_is_told(tmp_path):
    with pytest.raises(ToolError, match="dumpcap was not found"):
        try_on_interface("", "lo", Settings(dumpcap_path="/nowhere/dumpcap"))
    dumpcap = tmp_path / "dumpcap"
    dumpcap.write_text(
        "#!/bin/sh\necho 'dumpcap: You do not have permission to capture on device \"lo\".' >&2\n"
        "echo '(socket: Operation not permitted)' >&2\nexit 1\n"
    )
    dumpcap.chmod(0o755)
    with pytest.raises(ToolError, match="may not capture on lo"):
        try_on_interface("", "lo", Settings(dumpcap_path=str(dumpcap)))
    assert "may not capture" in capture_problem(Settings(dumpcap_path=str(dumpcap)))
    assert capture_problem(SETTINGS) is None


def test_a_dumpcap_that_takes_too_long_is_ended(tmp_path):
    dumpcap = tmp_path / "dumpcap"
    dumpcap.write_text("#!/bin/sh\nexec sleep 60\n")
    dumpcap.chmod(0o755)
    with pytest.raises(UsageError, match="compile"):
        try_on_interface("tcp", "lo", Settings(dumpcap_path=str(dumpcap)))
    assert descendants() == {}


def test_a_slow_start_of_dumpcap_is_not_blamed_on_a_filter_that_nobody_gave(tmp_path, monkeypatch):
    dumpcap = tmp_path / "dumpcap"
    settings = Settings(dumpcap_path=str(dumpcap))
    for seconds, told in ((0.3, None), (60, "has not opened lo within 0.4 s")):
        dumpcap.write_text(f"#!/bin/sh\nexec sleep {seconds}\n")
        dumpcap.chmod(0o755)
        monkeypatch.setattr(filters, "COMPILE_S", 0.1)
        monkeypatch.setattr(filters, "OPEN_S", 30.0 if told is None else 0.4)
        with pytest.raises(CaptureError, match=told) if told else nullcontext():
            try_on_interface("", "lo", settings)
        assert capture_problem(settings) is None and descendants() == {}


@pytest.mark.parametrize(
    ("names", "says"),
    [
        ([], "needs an interface"),
        (["lo", "lo"], "named twice"),
        (["-", "lo"], "together with an interface"),
        ([f"lo{number}" for number in range(9)], "FLOWMAP_MAX_LIVE_INTERFACES"),
    ],
)
def test_interfaces_that_do_not_go_together(names, says):
    with pytest.raises(UsageError, match=says):
        check_live(names, None, SETTINGS)


def test_standard_input_takes_no_filter():
    with pytest.raises(UsageError, match="needs an interface"):
        check_live(["-"], "tcp", SETTINGS)
