"""LLDP, CDP and spanning tree are noticed by both readers, and what repeats takes no room from what does not."""

from __future__ import annotations

import struct

import pytest

from flowmap.capture.names import LinkNeighbor
from flowmap.reading import read_captures
from flowmap.settings import Settings
from tests.capture import files
from tests.capture import frames as f

BRIDGE = 0x001B210E0001
SYSTEM_ID = struct.pack("!H", 32768) + f.mac(BRIDGE)
BPDU = b"\0\0\0\0\0" + SYSTEM_ID + struct.pack("!I", 0) + SYSTEM_ID + struct.pack("!HHHHH", 0x8003, 0, 5120, 512, 3840)
"""A configuration message of IEEE 802.1D 9.3.1 by a root bridge, on its port 3."""


def in_length(destination: int, payload: bytes, src: int = BRIDGE) -> bytes:
    """An IEEE 802.3 frame: a length where the Ethertype would be, padded to the smallest size."""
    return (f.mac(destination) + f.mac(src) + struct.pack("!H", len(payload)) + payload).ljust(60, b"\0")


STP = in_length(0x0180C2000000, b"\x42\x42\x03" + BPDU)
PVST = in_length(0x01000CCCCCCD, b"\xaa\xaa\x03\x00\x00\x0c\x01\x0b" + BPDU + b"\0\0\0\0\0\2\0\x0a")
IPX = in_length(0xFFFFFFFFFFFF, b"\xe0\xe0\x03" + bytes(40))


def lldp(name: bytes) -> bytes:
    elements = ((1, b"\x04" + f.mac(BRIDGE)), (2, b"\x05Eth1/7"), (3, b"\0\x78"), (5, name), (7, b"\0\x14\0\x14"))
    body = b"".join(struct.pack("!H", kind << 9 | len(value)) + value for kind, value in elements)
    return f.eth(body + b"\0\0", 0x88CC, BRIDGE, 0x0180C200000E)


def neighbors(folder, *given, reader="auto", **limits):
    path = folder / "test.pcap"
    path.write_bytes(files.pcap(given))
    return read_captures([path], Settings(**limits), reader=reader)


@pytest.mark.parametrize("reader", ["header", "pyshark"])
@pytest.mark.parametrize("frame", [STP, PVST], ids=["802.1D", "PVST"])
def test_spanning_tree_names_the_bridge_and_its_port(tmp_path, reader, frame):
    reading = neighbors(tmp_path, f.PLAIN, frame, frame, reader=reader)
    assert reading.neighbors == [LinkNeighbor(0, "00:1b:21:0e:00:01", "0x8003", "", "stp", 2, BRIDGE, True)]


@pytest.mark.parametrize("reader", ["header", "pyshark"])
def test_lldp_says_whether_its_sender_forwards(tmp_path, reader):
    (found,) = neighbors(tmp_path, lldp(b"leaf-1"), reader=reader).neighbors
    assert (found.system_name, found.port, found.forwards, found.mac) == ("leaf-1", "Eth1/7", True, BRIDGE)


def test_other_frames_with_a_length_are_no_neighbors(tmp_path):
    assert neighbors(tmp_path, IPX, IPX[:16]).neighbors == []


def test_a_day_of_spanning_tree_leaves_room_for_lldp(tmp_path):
    """43,200 messages at one in two seconds, and LLDP at last; nothing is reported as left out."""
    reading = neighbors(tmp_path, *(STP,) * 43_200, lldp(b"leaf-1"), name_frames=320)
    assert {one.protocol for one in reading.neighbors} == {"stp", "lldp"}
    assert [notice.code for _, outcome in reading.captures for notice in outcome.notices] == []
