"""What a start finds of the server before, and what comes in between of ending, deleting and starting."""

from __future__ import annotations

import errno
import os
import threading

import pytest

from flowmap.api import maps as maps_module
from flowmap.api.jobs import Jobs
from flowmap.api.maps import Maps, StoredFile
from flowmap.api.problems import Problem
from flowmap.api.routes import graph as graph_routes
from flowmap.store.opened import opened
from flowmap.store.places import RESULT, publish
from tests.api.servers import running, wait_for
from tests.api.test_analysis import CAPTURE


def a_map(all_maps, *, state="new", **values):
    """A map with a capture, as a server left it in that state."""
    record = all_maps.create()
    file = StoredFile("0a", "web.pcap", len(CAPTURE[1]), uploaded_s=record.created_s)
    record.file_path("captures", file).write_bytes(CAPTURE[1])
    all_maps.add_file(record, "captures", file)
    all_maps.change(record, state=state, **values)
    return record.id


def with_result(all_maps, map_id):
    """The revision of a result that holds a document alone."""
    folder = all_maps.get(map_id).folder
    return publish(folder, RESULT, lambda part: part.joinpath(RESULT.link).write_text("{}"))


def test_what_only_waited_while_the_server_ended_twice_is_done(settings):
    all_maps = Maps(settings)
    tried = a_map(all_maps, state="running")
    waited = [a_map(all_maps, state="queued") for _ in range(2)]
    for _ in range(2):  # a server that is killed while the first one runs, each time
        all_maps = Maps(settings)
        jobs = Jobs(settings, all_maps, lambda map_id, event: None)
        with jobs._lock:  # no worker is started
            jobs.resume()
            states = {record.id: record.state for record in all_maps.all()}
            saved = {record.id: (record.state, record.requeued) for record in Maps(settings).all()}
            jobs._closed = True
        if states[tried] == "running":
            assert saved == {tried: ("running", True), waited[0]: ("queued", False), waited[1]: ("queued", False)}
            continue
        assert states == {tried: "failed", waited[0]: "running", waited[1]: "queued"}
        assert "twice" in all_maps.get(tried).error


def test_an_analysis_that_was_about_to_begin_when_the_server_ended_is_done_later(settings):
    all_maps = Maps(settings)
    record = all_maps.get(a_map(all_maps))
    jobs = Jobs(settings, all_maps, lambda map_id, event: None)
    with jobs._lock:
        jobs.start_analysis(record)
        job = jobs._jobs[record.id]
        jobs.close()
    assert job.ended.wait(30.0) and job.process is None
    assert record.state == "running" and record.error is None
    with running(settings) as server:
        assert server.wait(record.id)["state"] == "done"


def test_a_server_starts_on_a_full_disk(settings, monkeypatch):
    all_maps = Maps(settings)
    twice = a_map(all_maps, state="running", requeued=True)
    outdated = a_map(all_maps, state="done")
    with_result(all_maps, outdated)

    def full(record):
        raise OSError(errno.ENOSPC, "No space left on device")

    all_maps = Maps(settings)
    monkeypatch.setattr(maps_module, "_save", full)
    Jobs(settings, all_maps, lambda map_id, event: None).resume()
    assert all_maps.get(twice).state == "failed"
    assert all_maps.get(outdated).state == "done" and "disk" in all_maps.get(outdated).error


def test_more_earlier_maps_than_may_wait_are_not_said_to_have_lost_their_captures(settings):
    settings = settings.model_copy(update={"max_queued": 1})
    all_maps = Maps(settings)
    for _ in range(3):
        with_result(all_maps, a_map(all_maps, state="done"))
    all_maps = Maps(settings)
    jobs = Jobs(settings, all_maps, lambda map_id, event: None)
    with jobs._lock:
        jobs.resume()
        assert jobs.counts() == {"running": 1, "queued": 1, "live": 0}
        jobs._closed = True
    (left,) = [record for record in all_maps.all() if record.state == "done"]
    assert left.error.endswith("start its analysis again.") and "gone" not in left.error


