"""The corpus of bad files as jobs: each ends in the state that the reference demands, tells why, and leaves no trace.

In the suite the work of a job is done here, without its process, for every file; some go through upload, queue and
process. ``-m soak`` sends all that way.
"""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest

from flowmap.api import worker
from flowmap.api.job import Job
from flowmap.api.maps import Maps, StoredFile
from flowmap.settings import Settings
from flowmap.store.result import current, shared_document
from tests.api.servers import running, wait_for
from tests.capture.corpus import OK, PARTIAL, REJECTED, Case
from tests.capture.test_bombs import LZ4, gzipped, records, zstandarded
from tests.capture.test_corpus import CASES

STATES = {OK: "done", PARTIAL: "partial", REJECTED: "failed"}
BOMBS = [
    Case("gzip bomb", gzipped(records(96)), REJECTED, says="FLOWMAP_MAX_DECOMPRESSION_RATIO"),
    Case("zstd bomb", zstandarded(records(96)), REJECTED, says="FLOWMAP_MAX_DECOMPRESSION_RATIO"),
    Case("lz4", LZ4, REJECTED, says="compressed with lz4"),
    Case("bomb in gzip", gzipped(iter([gzipped(records(96))])), REJECTED, says="compressed twice"),
]
SENT = ["empty", "cut in a packet", "picture", "500 IP in IP", "formula in DNS", "unknown link type"]


def check(case: Case, status: dict, folder: Path, graph) -> None:
    """State, sentence, packets, and that nothing but the map is left in its folder."""
    assert status["state"] == STATES[case.state]
    sentence = status["error"] or ""
    if case.state == OK:
        assert sentence == "" and status["complete"] is True
    elif case.state == PARTIAL:
        assert sentence.startswith(f"given.pcap: {case.packets} packets were read") and status["complete"] is False
    else:
        assert sentence.startswith("given.pcap ") and case.says in sentence
    assert "Traceback" not in sentence and "\n" not in sentence and str(folder.parent.parent) not in sentence
    wait_for(lambda: not list(folder.rglob("*.part")))  # the state is told while it is being saved
    assert not (folder / "work").exists()
    if case.state == REJECTED:
        assert sorted(path.name for path in folder.iterdir()) == ["captures", "inventory", "meta.json"]
    else:
        assert graph["graph"]["totals"]["packets"] == case.packets
        assert graph["graph"]["complete"] is (case.state == OK)


@pytest.mark.parametrize("case", [*CASES, *BOMBS], ids=lambda case: case.name)
def test_the_work_of_a_job(tmp_path, case: Case):
    settings = Settings(data_dir=tmp_path, min_free_bytes=0, name_frames=0)  # tshark has its turn below
    record = Maps(settings).create()
    file = StoredFile("0" * 32, "given.pcap", len(case.data), 0.0)
    record.file_path("captures", file).write_bytes(case.data)
    record.captures.append(file)
    told: list[dict] = []
    command = json.loads(Job(record, None).command(settings))
    unset = threading.Event()
    worker.run(command, lambda event, **values: told.append({"event": event, **values}), unset, unset)
    last = told[-1]
    assert last["event"] == ("failed" if case.state == REJECTED else "done")
    state = "failed" if case.state == REJECTED else "done" if last["complete"] else "partial"
    revision = current(record.folder).revision
    graph = shared_document(record.folder, revision) if revision else None
    check(case, {"state": state, "error": last["error"], "complete": last.get("complete")}, record.folder, graph)


def send(server, settings, case: Case) -> dict:
    """One file through upload, queue and process; gives the document, or the problem that says there is none."""
    map_id, status = server.analysed(("given.pcap", case.data))
    folder = settings.data_dir / "maps" / map_id
    answer = server.client.get(f"/api/maps/{map_id}/graph")
    assert answer.status_code == (409 if case.state == REJECTED else 200)
    check(case, status, folder, answer.json())
    assert server.client.get("/healthz").status_code == 200
    assert server.client.delete(f"/api/maps/{map_id}").status_code == 204
    assert list((settings.data_dir / "maps").iterdir()) == []
    return answer.json()


def test_some_files_through_the_whole_server(server, settings):
    for case in [*(case for case in CASES if case.name in SENT), BOMBS[1]]:
        send(server, settings, case)
    assert " fault " not in (settings.data_dir / "server.log").read_text(), "nothing of it is a fault of ours"


@pytest.mark.soak
def test_every_file_through_the_whole_server_five_times(settings):
    with running(settings) as server:
        for case in [*CASES, *BOMBS]:
            first, *others = (send(server, settings, case) for _ in range(5))
            for name in ("nodes", "edges", "graph"):
                assert all(other.get(name) == first.get(name) for other in others), case.name
    assert " fault " not in (settings.data_dir / "server.log").read_text()


def test_what_is_no_file_in_the_data_folder_is_swept_or_refused(settings, tmp_path):
    """A named pipe would block for ever, and a link lead somewhere else."""
    target = tmp_path / "target"
    target.write_bytes(b"not ours")
    with running(settings) as server:
        map_id = server.new_map([("given.pcap", CASES[0].data)])
        folder = settings.data_dir / "maps" / map_id / "captures"
        (known,) = folder.iterdir()
        os.mkfifo(folder / "pipe")
        (folder / "link").symlink_to(target)
        known.unlink()
        os.mkfifo(known)
        server.client.post(f"/api/maps/{map_id}/analysis")
        status = server.wait(map_id)
        assert status["state"] == "failed" and "given.pcap is not a regular file" in status["error"]
    with running(settings):
        assert [path.name for path in folder.iterdir()] == [known.name]
        assert target.read_bytes() == b"not ours"
