"""Each protocol that names machines or services, from frames built here by its own specification."""

from __future__ import annotations

import base64
import struct

import pytest

from flowmap.capture.handover import HandedFrames
from flowmap.capture.name_sources import is_address, reverse_address
from flowmap.capture.names import NameRecord
from flowmap.capture.naming import handed_names
from flowmap.capture.outcome import NoticeCounter
from flowmap.capture.tools import find_tshark
from flowmap.settings import Settings
from tests.capture import frames as f
from tests.capture.corpus_frames import dns_answer

SETTINGS = Settings()
CLIENT, SERVER = f.IP_A, f.IP_B


def names(*frames: bytes) -> list[tuple[str, str, str, int]]:
    """(name, source, address, MAC) that the frames of one small capture say."""
    with HandedFrames(SETTINGS) as handed:
        for number, data in enumerate(frames):
            assert handed.add(number, 0, 1, 0, len(data), data)
        found = list(handed_names(handed, find_tshark(SETTINGS), SETTINGS, NoticeCounter()).records())
    return [record[:4] for record in found if isinstance(record, NameRecord)]


def udp(payload: bytes, sport: int, dport: int, src: str = CLIENT, dst: str = SERVER) -> bytes:
    return f.eth(f.ip4(f.udp(payload, sport, dport), f.UDP, src, dst))


def to_server(payload: bytes, port: int, seq: int = 1) -> bytes:
    return f.eth(f.ip4(f.tcp(payload, 40000, port, seq=seq, ack=1, flags=24), f.TCP))


def from_server(payload: bytes, port: int) -> bytes:
    return f.eth(f.ip4(f.tcp(payload, port, 40000, seq=1, ack=1, flags=24), f.TCP, SERVER, CLIENT))


# --- DNS and its local relatives


def labels(name: str) -> bytes:
    return b"".join(bytes([len(part)]) + part.encode() for part in name.split(".")) + b"\0"


def pointer_answer(owner: str, name: str) -> bytes:
    record = labels(owner) + struct.pack("!HHIH", 12, 1, 60, len(labels(name))) + labels(name)
    return struct.pack("!HHHHHH", 1, 0x8180, 0, 1, 0, 0) + record


def test_a_reverse_look_up_names_the_address():
    answers = [
        pointer_answer("9.0.0.10.in-addr.arpa", "web.corp"),
        pointer_answer(".".join(reversed("fd000000000000000000000000000006")) + ".ip6.arpa", "six.corp"),
        pointer_answer("_http._tcp.local", "printer._http._tcp.local"),
        pointer_answer("300.0.0.10.in-addr.arpa", "no.corp"),
    ]
    assert names(*(udp(answer, 53, 4000) for answer in answers)) == [
        ("web.corp", "dns", "10.0.0.9", -1), ("six.corp", "dns", "fd00::6", -1),
    ]  # fmt: skip


def test_llmnr_has_its_own_source():
    assert names(udp(dns_answer(f.address("10.0.0.9"), b"DESK7"), 5355, 50000)) == [("DESK7", "llmnr", "10.0.0.9", -1)]


# --- DHCPv6


def dhcpv6(kind: int, name: str, *options: bytes) -> bytes:
    duid = struct.pack("!HHHH", 1, 10, 3, 1) + f.mac(0x0250_0000_DEAD)  # of another machine: clones share it
    full_name = b"\x01" + labels(name)
    return bytes([kind, 0, 0, 1]) + duid + struct.pack("!HH", 39, len(full_name)) + full_name + b"".join(options)


