"""How long maps are kept: by age, by size, and what a start finds of those that were being made or deleted."""

from __future__ import annotations

import os

import pytest

from flowmap.api.maps import Maps
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


def test_a_deleted_map_leaves_no_thread_of_its_database(settings):
    with running(settings) as server:
        map_id, _ = server.analysed(("a.pcap", pcap(two_talks())))
        threads = len(os.listdir("/proc/self/task"))
        with opened.opened(server.state.maps.get(map_id).folder, server.status(map_id)["revision"], settings) as result:
            assert len(os.listdir("/proc/self/task")) > threads
            assert server.client.delete(f"/api/maps/{map_id}").status_code == 204
            assert result.rows("SELECT 6 * 7") == [(42,)], "who is asking still gets an answer"
        assert server.state.maps.all() == []
        assert not [folder for folder in opened._databases if folder.name == map_id]
        wait_for(lambda: len(os.listdir("/proc/self/task")) <= threads)