@pytest.mark.parametrize("results", [0, 1])
def test_a_live_capture_that_was_cut_off_is_not_said_to_show_the_result_before_it(settings, results):
    all_maps = Maps(settings)
    map_id = a_map(all_maps, state="done")
    before = with_result(all_maps, map_id)
    all_maps.change(all_maps.get(map_id), state="live", live={"seconds": 300}, revision_before_live=before)
    for _ in range(results):
        with_result(all_maps, map_id)
    all_maps = Maps(settings)
    Jobs(settings, all_maps, lambda map_id, event: None).resume()
    record = all_maps.get(map_id)
    if results:
        assert record.state == "partial" and record.error.endswith("the map shows what was captured until then.")
    else:
        assert record.state == "failed" and record.error.endswith("before its first result.")


def test_no_job_starts_in_a_map_that_is_deleted(settings):
    all_maps = Maps(settings)
    record = all_maps.get(a_map(all_maps))
    jobs = Jobs(settings, all_maps, lambda map_id, event: None)
    all_maps.delete(record)
    for start in (jobs.start_analysis, lambda record: jobs.start_live(record, {"seconds": 5})):
        with pytest.raises(Problem) as told:
            start(record)
        assert told.value.status == 404
    with pytest.raises(Problem) as told:
        all_maps.remove_file(record, "captures", "web.pcap")
    assert told.value.status == 404 and jobs.counts() == {"running": 0, "queued": 0, "live": 0}


def test_without_a_thread_for_it_a_job_fails_and_the_next_one_runs(settings, monkeypatch):
    all_maps = Maps(settings)
    first, second = (all_maps.get(a_map(all_maps)) for _ in range(2))
    jobs = Jobs(settings, all_maps, lambda map_id, event: None)
    start = threading.Thread.start

    def no_more(thread):
        if thread.name == f"job-{first.id}":
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", no_more)
    jobs.start_analysis(first)
    assert first.state == "failed" and first.error
    jobs.start_analysis(second)
    wait_for(lambda: second.state in ("done", "failed"))
    assert second.state == "done", second.error
    wait_for(lambda: jobs.counts() == {"running": 0, "queued": 0, "live": 0})


def test_who_asks_a_map_that_is_being_deleted_is_told_so(server, settings, monkeypatch):
    map_id, status = server.analysed(CAPTURE)
    record = server.state.maps.get(map_id)
    with opened(record.folder, status["revision"], settings) as result:
        path_of = graph_routes.document_path

        def deleted_first(folder, revision):
            server.state.maps.delete(record)
            return path_of(folder, revision)

        monkeypatch.setattr(graph_routes, "document_path", deleted_first)
        answer = server.client.get(f"/api/maps/{map_id}/graph")
        assert answer.status_code == 404 and "deleted" in answer.json()["detail"]
        with pytest.raises(FileNotFoundError):
            result.rows("SELECT count(*) FROM read_parquet($edges)")
    log = settings.data_dir / "server.log"
    assert "fault" not in (log.read_text() if log.exists() else "")


def test_a_damaged_result_or_folder_costs_one_map_and_no_start(settings):
    all_maps = Maps(settings)
    whole, damaged, blocked = (a_map(all_maps, state="done") for _ in range(3))
    folder = all_maps.get(damaged).folder
    with_result(all_maps, damaged)
    (folder / "result-1" / "facts.json").write_text('{"format"')
    captures = all_maps.get(blocked).folder / "captures"
    (captures / "0a").unlink()
    captures.rmdir()
    captures.write_text("no folder")
    all_maps = Maps(settings)
    assert {record.id for record in all_maps.all()} == {whole, damaged}
    assert all_maps.get(damaged).is_outdated and all_maps.get(damaged).revision == 1


def test_a_capture_that_was_deleted_without_a_note_is_known_to_be_gone(settings):
    all_maps = Maps(settings)
    map_id = a_map(all_maps, state="done")
    os.unlink(all_maps.get(map_id).folder / "captures" / "0a")  # and then the server was killed
    (file,) = Maps(settings).get(map_id).captures
    assert not file.kept