def test_dhcpv6_names_the_mac_of_the_client_and_the_address_it_gets():
    client, server = "fe80::50", "fe80::1"
    request = f.eth(f.ip6(f.udp(dhcpv6(3, "web1.corp"), 546, 547), f.UDP, client, "ff02::1:2"), f.IPV6)
    address = struct.pack("!HH", 5, 24) + f.address("2001:db8::77") + struct.pack("!II", 60, 60)
    given = struct.pack("!HHIII", 3, 12 + len(address), 1, 0, 0) + address
    reply = f.eth(
        f.ip6(f.udp(dhcpv6(7, "web1.corp", given), 547, 546), f.UDP, server, client), f.IPV6, f.MAC_B, f.MAC_A
    )
    relayed = f.eth(f.ip6(f.udp(dhcpv6(3, "far.corp"), 547, 547), f.UDP, "2001:db8::1", "2001:db8::2"), f.IPV6)
    assert names(request, reply, relayed) == [
        ("web1.corp", "dhcpv6", "", f.MAC_A),
        ("web1.corp", "dhcpv6", "2001:db8::77", f.MAC_A),
    ]


# --- NetBIOS


def netbios(name: str, suffix: int) -> bytes:
    """A first-level encoded name (RFC 1001 14.1)."""
    text = name.encode().ljust(15)[:15] + bytes([suffix])
    return b"\x20" + b"".join(bytes([65 + (byte >> 4), 65 + (byte & 15)]) for byte in text) + b"\0"


def registration(name: str, suffix: int, ip: str, group: bool = False) -> bytes:
    record = b"\xc0\x0c" + struct.pack("!HHIHH", 32, 1, 60, 6, 0x8000 if group else 0) + f.address(ip)
    return struct.pack("!HHHHHH", 1, 0x2910, 1, 0, 0, 1) + netbios(name, suffix) + struct.pack("!HH", 32, 1) + record


def netbios_answer(flags: int, name: str, ip: str) -> bytes:
    record = struct.pack("!HHIHH", 32, 1, 60, 6, 0) + f.address(ip)
    return struct.pack("!HHHHHH", 1, flags, 0, 1, 0, 0) + netbios(name, 0) + record


def test_netbios_registrations_and_answers_name_addresses():
    assert names(
        udp(registration("WEB1", 0x00, CLIENT), 137, 137, dst="10.0.0.255"),
        udp(registration("OFFICE", 0x00, CLIENT, group=True), 137, 137, dst="10.0.0.255"),
        udp(registration("SOMEBODY", 0x03, CLIENT), 137, 137, dst="10.0.0.255"),
        udp(registration("OFFICE", 0x1D, CLIENT), 137, 137, dst="10.0.0.255"),
        udp(netbios_answer(0x8500, "APP1", "10.0.0.9"), 137, 137),
        udp(netbios_answer(0x8506, "NOT1", "10.0.0.9"), 137, 137),
    ) == [("WEB1", "nbns", CLIENT, -1), ("APP1", "nbns", "10.0.0.9", -1)]


def test_a_netbios_status_names_its_sender():
    owned = [("DB1", 0x00, 0x0400), ("OFFICE", 0x00, 0x8400), ("DB1", 0x20, 0x0400), ("ROOT", 0x03, 0x0400)]
    entries = b"".join(n.encode().ljust(15) + struct.pack("!BH", suffix, flags) for n, suffix, flags in owned)
    data = bytes([len(owned)]) + entries + bytes(46)
    head = struct.pack("!HHHHHH", 1, 0x8400, 0, 1, 0, 0) + b"\x20CK" + b"A" * 30 + b"\0"
    status = head + struct.pack("!HHIH", 33, 1, 0, len(data)) + data
    assert names(udp(status, 137, 137)) == [("DB1", "nbns", CLIENT, -1)]


def test_a_netbios_datagram_names_its_sender():
    def datagram(name: str, suffix: int) -> bytes:
        both = netbios(name, suffix) + netbios("OFFICE", 0x1D)
        head = struct.pack("!BBH", 0x11, 2, 1) + f.address(CLIENT) + struct.pack("!HHH", 138, len(both), 0)
        return udp(head + both, 138, 138, dst="10.0.0.255")

    assert names(datagram("WEB1", 0x00), datagram("SOMEBODY", 0x03)) == [("WEB1", "nbdgm", CLIENT, -1)]


