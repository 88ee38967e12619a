"""Single values: what is accepted, what is refused, and in which form it is kept."""

import ipaddress
import unicodedata
from datetime import UTC, datetime

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from flowmap.inventory.cells import (
    MAX_NAME_CHARS,
    clean_name,
    mac_text,
    parse_flag,
    parse_ip,
    parse_mac,
    parse_segment_type,
    parse_time,
    parse_vlan,
    parse_vni,
    split_list,
)

NIC_MACS = st.integers(1, 2**48 - 1).filter(lambda mac: not mac >> 40 & 1)


def spellings(mac: int) -> list[str]:
    """The four documented ways to write a MAC: IEEE/Unix, Windows, Cisco, bare."""
    digits = f"{mac:012x}"
    pairs = [digits[n : n + 2] for n in range(0, 12, 2)]
    return [
        ":".join(pairs),
        "-".join(pairs).upper(),
        ".".join(digits[n : n + 4] for n in (0, 4, 8)),
        digits.upper(),
    ]


@given(NIC_MACS)
def test_all_spellings_of_a_mac_are_one_integer(mac):
    assert {parse_mac(text) for text in spellings(mac)} == {mac}
    assert parse_mac(mac_text(mac)) == mac


@given(st.text(max_size=20))
def test_a_mac_is_a_nic_address_or_refused(text):
    try:
        mac = parse_mac(text)
    except ValueError:
        return
    assert 0 < mac < 2**48 and not mac >> 40 & 1
    assert text.casefold() in [spelling.casefold() for spelling in spellings(mac)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "52:54:00:11:22",
        "52:54:00:11:22:33:44",
        "52:54-00:11:22:33",  # separators mixed
        "52:54:00:11:22:3g",
        "5254.0011.223",
        "525400112233 ",
        "５２:54:00:11:22:33",  # full-width digits
        "52:54:00:11:22:33\n",
    ],
)
def test_what_is_no_mac_is_refused(text):
    with pytest.raises(ValueError, match="is no MAC address"):
        parse_mac(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("ff:ff:ff:ff:ff:ff", "broadcast"),
        ("00:00:00:00:00:00", "zero"),
        ("01:00:5e:00:00:fb", "multicast"),
        ("33-33-00-00-00-01", "multicast"),
    ],
)
def test_a_mac_that_no_nic_has_is_refused(text, reason):
    with pytest.raises(ValueError, match=reason):
        parse_mac(text)


@given(st.ip_addresses())
def test_an_ip_is_kept_in_the_spelling_of_ipaddress(ip):
    shared = ip.is_multicast or ip.is_loopback or ip.is_unspecified or int(ip) == 0xFFFFFFFF
    assume(not shared and not (ip.version == 6 and ip.ipv4_mapped))
    text = ip.exploded.upper()
    assert parse_ip(text) == parse_ip(f"{text}/24") == parse_ip(f"[{text}]") == str(ip)


@pytest.mark.parametrize(
    ("text", "kept"),
    [("FE80::1%eth0", "fe80::1"), ("::ffff:10.0.0.1", "10.0.0.1"), ("2001:DB8:0::1/64", "2001:db8::1")],
)
def test_zone_and_prefix_are_dropped_and_mapped_addresses_unwrapped(text, kept):
    assert parse_ip(text) == kept


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("10.0.0.256", "no IP address"),
        ("010.0.0.1", "no IP address"),
        ("10", "no IP address"),
        ("System.String[]", "PowerShell"),
        ("dynamic", "a way to get one"),
        ("127.0.0.1", "no single VM"),
        ("0.0.0.0", "no single VM"),
        ("224.0.0.251", "no single VM"),
        ("::", "no single VM"),
        ("255.255.255.255", "no single VM"),
    ],
)
def test_an_ip_that_tells_no_vm_is_refused(text, reason):
    with pytest.raises(ValueError, match=reason):
        parse_ip(text)


