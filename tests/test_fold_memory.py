"""Threat 3: millions of 5-tuples are folded in bounded memory, and what was not kept is exact all the same."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from flowmap.fold import partition_of
from flowmap.legs import PARTITIONS, FiveTuple
from flowmap.packets import TCP
from flowmap.settings import Settings
from tests.syn_stream import (
    AGAIN,
    FIRST_PORT,
    GAP_NS,
    HEADER_BYTES,
    LARGE,
    LARGE_PAYLOAD,
    PORTS,
    SOURCES,
    START_NS,
    TARGET,
)

MOST_BYTES = 600_000_000
LEGS, KEPT = 2_000_000, 200_000
WITH_LEGS = 1_500_000
"""Of so many 5-tuples the first ones, each partition holds fewer than its share of ``LEGS``."""


def payload_of(numbers):
    """The payload of packets by their number."""
    return np.where((numbers >= LARGE.start) & (numbers < LARGE.stop), LARGE_PAYLOAD, numbers % 10)


def folded(count, workers):
    """What a process of its own says of a stream of so many 5-tuples."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.syn_stream", str(count), str(workers)],
        cwd=Path(__file__).parent.parent, capture_output=True, text=True, timeout=1800, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(("count", "workers"), [(10_000_000, 2), (7_900_000, 8)])
def test_millions_of_five_tuples_fit_into_600_megabytes_and_all_is_counted(count, workers):
    """Ten million, and as many as are counted exactly: then every table is as large as it gets."""
    assert (Settings().max_legs, Settings().max_conversations) == (LEGS, KEPT)
    told = folded(count, workers)
    assert told["peak_bytes"] < MOST_BYTES

    again = payload_of(np.array(AGAIN))
    packets = count + len(AGAIN)
    payload = 45 * (count - len(LARGE)) // 10 + LARGE_PAYLOAD * len(LARGE) + int(again.sum())
    wire = HEADER_BYTES * packets + payload
    assert [told[name] for name in ("packets", "frame_bytes", "wire_bytes")] == [packets, wire, wire]
    assert told["captured_bytes"] == HEADER_BYTES * packets
    last = START_NS + (packets - 1) * GAP_NS
    assert (told["first_seen_ns"], told["last_seen_ns"]) == (START_NS, last)

    # The 200,000 largest are kept, of equally large ones the earlier; all of these are among the first.
    early = np.arange(WITH_LEGS)
    sent = 1 + np.isin(early, AGAIN)
    sizes = sent * (HEADER_BYTES + payload_of(early))
    kept = np.sort(np.lexsort((early, -sizes))[:KEPT])
    assert sizes[kept].min() == HEADER_BYTES + 9, "so no later one is larger than the smallest of them"
    assert told["kept_numbers"] == kept.tolist() and told["kept_frames"] == (kept + 1).tolist()
    kept_sums = {
        "packets": int(sent[kept].sum()), "wire_bytes": int(sizes[kept].sum()),
        "payload_bytes": int((sent * payload_of(early))[kept].sum()),
    }  # fmt: skip
    assert told["kept"] == kept_sums
    others = {
        "packets": packets - kept_sums["packets"], "wire_bytes": wire - kept_sums["wire_bytes"],
        "payload_bytes": payload - kept_sums["payload_bytes"],
    }  # fmt: skip
    assert told["others"] == {
        **others, "duplicate_packets": 0, "conversations": LEGS - KEPT, "late_packets": count - LEGS,
    }  # fmt: skip

    exact = count < 4 * LEGS
    assert told["five_tuples"] == min(count, 4 * LEGS) and told["estimated"] == ([] if exact else ["five_tuples"])

    document = told["document"]
    totals = document["totals"]
    assert (totals["packets"], totals["unique_bytes"], document["edges_wire_bytes"]) == (packets, wire, wire)
    assert (totals["five_tuples"], document["estimated"]) == (told["five_tuples"], told["estimated"])
    assert {name: document["others"][name] for name in others} == others
    assert document["others"]["verdict"] == "undetermined"
    (warning,) = [row for row in document["warnings"] if row["code"] == "legs_full"]
    assert warning["count"] == others["packets"] and document["caps"] == ["max_legs", "max_conversations"]
    for said in (f"{count - LEGS:,} packets", f"{KEPT:,} with most bytes", f"{LEGS - KEPT:,} others"):
        assert said in warning["text"]


def test_the_first_five_tuples_all_have_legs():
    """What is known of the stream beforehand: none of the 64 partitions is full when these have come."""
    numbers = range(0, WITH_LEGS, 10)
    counts = np.zeros(PARTITIONS, dtype=np.int64)
    for number in numbers:
        source = ((0, SOURCES + number // PORTS), FIRST_PORT + number % PORTS)
        counts[partition_of(FiveTuple(TCP, ((0, TARGET), 80), source))] += 1
    assert counts.max() * 10 < LEGS // PARTITIONS
