"""What a job may use: whatever a worker does, its map tells why it ended, the queue goes on, nothing stays behind."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import time
from pathlib import Path

import pytest

from flowmap.api.limits import limit_sentence, resource_sentence
from flowmap.api.processes import JobProcesses
from flowmap.api.watch import end_stale_processes
from flowmap.kernels.folder import code_folder
from flowmap.settings import Settings
from tests.api import bad_workers
from tests.api.frames import pcap, two_talks
from tests.api.private_network import FAR, private_network
from tests.api.servers import running, served, wait_for

CONTENT = pcap(two_talks())
LIMITS = {
    "job_cpu_s": 12,
    "job_memory_bytes": 1 << 30,
    "job_stall_s": 4.0,
    "job_disk_bytes": 64 << 20,
}


def processes_with(text: bytes) -> list[int]:
    """Ids of the processes whose environment holds a text, ours left out."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if text in (folder / "environ").read_bytes() and int(folder.name) != os.getpid():
                found.append(int(folder.name))
        except OSError:
            continue
    return found


def start(server, name="web.pcap"):
    map_id = server.new_map([(name, CONTENT)])
    assert server.client.post(f"/api/maps/{map_id}/analysis").status_code == 202
    return map_id


EMPTY_MAP = {"captures", "inventory", "meta.json"}

SENTENCES = {
    "spins.pcap": "used more than 12 s of processor time, the limit of FLOWMAP_JOB_CPU_S",
    "eats.pcap": "needed more than 1,073,741,824 bytes of memory, the limit of FLOWMAP_JOB_MEMORY_BYTES",
    "eats-shared.pcap": "needed more than 1,073,741,824 bytes of memory, the limit of FLOWMAP_JOB_MEMORY_BYTES",
    "segfaults.pcap": "was ended by SIGSEGV",
    "is-stopped.pcap": "did nothing for 4 s, the limit of FLOWMAP_JOB_STALL_S",
    "hangs.pcap": "did nothing for 4 s, the limit of FLOWMAP_JOB_STALL_S",
    "fills.pcap": "wrote more than 67,108,864 bytes, the limit of FLOWMAP_JOB_DISK_BYTES",
    "writes.pcap": "wrote more than 67,108,864 bytes, the limit of FLOWMAP_JOB_DISK_BYTES",
    "leaves-a-child.pcap": "was ended by SIGKILL",
    "is-wrong.pcap": "FlowMap made a mistake in this analysis; server.log tells more",
}


def test_no_bad_job_stops_the_queue_and_each_says_why_it_ended(tmp_path, settings, monkeypatch):
    bad_workers.install(tmp_path / "faults", monkeypatch)
    with running(settings.model_copy(update={**LIMITS, "max_jobs": 2})) as server:
        first = start(server)
        bad = {name: start(server, name) for name in SENTENCES}
        last = start(server)
        for name, map_id in bad.items():
            status = server.wait(map_id)
            assert status["state"] == "failed", name
            assert SENTENCES[name] in status["error"] and status["error"].endswith("."), name
            assert "secret" not in status["error"] and str(tmp_path) not in status["error"]
            folder = settings.data_dir / "maps" / map_id
            wait_for(lambda folder=folder: {path.name for path in folder.iterdir()} == EMPTY_MAP)
        assert server.wait(first)["state"] == server.wait(last)["state"] == "done"
        assert processes_with(bytes(settings.data_dir)) == []


def test_code_that_never_comes_back_is_ended_by_cancelling(tmp_path, settings, monkeypatch):
    bad_workers.install(tmp_path / "faults", monkeypatch)
    monkeypatch.setattr("flowmap.api.jobs.TERMINATE_S", 0.5)
    with running(settings) as server:
        map_id = start(server, "never-comes-back.pcap")
        wait_for(lambda: JobProcesses(settings.data_dir / "maps" / map_id / "work").cpu_s() > 2.0)
        assert server.client.delete(f"/api/maps/{map_id}/analysis").status_code == 202
        assert server.wait(map_id)["state"] == "cancelled"
        assert processes_with(bytes(settings.data_dir)) == []


def test_time_is_limited_too(tmp_path, settings, monkeypatch):
    bad_workers.install(tmp_path / "faults", monkeypatch)
    with running(settings.model_copy(update={"job_wall_s": 2.0})) as server:
        status = server.wait(start(server, "hangs.pcap"))
        assert status["state"] == "failed"
        assert "took longer than 2 s, the limit of FLOWMAP_JOB_WALL_S" in status["error"]