def announcement(command: int, name: str, sender: str, *, suffix: int = 0x00, source_ip: str = CLIENT) -> bytes:
    """A browser frame (MS-BRWS 2.2.1, 2.2.5, 2.2.10) in an SMB transaction in a NetBIOS datagram (RFC 1002 4.4)."""
    browser = struct.pack("<BBI", command, 0, 60_000) + name.encode().ljust(16, b"\0")
    browser += struct.pack("<BBIBBH", 6, 1, 0x00001003, 15, 1, 0xAA55) + b"a comment\0"
    slot = b"\\MAILSLOT\\BROWSE\0"
    words = struct.pack(
        "<HHHHBBHIHHHHHBB", 0, len(browser), 0, 0, 0, 0, 0, 1000, 0, 0, 0, len(browser), 69 + len(slot), 3, 0
    )
    words += struct.pack("<HHH", 1, 1, 2)
    smb = b"\xffSMB\x25" + bytes(27) + bytes([len(words) // 2]) + words
    smb += struct.pack("<H", len(slot) + len(browser)) + slot + browser
    both = netbios(sender, suffix) + netbios("OFFICE", 0x1D)
    head = struct.pack("!BBH", 0x11, 2, 1) + f.address(source_ip) + struct.pack("!HHH", 138, len(both) + len(smb), 0)
    return udp(head + both + smb, 138, 138, dst="10.0.0.255")


def test_a_browser_announcement_names_its_sender_and_never_its_workgroup():
    host = announcement(1, "FILES1", "SOMEBODY", suffix=0x03)
    local_master = announcement(15, "MASTER1", "SOMEBODY", suffix=0x03)
    workgroup = announcement(12, "OFFICE", "SOMEBODY", suffix=0x03)
    assert names(host, local_master, workgroup) == [("FILES1", "nbdgm", CLIENT, -1), ("MASTER1", "nbdgm", CLIENT, -1)]


def test_a_datagram_that_another_machine_sent_on_names_nobody():
    """The header says who wrote it (RFC 1002 4.4.1); the packet's sender is a distribution server or a translator."""
    assert names(announcement(1, "FILES1", "FILES1", source_ip="192.168.9.9")) == []


def test_what_everybody_looks_for_names_nobody():
    assert (
        names(
            udp(dns_answer(f.address("10.0.0.9"), b"wpad"), 5355, 50000),
            udp(dns_answer(f.address("10.0.0.9"), b"ISATAP"), 5355, 50001),
            udp(netbios_answer(0x8500, "WPAD", "10.0.0.9"), 137, 137),
        )
        == []
    )


# --- logins


def ntlm_challenge(computer: str, full: str) -> bytes:
    pairs = b"".join(
        struct.pack("<HH", kind, 2 * len(text)) + text.encode("utf-16le") for kind, text in ((1, computer), (3, full))
    )
    pairs += bytes(4)
    head = b"NTLMSSP\0" + struct.pack("<I", 2) + struct.pack("<HHI", 0, 0, 48) + struct.pack("<I", 0x00828201)
    return head + bytes(8) + bytes(8) + struct.pack("<HHI", len(pairs), len(pairs), 48) + pairs


def ntlm_login(workstation: str) -> bytes:
    text = workstation.encode("utf-16le")
    fields = [b"", b"", b"", b"", text, b""]  # two responses, domain, user, workstation, session key
    head = b"NTLMSSP\0" + struct.pack("<I", 3)
    head += b"".join(struct.pack("<HHI", len(value), len(value), 64) for value in fields)
    return head + struct.pack("<I", 0x00828201) + text


def ntlm_negotiate(workstation: str) -> bytes:
    """The first message (MS-NLMP 2.2.1.1) with a workstation, which the flags say is there, in OEM characters."""
    name = workstation.encode()
    fields = struct.pack("<HHI", 0, 0, 32) + struct.pack("<HHI", len(name), len(name), 32)
    return b"NTLMSSP\0" + struct.pack("<II", 1, 0x00002002) + fields + name


def smb2_session_setup(message: bytes) -> bytes:
    """A login (MS-SMB2 2.2.5) with a bare NTLM message."""
    header = b"\xfeSMB" + struct.pack("<HHIHHIIQIIQ", 64, 0, 0, 1, 1, 0, 0, 1, 0, 0, 0) + bytes(16)
    body = struct.pack("<HBBIIHHQ", 25, 0, 1, 0, 0, 88, len(message), 0) + message
    return struct.pack("!I", len(header + body)) + header + body


def test_ntlm_names_the_client_in_its_first_and_its_last_message_over_smb_too():
    assert names(
        to_server(smb2_session_setup(ntlm_negotiate("DESK8")), 445),
        to_server(smb2_session_setup(ntlm_login("DESK9")), 445, seq=500),
    ) == [("DESK8", "ntlmssp", CLIENT, -1), ("DESK9", "ntlmssp", CLIENT, -1)]


def over_http(message: bytes) -> bytes:
    return base64.b64encode(message)


def test_ntlm_names_both_computers():
    challenge = b"HTTP/1.1 401 No\r\nWWW-Authenticate: NTLM " + over_http(ntlm_challenge("DC1", "dc1.corp"))
    login = b"GET / HTTP/1.1\r\nAuthorization: NTLM " + over_http(ntlm_login("DESK7"))
    empty = b"GET / HTTP/1.1\r\nAuthorization: NTLM " + over_http(ntlm_login(""))
    end = b"\r\nContent-Length: 0\r\n\r\n"
    assert names(from_server(challenge + end, 80), to_server(login + end, 80), to_server(empty + end, 81)) == [
        ("dc1.corp", "ntlmssp", SERVER, -1),
        ("DC1", "ntlmssp", SERVER, -1),
        ("DESK7", "ntlmssp", CLIENT, -1),
    ]


def der(tag: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    length = bytes([len(body)]) if len(body) < 128 else b"\x82" + struct.pack("!H", len(body))
    return bytes([tag]) + length + body


def kerberos_request(principal: str, netbios_address: str) -> bytes:
    """An AS-REQ (RFC 4120 5.4.1)."""
    who = der(0x30, der(0xA0, der(2, b"\1")), der(0xA1, der(0x30, der(0x1B, principal.encode()))))
    service = der(0x30, der(0xA0, der(2, b"\2")), der(0xA1, der(0x30, der(0x1B, b"krbtgt"), der(0x1B, b"CORP"))))
    address = der(0x30, der(0xA0, der(2, b"\x14")), der(0xA1, der(4, netbios_address.encode().ljust(15) + b"\x20")))
    body = der(
        0x30, der(0xA0, der(3, b"\0\x40\x81\0\x10")), der(0xA1, who), der(0xA2, der(0x1B, b"CORP")),
        der(0xA3, service), der(0xA5, der(0x18, b"20370913024805Z")), der(0xA7, der(2, b"\x11")),
        der(0xA8, der(0x30, der(2, b"\x12"))), der(0xA9, der(0x30, address)),
    )  # fmt: skip
    return der(0x6A, der(0x30, der(0xA1, der(2, b"\5")), der(0xA2, der(2, b"\x0a")), der(0xA4, body)))


def test_kerberos_names_machines_and_no_people():
    assert names(
        udp(kerberos_request("WEB1$", "WEB1"), 50000, 88),
        udp(kerberos_request("alice", "DESK7"), 50001, 88, src="10.0.0.7"),
    ) == [("WEB1", "kerberos", CLIENT, -1), ("DESK7", "kerberos", "10.0.0.7", -1)]


def rdp_connect(client: str) -> bytes:
    """The first message after the connection request (MS-RDPBCGR 2.2.1.3): client core data in GCC in MCS."""
    core = struct.pack("<IHHHHII", 0x00080004, 1024, 768, 0xCA01, 0xAA03, 0x409, 2600)
    core += client.encode("utf-16le").ljust(32, b"\0") + struct.pack("<III", 4, 0, 12) + bytes(64)
    core = struct.pack("<HH", 0xC001, len(core) + 4) + core
    inner = bytes.fromhex("000800100001c00044756361") + struct.pack("!H", 0x8000 | len(core)) + core
    gcc = bytes.fromhex("000500147c0001") + struct.pack("!H", 0x8000 | len(inner)) + inner
    numbers = [der(0x30, *(der(2, b"\1") for _ in range(8))) for _ in range(3)]
    mcs = der(4, b"\1") + der(4, b"\1") + der(1, b"\xff") + b"".join(numbers)
    mcs += b"\x04\x82" + struct.pack("!H", len(gcc)) + gcc
    mcs = b"\x7f\x65\x82" + struct.pack("!H", len(mcs)) + mcs
    data = b"\x02\xf0\x80" + mcs
    return struct.pack("!BBH", 3, 0, len(data) + 4) + data


def test_rdp_names_the_client():
    asked = bytes.fromhex("0300000b06e00000000000")
    assert names(to_server(asked, 3389), to_server(rdp_connect("DESK7"), 3389, 1 + len(asked))) == [
        ("DESK7", "rdp", CLIENT, -1)
    ]


# --- services and remarks


def smb2_tree_connect(path: str) -> bytes:
    text = path.encode("utf-16le")
    header = b"\xfeSMB" + struct.pack("<HHIHHIIQIIQ", 64, 0, 0, 3, 1, 0, 0, 3, 0, 0, 1) + bytes(16)
    message = header + struct.pack("<HHHH", 9, 0, 72, len(text)) + text
    return struct.pack("!I", len(message)) + message


def test_a_share_names_the_server_as_the_client_calls_it():
    assert names(
        to_server(smb2_tree_connect("\\\\files.corp\\home"), 445),
        to_server(smb2_tree_connect("\\\\10.0.0.2\\home"), 445, seq=500),
    ) == [("files.corp", "smb2_tree", SERVER, -1)]


@pytest.mark.parametrize("length", [b"", b"Content-Length: 0\r\n", b"Content-Length: 1000000\r\n"])
def test_the_software_of_a_web_server(length):
    answer = b"HTTP/1.1 200 OK\r\nServer: nginx/1.22\r\n" + length + b"\r\n"
    assert names(from_server(answer, 80)) == [("nginx/1.22", "http_server", SERVER, -1)]


@pytest.mark.parametrize("host", ["-", "10.0.0.9", "localhost"])
def test_a_syslog_message_names_its_writer(host):
    def message(name: str) -> bytes:
        return udp(f"<34>1 2024-10-11T22:14:15.003Z {name} su - ID47 - text".encode(), 40000, 514)

    assert names(message("web1"), message(host)) == [("web1", "syslog", CLIENT, -1)]


@pytest.mark.parametrize(
    ("owner", "address"),
    [
        ("4.3.2.1.in-addr.arpa", "1.2.3.4"),
        ("4.3.2.1.IN-ADDR.ARPA.", "1.2.3.4"),
        ("3.2.1.in-addr.arpa", ""),
        ("x.3.2.1.in-addr.arpa", ""),
        ("b._dns-sd._udp.3.2.1.in-addr.arpa", ""),
        ("1.0.ip6.arpa", ""),
        ("  " * 16 + ".ip6.arpa", ""),
        ("web.corp", ""),
        ("", ""),
    ],
)
def test_addresses_of_reverse_names(owner, address):
    assert reverse_address(owner) == address


def test_what_is_an_address():
    assert is_address("10.0.0.1") and is_address("[fe80::1]") and not is_address("10.0.0.1.corp") and not is_address("")
