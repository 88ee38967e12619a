"""A part of a map takes the place of the one before whole or not at all, whenever its writer ends."""

from __future__ import annotations

import os
import time

import pytest

from flowmap.store import places
from flowmap.store.places import READING, RESULT, newest, part_path, publish, sweep


def fill_with(text):
    def fill(part):
        (part / RESULT.link).write_text(text)
        (part / READING.link).write_text(text)
        (part / "a.parquet").write_text(text)

    return fill


def shown(folder, kind=RESULT):
    """What whoever follows the link reads: the texts of all files of the part."""
    part = (folder / os.readlink(folder / kind.link)).parent
    return {path.read_text() for path in part.iterdir()}


def steps_of_publishing(folder, monkeypatch):
    names = []
    monkeypatch.setattr(places, "step", names.append)
    publish(folder, RESULT, fill_with("x"))
    return names


def killed_at(folder, number):
    """Publish in a process that ends without any clean-up at its step of that number."""
    child = os.fork()
    if child == 0:
        left = number

        def step(name):
            nonlocal left
            if left == 0:
                os._exit(9)
            left -= 1

        places.step = step
        publish(folder, RESULT, fill_with("new"))
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_a_writer_killed_between_any_two_steps_leaves_the_old_or_the_new(tmp_path, monkeypatch):
    probe = tmp_path / "probe"
    probe.mkdir()
    steps = steps_of_publishing(probe, monkeypatch)
    monkeypatch.undo()
    assert steps.count("flushed") == 3 and steps[-1] == "linked"
    for number, name in enumerate(steps):
        folder = tmp_path / str(number)
        folder.mkdir()
        publish(folder, RESULT, fill_with("old"))
        assert killed_at(folder, number) == 9
        expected = {"new"} if name == "linked" else {"old"}
        assert shown(folder) == expected, name
        sweep(folder)
        assert shown(folder) == expected, name
        assert sorted(path.name for path in folder.iterdir()) == ["map.json", f"result-{newest(folder, RESULT)}"], name
        publish(folder, RESULT, fill_with("next"))
        assert shown(folder) == {"next"}


def test_without_a_restart_the_next_result_takes_the_place_of_one_that_nobody_was_told_of(tmp_path, monkeypatch):
    publish(tmp_path, RESULT, fill_with("old"))

    def step(name):
        if name == "renamed":
            raise RuntimeError("no power")

    monkeypatch.setattr(places, "step", step)
    with pytest.raises(RuntimeError):
        publish(tmp_path, RESULT, fill_with("lost"))
    assert shown(tmp_path) == {"old"}
    monkeypatch.undo()
    assert publish(tmp_path, RESULT, fill_with("new")) == 2
    assert shown(tmp_path) == {"new"}


def test_a_failing_writer_leaves_the_old(tmp_path):
    publish(tmp_path, RESULT, fill_with("old"))

    def fill(part):
        (part / "a.parquet").write_text("half")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError):
        publish(tmp_path, RESULT, fill)
    assert shown(tmp_path) == {"old"}


def test_the_former_result_stays_for_those_who_ask_what_has_changed_and_the_former_reading_goes(tmp_path):
    for text in ("a", "b", "c"):
        publish(tmp_path, RESULT, fill_with(text))
        publish(tmp_path, READING, fill_with(text))
    kept = {path.name for path in tmp_path.iterdir() if path.is_dir()}
    assert {"result-3", "result-2", "reading-3"} <= kept and "reading-2" not in kept
    assert shown(tmp_path) == shown(tmp_path, READING) == {"c"}


def test_starting_sweeps_what_earlier_versions_and_killed_writers_left(tmp_path):
    publish(tmp_path, RESULT, fill_with("kept"))
    for name in ("reading-2.pickle", ".flowmap-0a.part"):
        (tmp_path / name).write_text("x")
    for name in ("result.part", ".flowmap-result.part", "result-7", "reading-1"):
        (tmp_path / name).mkdir()
    (tmp_path / "meta.json").write_text("{}")
    sweep(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"meta.json", "map.json", "result-1"}
    assert part_path(tmp_path, RESULT, 1).is_dir() and shown(tmp_path) == {"kept"}


def test_parts_made_before_the_clock_was_set_back_go_too(tmp_path):
    for number in range(4):
        publish(tmp_path, RESULT, fill_with(str(number)))
        later = time.time() + 3_600
        os.utime(part_path(tmp_path, RESULT, number + 1), (later, later))
    publish(tmp_path, RESULT, fill_with("newest"))
    kept = sorted(path.name for path in tmp_path.iterdir() if path.is_dir())
    assert kept == [f"{RESULT.name}-4", f"{RESULT.name}-5"] and shown(tmp_path) == {"newest"}