@pytest.fixture
def compiling(tmp_path, monkeypatch):
    """Another process compiles the kernels until what this gives is called."""
    compiled = code_folder()
    monkeypatch.setenv("FLOWMAP_KERNEL_CACHE_DIR", str(tmp_path / "kernels"))
    folder = tmp_path / "kernels" / compiled.name
    shutil.copytree(compiled, folder, ignore=shutil.ignore_patterns("warm"))
    with (folder / "lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)

        def end():
            (folder / "warm").touch()
            fcntl.flock(lock, fcntl.LOCK_UN)

        yield end


def waits_for_kernels(server, map_id):
    """The watch over a job, once that waits."""
    wait_for(lambda: "Compiling" in ((server.status(map_id)["progress"] or {}).get("stage") or ""))
    return server.state.jobs._jobs[map_id].watch


def test_waiting_for_kernels_that_another_process_compiles_is_no_stall(settings, compiling):
    with running(settings) as server:
        map_id = start(server)
        # Only the waiting is looked at so closely: how long a busy machine takes to start and to end is not.
        watch = waits_for_kernels(server, map_id)
        watch._settings = settings.model_copy(update={"job_stall_s": 4.0})
        time.sleep(9.0)
        assert server.status(map_id)["state"] == "running"
        watch._settings = settings
        compiling()
        assert server.wait(map_id)["state"] == "done"


def test_a_live_capture_that_waited_for_kernels_has_its_whole_time_afterwards(settings, compiling, monkeypatch):
    with private_network(), running(settings.model_copy(update={"name_seconds": 0.5})) as server:
        monkeypatch.setattr("flowmap.api.watch.LIVE_GRACE_S", 3.0)
        map_id = server.new_map()
        server.client.post(f"/api/maps/{map_id}/live", json={"interface": FAR, "limits": {"seconds": 1}})
        watch = waits_for_kernels(server, map_id)
        time.sleep(9.0)
        assert server.status(map_id)["state"] == "live"
        watch._most_live_s = 60.0
        compiling()
        status = server.wait(map_id)
        assert (status["state"], status["live"]["ended_by"]) == ("done", "seconds")


STAGES = [
    "flowmap.warm:prepare_kernels",
    "flowmap.reading:read_captures",
    "flowmap.pipeline:make_map",
    "flowmap.store.result:write",
]


@pytest.mark.parametrize("stage", STAGES)
def test_a_job_can_be_cancelled_in_every_stage(tmp_path, settings, monkeypatch, stage):
    reached = bad_workers.install_at(stage, "threading.Event().wait()", tmp_path / "faults", monkeypatch)
    with running(settings) as server:
        map_id = start(server)
        wait_for(reached.exists)
        server.client.delete(f"/api/maps/{map_id}/analysis")
        status = server.wait(map_id)
        assert (status["state"], status["progress"]) == ("cancelled", None)
        assert processes_with(bytes(settings.data_dir)) == []
        assert not (settings.data_dir / "maps" / map_id / "work").exists()


def test_a_full_queue_takes_no_more_and_goes_on(tmp_path, settings, monkeypatch):
    bad_workers.install(tmp_path / "faults", monkeypatch)
    with running(settings.model_copy(update={"max_queued": 2})) as server:
        blocking = start(server, "hangs.pcap")
        waiting = [start(server), start(server)]
        refused = server.new_map([("web.pcap", CONTENT)])
        answer = server.client.post(f"/api/maps/{refused}/analysis")
        assert answer.status_code == 409 and "2 analyses wait already" in answer.json()["detail"]
        assert server.status(refused)["state"] == "new"
        server.client.delete(f"/api/maps/{blocking}/analysis")
        assert [server.wait(map_id)["state"] for map_id in waiting] == ["done", "done"]
        assert server.client.post(f"/api/maps/{refused}/analysis").status_code == 202
        assert server.wait(refused)["state"] == "done"


def test_as_many_analyses_run_as_the_setting_says(tmp_path, settings, monkeypatch):
    bad_workers.install(tmp_path / "faults", monkeypatch)
    with running(settings.model_copy(update={"max_jobs": 2})) as server:
        hanging = [start(server, "hangs.pcap") for _ in range(3)]
        states = [server.status(map_id)["state"] for map_id in hanging]
        assert states == ["running", "running", "queued"]
        server.client.delete(f"/api/maps/{hanging[0]}/analysis")
        server.wait(hanging[2], lambda status: status["state"] == "running")


def test_uploads_go_on_while_a_job_runs(tmp_path, settings, monkeypatch):
    bad_workers.install(tmp_path / "faults", monkeypatch)
    with running(settings) as server:
        start(server, "spins.pcap")
        maps = [server.new_map([("web.pcap", CONTENT)]) for _ in range(5)]
        assert [server.status(map_id)["captures"][0]["size_bytes"] for map_id in maps] == [len(CONTENT)] * 5


def test_a_stopped_worker_of_a_killed_server_is_ended_by_the_next(tmp_path, monkeypatch):
    bad_workers.install(tmp_path / "faults", monkeypatch)
    data = tmp_path / "data"
    monkeypatch.setenv("FLOWMAP_MIN_FREE_BYTES", "0")
    with served("--data-dir", data, "--port", "0") as server, server.client() as client:
        map_id = client.post("/api/maps").json()["id"]
        client.put(f"/api/maps/{map_id}/captures/is-stopped.pcap", content=CONTENT)
        client.post(f"/api/maps/{map_id}/analysis")
        work = bytes(data / "maps" / map_id / "work")
        (worker,) = wait_for(lambda: [pid for pid in processes_with(work) if state_of(pid) == "T"])
        server.process.kill()
    assert state_of(worker) == "T"  # it cannot hear of the death of its server
    assert end_stale_processes(data) == 1
    wait_for(lambda: state_of(worker) in ("", "Z"))


def state_of(pid: int) -> str:
    """The letter of proc_pid_stat(5); "" when there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def test_only_processes_of_the_folder_are_found(tmp_path):
    found = JobProcesses(tmp_path)
    ours = start_sleep(tmp_path / "work")
    beside = start_sleep(Path(f"{tmp_path}-2"))
    try:
        wait_for(lambda: found.find() == [ours])
        assert found.kill() == 1 and os.waitpid(ours, 0)[1] == signal.SIGKILL
        assert found.find() == [] and state_of(beside) in "RSD"
    finally:
        os.kill(beside, signal.SIGKILL)
        os.waitpid(beside, 0)


def start_sleep(home: Path) -> int:
    return os.posix_spawn("/bin/sleep", ["sleep", "600"], {"HOME": str(home)})


@pytest.mark.parametrize(
    ("error", "part"),
    [
        (MemoryError(), "FLOWMAP_JOB_MEMORY_BYTES"),
        (OSError(12, "Cannot allocate memory"), "FLOWMAP_JOB_MEMORY_BYTES"),
        (RuntimeError("can't start new thread"), "FLOWMAP_JOB_MEMORY_BYTES"),
        (ValueError("Out of Memory Error: failed to allocate data"), "FLOWMAP_JOB_MEMORY_BYTES"),
        (OSError(27, "File too large"), "FLOWMAP_JOB_DISK_BYTES"),
        (OSError(28, "No space left on device"), "disk with the data folder is full"),
        (ValueError("database or disk is full"), "disk with the data folder is full"),
        (OSError(30, "Read-only file system"), "could not use the data folder (Read-only file system)"),
        (OSError(11, "Resource temporarily unavailable"), "no further process or open file"),
        (ValueError("wrong"), None),
        (KeyError("x"), None),
    ],
)
def test_errors_that_mean_that_something_ran_out(error, part):
    sentence = resource_sentence(error, Settings())
    assert (sentence is None) if part is None else (part in (sentence or "") and (sentence or "").endswith("."))


def test_what_ran_out_is_found_behind_an_error_of_ours():
    behind = OSError(None, "the table of legs could not be written")
    behind.__cause__ = ValueError("Out of Memory Error: failed to allocate data")
    assert "FLOWMAP_JOB_MEMORY_BYTES" in (resource_sentence(behind, Settings()) or "")


@pytest.mark.parametrize("limit", ["memory", "cpu", "wall", "disk", "stall"])
def test_every_sentence_names_limit_and_setting(limit):
    settings = Settings(job_memory_bytes=1 << 30, job_cpu_s=77, job_wall_s=88.5, job_disk_bytes=9 << 20, job_stall_s=6)
    value = {"memory": "1,073,741,824", "cpu": "77", "wall": "88.5", "disk": "9,437,184", "stall": "6"}[limit]
    sentence = limit_sentence(limit, settings, "live capture")
    (name,) = [name for name in Settings.model_fields if f" FLOWMAP_{name.upper()}; " in sentence]
    assert value in sentence and sentence.startswith("The live capture ") and limit in name