def test_a_list_may_be_separated_in_many_ways():
    assert split_list("10.0.0.1, 10.0.0.2;10.0.0.3 |10.0.0.4\n10.0.0.5,") == [f"10.0.0.{n}" for n in range(1, 6)]


@pytest.mark.parametrize(("text", "vlan"), [("10", 10), ("VLAN 20", 20), ("30.0", 30), ("0", 0), ("4094", 4094)])
def test_a_vlan_id(text, vlan):
    assert parse_vlan(text) == vlan


@pytest.mark.parametrize("text", ["4095", "4096", "0-4094", "1,2", "trunk", "-1", "10.5", "１０"])
def test_what_is_no_single_vlan_is_refused(text):
    with pytest.raises(ValueError, match=r"no single VLAN|trunk"):
        parse_vlan(text)


@pytest.mark.parametrize(
    "text",
    [
        "2025-03-04T12:00:00Z",
        "2025-03-04 12:00:00",
        "2025-03-04T13:00:00+01:00",
        "20250304T120000",
        str(int(datetime(2025, 3, 4, 12, tzinfo=UTC).timestamp())),
        f"{int(datetime(2025, 3, 4, 12, tzinfo=UTC).timestamp())}000",
        f"{int(datetime(2025, 3, 4, 12, tzinfo=UTC).timestamp())}000000000",
    ],
)
def test_a_time_in_many_spellings(text):
    assert parse_time(text) == 1_741_089_600_000_000_000


def test_a_time_keeps_microseconds():
    assert parse_time("1970-01-01T00:00:00.000001Z") == 1_000


@pytest.mark.parametrize(
    "text",
    [
        "3/4/2025",
        "yesterday",
        "",
        "12345",
        "202503041200",
        "1969-12-31",
        "2300-01-01",
        "9" * 19,
        "2025-13-01",
        "9" * 5000,
    ],
)
def test_what_is_no_time_is_refused(text):
    with pytest.raises(ValueError, match=r"no time|1970 to 2262"):
        parse_time(text)


@given(st.text())
def test_a_time_is_refused_or_fits_64_bits(text):
    try:
        assert 0 <= parse_time(text) < 2**63
    except ValueError as problem:
        assert "time" in str(problem) or "1970" in str(problem)


def test_flags_segment_types_and_vnis():
    assert parse_flag("True") and parse_flag("1") and not parse_flag("No")
    assert [parse_segment_type(text) for text in ("VLAN", "Geneve", "flat")] == ["vlan", "overlay", "none"]
    assert parse_vni("16777215") == 16_777_215
    for parse, text in ((parse_flag, "maybe"), (parse_segment_type, "magic"), (parse_vni, "16777216")):
        with pytest.raises(ValueError, match="is n"):
            parse(text)


@given(st.text(st.characters(), max_size=600))
def test_a_clean_name_can_be_printed_stored_and_exported(text):
    name = clean_name(text)
    assert len(name) <= MAX_NAME_CHARS
    assert name.encode("utf-8").decode() == name
    assert not {unicodedata.category(char) for char in name} & {"Cc", "Cs", "Zl", "Zp"}
    assert clean_name(name) == name


def test_control_characters_leave_a_trace():
    assert clean_name(" web\x00\x1b[31m\u202edb\ud800 ") == "web\ufffd\ufffd[31m\ufffddb\ufffd"


def test_markup_is_a_name_like_any_other():
    assert clean_name("<img src=x onerror=alert(1)>") == "<img src=x onerror=alert(1)>"


def test_two_long_names_stay_two():
    first, second = clean_name("n" * 300 + "1"), clean_name("n" * 300 + "2")
    assert first != second and len(first) == len(second) == MAX_NAME_CHARS


def test_canonical_ips_are_what_ipaddress_writes():
    assert parse_ip("2001:db8:0:0:1::") == str(ipaddress.ip_address("2001:db8:0:0:1::"))
