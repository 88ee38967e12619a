"""How long maps are kept: by age, by size, and what a start finds of those that were being made or deleted."""

from __future__ import annotations

import os
import threading

import pytest

from flowmap.api import app
from flowmap.api.maps import Maps, StoredFile
from flowmap.settings import Settings
from flowmap.store import opened
from flowmap.store.places import RESULT, publish
from tests.api.frames import pcap, two_talks
from tests.api.servers import running, wait_for

DAY_S = 86_400


def finished(all_maps, *, at_s, size=1_000):
    """A map whose result was made at that time."""
    record = all_maps.create()
    publish(record.folder, RESULT, lambda part: part.joinpath(RESULT.link).write_bytes(b" " * size))
    os.utime(record.folder / RESULT.link, (at_s, at_s), follow_symlinks=False)
    all_maps.change(record, state="done")
    return record


def kept(all_maps):
    return {record.id for record in all_maps.all()}


@pytest.fixture
def maps_of(tmp_path):
    return lambda **settings: Maps(Settings(data_dir=tmp_path, **settings))


def test_nothing_is_deleted_unless_it_is_asked_for(maps_of):
    all_maps = maps_of()
    old = finished(all_maps, at_s=1.0)
    all_maps.apply_retention(1_000 * DAY_S)
    assert kept(all_maps) == {old.id} and old.folder.is_dir()


def test_maps_go_by_the_age_of_their_last_result_but_not_while_they_are_worked_on(maps_of):
    all_maps = maps_of(keep_maps_s=DAY_S)
    old, fresh, busy = (finished(all_maps, at_s=at_s) for at_s in (1.0, 1.5 * DAY_S, 1.0))
    all_maps.change(busy, state="running")
    all_maps.apply_retention(2 * DAY_S)
    assert kept(all_maps) == {fresh.id, busy.id} and not old.folder.exists()


def test_the_oldest_maps_go_until_all_fit_and_the_newest_stays(maps_of):
    all_maps = maps_of(keep_maps_bytes=250_000)
    _, second, third = (finished(all_maps, at_s=at_s, size=100_000) for at_s in (1.0, 2.0, 3.0))
    all_maps.apply_retention()
    assert kept(all_maps) == {second.id, third.id}
    all_maps = maps_of(keep_maps_bytes=1)
    all_maps.apply_retention()
    assert kept(all_maps) == {third.id}


def test_the_list_of_maps_says_how_long_they_are_kept(tmp_path):
    settings = Settings(data_dir=tmp_path, min_free_bytes=0, keep_maps_s=DAY_S, keep_maps_bytes=10**9)
    with running(settings) as server:
        map_id = server.client.post("/api/maps").json()["id"]
        listed = server.client.get("/api/maps").json()
        assert (listed["keep_maps_s"], listed["keep_maps_bytes"]) == (DAY_S, 10**9)
        (row,) = listed["maps"]
        assert row["id"] == map_id and row["expires_at"] > row["created_at"]


def test_a_start_takes_up_the_maps_and_nothing_of_those_cut_off(maps_of, tmp_path):
    all_maps = maps_of()
    record = finished(all_maps, at_s=1.0)
    folder = record.folder.parent
    (folder / ".flowmap-0a.deleted" / "captures").mkdir(parents=True)
    for kind in ("captures", "inventory"):
        (folder / "0123456789abcdef" / kind).mkdir(parents=True)
    (folder / "somebody-elses").mkdir()
    (folder / "somebody-elses" / "file").write_text("x")
    (record.folder / "captures").rmdir()
    assert kept(maps_of()) == {record.id}
    assert sorted(path.name for path in folder.iterdir()) == sorted([record.id, "somebody-elses"])


def test_deleting_leaves_no_folder(maps_of):
    all_maps = maps_of()
    record = finished(all_maps, at_s=1.0)
    all_maps.delete(record)
    assert list(record.folder.parent.iterdir()) == [] and kept(maps_of()) == set()


def threads_of_no_python():
    """Threads of this process that Python did not start: those of the database, not those that answer requests."""
    of_python = {str(thread.native_id) for thread in threading.enumerate()}
    return set(os.listdir("/proc/self/task")) - of_python


def test_a_deleted_map_leaves_no_thread_of_its_database(settings):
    opened._databases.clear()  # one of another test that goes meanwhile would take its threads along
    with running(settings) as server:
        map_id, _ = server.analysed(("a.pcap", pcap(two_talks())))
        before = threads_of_no_python()
        with opened.opened(server.state.maps.get(map_id).folder, server.status(map_id)["revision"], settings) as result:
            of_database = threads_of_no_python() - before
            assert of_database
            assert server.client.delete(f"/api/maps/{map_id}").status_code == 204
            assert result.rows("SELECT 6 * 7") == [(42,)], "who is asking still gets an answer"
        assert server.state.maps.all() == []
        assert not [folder for folder in opened._databases if folder.name == map_id]
        wait_for(lambda: not of_database & threads_of_no_python())


def uploaded(record, all_maps, name, *, at_s, size=1_000):
    """A capture that was uploaded at that time."""
    file = StoredFile(name, f"{name}.pcap", size, at_s)
    record.file_path("captures", file).write_bytes(bytes(size))
    all_maps.add_file(record, "captures", file)
    return file


@pytest.mark.parametrize("limits", [{"keep_captures_s": 0}, {"keep_captures_bytes": 1}])
def test_what_no_job_has_had_yet_is_not_taken_from_under_it(maps_of, limits):
    all_maps = maps_of(**limits)
    record = all_maps.create()
    read = uploaded(record, all_maps, "0a", at_s=100.0)
    all_maps.change(record, state="done", worked_s=101.0)
    unread = uploaded(record, all_maps, "0b", at_s=102.0)
    all_maps.apply_retention(103.0)
    assert (read.kept, unread.kept) == (False, True) and record.file_path("captures", unread).exists()
    all_maps.apply_retention(102.0 + DAY_S)
    assert unread.kept is ("keep_captures_bytes" in limits)


def test_captures_that_are_never_analysed_go_too(maps_of):
    all_maps = maps_of(keep_captures_s=2 * DAY_S)
    record = all_maps.create()
    file = uploaded(record, all_maps, "0a", at_s=100.0)
    all_maps.apply_retention(99.0 + 2 * DAY_S)
    assert file.kept
    all_maps.apply_retention(100.0 + 2 * DAY_S)
    assert not file.kept and not record.file_path("captures", file).exists()


def test_one_file_that_cannot_be_deleted_keeps_no_other(maps_of):
    all_maps = maps_of(keep_captures_s=10, keep_maps_s=DAY_S)
    record, old = all_maps.create(), finished(all_maps, at_s=1.0)
    stays, goes = (uploaded(record, all_maps, name, at_s=at_s) for name, at_s in (("0a", 1.0), ("0b", 2.0)))
    all_maps.change(record, state="done", worked_s=3.0)
    path = record.file_path("captures", stays)
    path.unlink()
    path.mkdir()
    all_maps.apply_retention(2.0 + DAY_S)
    assert (stays.kept, goes.kept) == (True, False) and not record.file_path("captures", goes).exists()
    assert old.id not in kept(all_maps)


def test_keeping_goes_on_after_a_round_that_failed(settings, monkeypatch):
    monkeypatch.setattr(app, "RETENTION_INTERVAL_S", 0.01)
    rounds = []

    def fails(all_maps):
        rounds.append(all_maps)
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Maps, "apply_retention", fails)
    with running(settings):
        wait_for(lambda: len(rounds) > 1)
