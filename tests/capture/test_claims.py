"""Who says which address is at which MAC."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from flowmap.capture.claims import ClaimBook, arp_claim, dhcp_claim, neighbor_claim
from flowmap.capture.outcome import NoticeCounter
from flowmap.packets import Claim
from tests.capture import frames as f
from tests.capture.files import SECOND, file_header, pcap, record
from tests.capture.reading import read_bytes

OWNER = 0x0250_0000_0010


def said(tmp_path, *frames: bytes) -> list[tuple[int, str, str]]:
    claims = read_bytes(tmp_path, pcap(frames)).packets.claims
    return [(claim.mac, claim.ip, claim.how) for claim in claims]


def test_arp_senders_claim_in_questions_and_answers(tmp_path):
    question = f.eth(f.arp(1, OWNER, "10.0.0.1", 0, "10.0.0.2"), f.ARP)
    answer = f.eth(f.arp(2, OWNER + 1, "10.0.0.2", OWNER, "10.0.0.1"), f.ARP)
    assert said(tmp_path, question, answer, question) == [
        (OWNER, "10.0.0.1", "arp"),
        (OWNER + 1, "10.0.0.2", "arp"),
    ]


def test_an_address_probe_claims_nothing(tmp_path):
    assert said(tmp_path, f.eth(f.arp(1, OWNER, "0.0.0.0", 0, "10.0.0.2"), f.ARP)) == []


def test_a_moved_vm_announces_its_mac(tmp_path):
    announcement = f.eth(f.arp(3, OWNER, "0.0.0.0", OWNER), f.RARP, OWNER, 0xFFFF_FFFF_FFFF)
    assert said(tmp_path, announcement) == [(OWNER, "", "rarp")]


def test_where_and_when_a_claim_was_made(tmp_path):
    first = f.eth(f.tag(f.arp(1, OWNER, "10.0.0.1"), 30, f.ARP), f.VLAN)
    second = f.eth(f.tag(f.arp(1, OWNER, "10.0.0.1"), 31, f.ARP), f.VLAN)
    claims = read_bytes(tmp_path, pcap([first, first, second])).packets.claims
    start = SECOND * 10**9
    assert claims == [
        Claim(OWNER, "10.0.0.1", "arp", 0, 30, -1, 1, start),
        Claim(OWNER, "10.0.0.1", "arp", 0, 31, -1, 3, start + 2000),
    ]


def test_neighbour_discovery(tmp_path):
    advertisement = f.neighbor_message(136, f.address("fd00::5"), 2, OWNER)
    solicitation = f.neighbor_message(135, f.address("fd00::9"), 1, OWNER + 1)
    router = f.neighbor_message(134, bytes(8), 1, OWNER + 2)
    starting = f.neighbor_message(133, b"", 1, OWNER + 3)

    def sent(message: bytes, source: str, hops: int = 255) -> bytes:
        return f.eth(f.ip6(message, f.ICMPV6, source, "ff02::1", hops=hops), f.IPV6)

    assert said(
        tmp_path,
        sent(advertisement, "fe80::5"),
        sent(solicitation, "fd00::6"),
        sent(router, "fe80::7"),
        sent(starting, "::"),
        sent(advertisement, "fe80::99", hops=254),
    ) == [(OWNER, "fd00::5", "nd"), (OWNER + 1, "fd00::6", "nd"), (OWNER + 2, "fe80::7", "nd")]


def test_only_an_acknowledged_lease_is_a_claim(tmp_path):
    def sent(op: int, kind: int, given: str) -> bytes:
        return f.eth(f.ip4(f.udp(f.dhcp_message(op, kind, OWNER, given), 67, 68)))

    offer, acknowledgement = sent(2, 2, "10.0.0.50"), sent(2, 5, "10.0.0.51")
    inform, request = sent(2, 5, "0.0.0.0"), sent(1, 3, "10.0.0.53")
    assert said(tmp_path, offer, acknowledgement, inform, request) == [(OWNER, "10.0.0.51", "dhcp")]


def test_dhcp_options_before_the_message_type_are_passed():
    message = f.dhcp_message(2, 5, OWNER, "10.0.0.51")
    moved = message[:240] + b"\0\0" + bytes([12, 3]) + b"web" + message[240:]
    assert dhcp_claim(moved) == (OWNER, "10.0.0.51")


def test_nobody_owns_the_zero_mac_or_a_group():
    book = ClaimBook(10, NoticeCounter())
    for mac in (0, -1, 0x0100_5E00_0001):
        book.add(Claim(mac, "10.0.0.1", "arp", 0, -1, -1, 1, 0))
    assert book.take() == []


def test_claims_are_bounded():
    notices = NoticeCounter()
    book = ClaimBook(3, notices)
    for number in range(10):
        book.add(Claim(OWNER + number, "10.0.0.1", "arp", 0, -1, -1, 1, 0))
    assert len(book.take()) == 3
    assert [(notice.code, notice.count) for notice in notices.notices()] == [("claims_limit", 7)]


@given(st.binary(max_size=300))
def test_no_message_breaks_the_readers(message):
    lease, neighbor = dhcp_claim(message), neighbor_claim(message, "fe80::1")
    assert lease is None or len(message) >= 244
    assert neighbor is None or message[0] in (133, 134, 135, 136)


def test_arp_without_addresses_of_ip_claims_nothing():
    assert arp_claim("", OWNER, "10.0.0.1") is None
    assert arp_claim("1", -1, "10.0.0.1") is None
    assert arp_claim("8", OWNER, "10.0.0.1") is None


def test_a_cut_message_does_not_hide_the_whole_one_behind_it(tmp_path):
    message = f.arp(2, 0x0200_0000_0001, "10.0.0.9")
    frame = f.eth(message, f.ARP)
    data = file_header() + record(frame[:40], length=len(frame)) + record(frame)
    result = read_bytes(tmp_path, data)
    assert [(claim.ip, claim.frame_number) for claim in result.packets.claims] == [("10.0.0.9", 2)]
