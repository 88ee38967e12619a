"""The compiled fold gives what the plain one gives: field by field, leg by leg, whatever the number of workers."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from flowmap.capture import open_capture
from flowmap.capture.points import Registry
from flowmap.fold import LegFold, compiled
from flowmap.fold.plain import PlainFold
from flowmap.legs import LegSet
from flowmap.packets import COLUMNS, LATER_FRAGMENT, NO_TIME, PacketBatch
from flowmap.settings import Settings
from tests.random_packets import parts, random_batches

CAPTURES = Path(__file__).parent.parent / "captures"

SITUATIONS = {
    "as it comes": ({}, {}),
    "one conversation": ({}, {"addresses": 1, "count": 1500}),
    "many conversations": ({"max_conversations": 40}, {"addresses": 4000, "count": 800}),
    "many buckets": ({"slice_ns": 1_000, "max_slices": 1 << 40, "max_legs": 64 * 3}, {}),
    "long": ({"slice_ns": 1_000_000, "max_slices": 16}, {"span_ns": 10**12}),
    "few legs": ({"max_legs": 64}, {"addresses": 4000}),
    "no legs": ({"max_legs": 10}, {}),
    "one kept": ({"max_conversations": 1}, {"addresses": 2}),
    "narrow windows": ({"copy_window_ns": 1_000_000, "copy_window_no_id_ns": 0}, {}),
}


class CountingFold(PlainFold):
    """Counts what happens that cannot be seen in the result."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.events: Counter[str] = Counter()

    def _with_ports_of_first_fragment(self, packet):
        found = super()._with_ports_of_first_fragment(packet)
        if packet.fragment == LATER_FRAGMENT:
            self.events["fragment joined" if found is not packet else "fragment alone"] += 1
        return found

    def _is_copy(self, state, packet):
        before = sum(map(len, self._recent.values()))
        is_copy = super()._is_copy(state, packet)
        self.events["copy"] += is_copy
        self.events["not remembered"] += not is_copy and sum(map(len, self._recent.values())) == before
        return is_copy

    def _double_slices(self):
        super()._double_slices()
        self.events["doubled"] += 1


def folded(fold, batches) -> LegSet:
    for batch in batches:
        fold.add(batch)
    return fold.finish()


def check_equal(one: LegSet, other: LegSet) -> None:
    """Names the first leg that differs, which comparing whole sets would bury."""
    assert len(one.legs) == len(other.legs)
    for left, right in zip(one.legs, other.legs, strict=True):
        assert left == right
    assert one == other


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("name", SITUATIONS)
def test_random_packets_give_equal_legs(name, workers):
    options, universe = SITUATIONS[name]
    settings = Settings(workers=workers, **options)
    for seed in range(3):
        batches = list(random_batches(seed, **universe))
        check_equal(folded(LegFold(settings), batches), folded(PlainFold(settings), batches))


def test_the_random_packets_hit_everything():
    events, legs, estimated, others = Counter(), [], set(), Counter()
    for options, universe in SITUATIONS.values():
        fold = CountingFold(Settings(**options))
        result = folded(fold, random_batches(0, **universe))
        events += fold.events
        legs += result.legs
        estimated.update(result.estimated)
        others.update({name: getattr(result.others, name) for name in result.others.__slots__})
    assert min(events[name] for name in ("fragment joined", "fragment alone", "copy", "not remembered", "doubled")) > 20
    assert estimated == {"five_tuples"}
    assert min(others.values()) > 0
    assert [sum(counts) > 0 for counts in zip(*(leg.copies for leg in legs), strict=True)] == [True] * 8
    assert {leg.key.point for leg in legs} == {0, 1, 2, 3} and {leg.ip_version for leg in legs} == {4, 6}
    assert {leg.key.vlan for leg in legs} == {-1, 0, 10, 4095}
    assert max(leg.syn_count for leg in legs) > 1 and any(leg.has_syn_ack for leg in legs)
    assert any(leg.seq_high - leg.seq_low > 2**31 for leg in legs)
    assert any(0 <= leg.seq_low < 2**32 for leg in legs) and any(leg.seq_high > 2**33 for leg in legs)
    assert {-1, 0, 64, 255} <= {leg.ttl_min for leg in legs}
    assert any(leg.packets == 1 and leg.duplicate_packets for leg in legs)
    assert any(len(leg.slices) > 3 and NO_TIME in leg.slices for leg in legs)
    assert any(leg.truncated_packets for leg in legs)
    assert {len(leg.sketch) for leg in legs} == set(range(1, 9))
    assert any(sample.packet_hash == 2**64 - 1 for leg in legs for sample in leg.sketch)


