"""What is judged from a kept reading is what was judged from the one just made, byte for byte."""

from __future__ import annotations

import json

import pytest

from flowmap.api.opened import sample
from flowmap.capture.points import statements_of
from flowmap.export import document, dumps
from flowmap.inventory import join_files, read_inventory
from flowmap.packets import NO_TIME
from flowmap.pipeline import make_map
from flowmap.reading import read_captures
from flowmap.settings import Settings
from flowmap.store.places import READING
from flowmap.store.reading import captures_read, load_reading, save_reading
from tests.api.frames import named_talks, pcap

SETTINGS = Settings()


@pytest.fixture(scope="module")
def sample_reading():
    return read_captures(sample().captures, SETTINGS, labels=list(sample().labels))


def judged(reading, inventory, statements):
    return dumps(document(make_map(reading, inventory, statements, SETTINGS, "a map").graph))


def test_documents_of_a_kept_reading_are_equal_to_the_byte(tmp_path, sample_reading):
    save_reading(tmp_path, sample_reading, ["a", "b", "c"])
    kept = load_reading(tmp_path)
    nothing = join_files([]), statements_of({"points": []}, "points")
    known = read_inventory(sample().inventory), statements_of(sample().points, "points")
    for inputs in (known, nothing):
        assert judged(kept, *inputs) == judged(sample_reading, *inputs)


def test_every_field_comes_back(tmp_path, sample_reading):
    save_reading(tmp_path, sample_reading, ["a"])
    kept = load_reading(tmp_path)
    for name in ("registry", "names", "applications", "captures", "neighbors"):
        assert getattr(kept, name) == getattr(sample_reading, name), name
    for name in ("claims", "points", "others", "estimated", "slice_ns", "five_tuples", "first_seen_ns"):
        assert getattr(kept.legs, name) == getattr(sample_reading.legs, name), name
    for mine, theirs in zip(kept.legs.legs, sample_reading.legs.legs, strict=True):
        assert mine == theirs and mine.copies == theirs.copies
        assert mine.sketch == theirs.sketch and mine.slices == theirs.slices


def test_names_that_no_table_could_hold_come_back(tmp_path):
    (tmp_path / "a.pcap").write_bytes(pcap(named_talks()))
    reading = read_captures([tmp_path / "a.pcap"], SETTINGS)
    assert reading.names
    strange = "a\0b\ud800\u202e_x0041_\U0001f600"
    reading.names[0] = reading.names[0]._replace(name=strange, mac=-1)
    save_reading(tmp_path, reading, ["a"])
    assert load_reading(tmp_path).names == reading.names


def test_a_reading_without_packets_comes_back(tmp_path):
    (tmp_path / "empty.pcap").write_bytes(pcap([]))
    reading = read_captures([tmp_path / "empty.pcap"], SETTINGS)
    save_reading(tmp_path, reading, ["a"])
    kept = load_reading(tmp_path)
    assert len(kept.legs.legs) == 0 and kept.names == [] and kept.legs.first_seen_ns == NO_TIME
    nothing = join_files([]), statements_of({"points": []}, "points")
    assert judged(kept, *nothing) == judged(reading, *nothing)


def test_a_reading_says_of_which_captures_it_is(tmp_path, sample_reading):
    assert captures_read(tmp_path) is None
    save_reading(tmp_path, sample_reading, ["a", "b"])
    assert captures_read(tmp_path) == ["a", "b"]
    path = (tmp_path / READING.link).resolve()
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": 999}))
    assert captures_read(tmp_path) is None
    path.write_text("[]")
    assert captures_read(tmp_path) is None
