"""A flood of SYNs makes a conversation of every packet; a server with little memory makes a map of it all the same."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from flowmap.api.limits import fitting
from flowmap.settings import Settings
from tests.api.frames import ETHERNET, START_S
from tests.api.servers import running

MANY = 1_000_000
FRAME_BYTES = 54
RECORD = np.dtype([
    ("seconds", "<u4"), ("microseconds", "<u4"), ("captured", "<u4"), ("length", "<u4"),
    ("macs", "V12"), ("ethertype", ">u2"),
    ("version", "u1"), ("tos", "u1"), ("total", ">u2"), ("identity", ">u2"), ("fragment", ">u2"),
    ("ttl", "u1"), ("protocol", "u1"), ("ip_sum", ">u2"), ("source", ">u4"), ("destination", ">u4"),
    ("source_port", ">u2"), ("port", ">u2"), ("seq", ">u4"), ("ack", ">u4"),
    ("offset", "u1"), ("flags", "u1"), ("window", ">u2"), ("tcp_sum", ">u2"), ("urgent", ">u2"),
])  # fmt: skip


def syn_flood(*, spoofed):
    """A pcap of SYNs to one machine: each from another address, or all ports asked for by one."""
    number = np.arange(MANY)
    packets = np.zeros(MANY, RECORD)
    packets["seconds"], packets["microseconds"] = START_S + number // 100_000, number % 100_000 * 10
    packets["captured"] = packets["length"] = FRAME_BYTES
    packets["macs"] = np.void(bytes.fromhex("005056000002005056000001"))
    packets["ethertype"], packets["version"], packets["total"] = 0x0800, 0x45, 40
    packets["identity"], packets["ttl"], packets["protocol"] = number & 0xFFFF, 64, 6
    packets["source"] = 0x0B00_0000 + 15 * number if spoofed else 0x0A00_0001
    packets["destination"] = 0x0A00_0002
    packets["source_port"] = 1_024 + (number % 60_000 if spoofed else number // 60_000)
    packets["port"] = 80 if spoofed else 1 + number % 60_000
    packets["seq"], packets["offset"], packets["flags"], packets["window"] = number * 7_919, 0x50, 2, 1_024
    return struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65_535, ETHERNET) + packets.tobytes()


@pytest.mark.parametrize("spoofed", [True, False], ids=["spoofed", "scan"])
def test_a_million_syns_fit_into_700_megabytes(tmp_path, spoofed):
    # There is no name in it; not looking for any spares the flood a second map.
    settings = Settings(data_dir=tmp_path, min_free_bytes=0, job_memory_bytes=700_000_000, workers=2, name_frames=0)
    with running(settings) as server:
        map_id, status = server.analysed(("syn.pcap", syn_flood(spoofed=spoofed)))
        assert status["state"] == "done" and status["complete"] is True, status["error"]
        document = server.client.get(f"/api/maps/{map_id}/graph").json()
    totals = document["graph"]["totals"]
    assert (totals["packets"], totals["frame_bytes"]) == (MANY, MANY * FRAME_BYTES)
    assert sum(edge["wire_bytes"] for edge in document["edges"]) == totals["unique_bytes"] == MANY * FRAME_BYTES


def test_only_little_memory_makes_conversations_fewer():
    assert fitting(Settings(job_memory_bytes=8 << 30)).max_conversations == Settings().max_conversations
    little = [fitting(Settings(job_memory_bytes=size << 20, workers=2)).max_conversations for size in (256, 700, 1_024)]
    assert 0 < little[0] < little[1] < little[2] < Settings().max_conversations
    assert fitting(Settings(job_memory_bytes=1 << 30, max_conversations=10)).max_conversations == 10