def test_any_number_of_workers_gives_the_same_bytes(monkeypatch):
    monkeypatch.setattr(compiled, "THREADS_FROM_PACKETS", 1000)
    for options in ({"max_conversations": 50}, {"slice_ns": 1_000, "max_slices": 1 << 40, "max_legs": 640}):
        batches = list(random_batches(5, batches=12, addresses=60))
        results = {
            pickle.dumps(folded(LegFold(Settings(workers=workers, **options)), batches))
            for workers in (1, 2, 3, 5, 64, 200)
        }
        assert len(results) == 1


def test_finishing_in_between_changes_nothing(monkeypatch):
    monkeypatch.setattr(compiled, "THREADS_FROM_PACKETS", 1000)
    settings = Settings(workers=2, slice_ns=1_000_000)
    batches = list(random_batches(6, batches=8))
    fold, plain = LegFold(settings), PlainFold(settings)
    for batch in batches:
        fold.add(batch)
        plain.add(batch)
        snapshot = fold.finish()
        check_equal(snapshot, plain.finish())
    check_equal(snapshot, folded(LegFold(settings), batches))


def test_cutting_batches_changes_nothing_and_batches_are_not_written():
    settings = Settings()
    batches = list(random_batches(7, addresses=30))
    kept = [{name: getattr(batch, name).copy() for name in COLUMNS} for batch in batches]
    whole = folded(LegFold(settings), batches)
    pieces = [part for batch in batches for part in parts(batch, 0, 1, 17, 18, 200)]
    for batch in pieces:
        for name in COLUMNS:
            getattr(batch, name).flags.writeable = False
    check_equal(folded(LegFold(settings), pieces), whole)
    for batch, columns in zip(batches, kept, strict=True):
        assert all(np.array_equal(getattr(batch, name), column) for name, column in columns.items())


def test_a_pickled_leg_is_equal_and_keeps_its_lazy_parts():
    result = folded(LegFold(Settings()), random_batches(8))
    result.legs[0].sketch  # noqa: B018, one that was asked for and others that were not
    check_equal(pickle.loads(pickle.dumps(result)), result)
    plain = folded(PlainFold(Settings()), random_batches(8))
    check_equal(pickle.loads(pickle.dumps(plain)), plain)


def test_no_packets_give_an_empty_set():
    fold = LegFold(Settings())
    fold.add(next(parts(next(random_batches(1)), 0)))
    result = fold.finish()
    assert (result.legs, result.packets, result.first_seen_ns) == ([], 0, NO_TIME)
    assert result.claims


@pytest.fixture(scope="module")
def captured() -> dict[str, list[PacketBatch]]:
    """Batches of the sample captures, read once."""
    settings, found = Settings(), {}
    for path in sorted(path for path in CAPTURES.iterdir() if path.suffix in (".pcap", ".pcapng")):
        found[path.name] = list(open_capture(path, Registry(settings.max_points), settings, reader="pyshark").batches())
    return found


def test_captures_give_equal_legs(captured):
    settings = Settings(workers=2)
    assert len(captured) > 4
    for batches in captured.values():
        check_equal(folded(LegFold(settings), batches), folded(PlainFold(settings), batches))
    every = [batch for batches in captured.values() for batch in batches]
    check_equal(folded(LegFold(settings), every), folded(PlainFold(settings), every))


SMALL_CHECK = """
import numpy as np
from flowmap.fold import LegFold
from flowmap.fold.plain import PlainFold
from flowmap.settings import Settings
from tests.random_packets import random_batches
for options in ({}, {"max_legs": 64, "slice_ns": 1000, "max_conversations": 30}):
    batches = list(random_batches(3, batches=2, count=COUNT, addresses=2))
    one, other = LegFold(Settings(workers=2, **options)), PlainFold(Settings(**options))
    for batch in batches:
        with np.errstate(over="ignore"):
            one.add(batch)
        other.add(batch)
    with np.errstate(over="ignore"):
        assert one.finish() == other.finish()
print("equal")
"""


@pytest.mark.parametrize(
    ("variable", "count"),
    [("NUMBA_DISABLE_JIT", 150), ("NUMBA_BOUNDSCHECK", 2000)],
    ids=["without compiling", "with bounds checking"],
)
def test_the_kernels_keep_to_their_arrays_and_to_python(variable, count, tmp_path):
    environment = {**os.environ, variable: "1", "FLOWMAP_KERNEL_CACHE_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", SMALL_CHECK.replace("COUNT", str(count))],
        env=environment, cwd=CAPTURES.parent, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert (done.stdout, done.returncode) == ("equal\n", 0), done.stderr
