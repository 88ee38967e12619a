"""The log: one line an event in either form, nothing of people's captures in it, bounded, from several processes."""

from __future__ import annotations

import json
import logging
import os
import re
import subprocess
import sys

import pytest

from flowmap.api.log import close_log, log_event, log_fault, log_to
from flowmap.settings import Settings
from tests.api.servers import TOKEN, running, served
from tests.api.test_analysis import CAPTURE, INVENTORY

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@pytest.fixture(autouse=True)
def loggers_as_before():
    logger = logging.getLogger("flowmap")
    handlers, level, propagate = list(logger.handlers), logger.level, logger.propagate
    yield
    close_log()
    logger.handlers[:], logger.level, logger.propagate = handlers, level, propagate


def lines(settings):
    return (settings.data_dir / "server.log").read_text().splitlines()


def test_an_event_is_a_line_of_text_or_a_json_object(tmp_path):
    facts = {"map": "0a1b", "seconds": 1.5, "state": "done", "nothing": None, "text": "two words\nand a line\x1b[2J"}
    log_to(Settings(data_dir=tmp_path))
    log_event("job_ended", **facts)
    (line,) = (tmp_path / "server.log").read_text().splitlines()
    time, rest = line.split(" ", 1)
    assert TIME.fullmatch(time)
    assert rest == r'INFO job_ended map=0a1b seconds=1.5 state=done text="two words\nand a line\u001b[2J"'
    log_to(Settings(data_dir=tmp_path, log_format="json"))
    log_event("job_ended", level=logging.WARNING, **facts)
    found = json.loads((tmp_path / "server.log").read_text().splitlines()[1])
    assert TIME.fullmatch(found.pop("time"))
    assert found == {"level": "warning", "event": "job_ended", **{k: v for k, v in facts.items() if v is not None}}


def test_a_fault_tells_type_and_places_and_not_the_message(tmp_path, monkeypatch):
    monkeypatch.delenv("FLOWMAP_DEBUG", raising=False)
    log_to(Settings(data_dir=tmp_path, log_format="json"))

    def fail():
        raise ValueError("secret-host-17 in a packet")

    faults = []
    for debug in ("", "1"):
        monkeypatch.setenv("FLOWMAP_DEBUG", debug)
        try:
            fail()
        except ValueError as error:
            faults.append(log_fault(error))
    told, with_all = map(json.loads, (tmp_path / "server.log").read_text().splitlines())
    assert (told["event"], told["level"], told["fault"], told["error"]) == ("fault", "error", faults[0], "ValueError")
    assert told["places"][-1].endswith(" fail") and "test_log.py" in told["places"][-1]
    assert "secret-host-17" not in json.dumps(told) and "secret-host-17" in with_all["traceback"]


def test_library_messages_are_lines_too(tmp_path):
    log_to(Settings(data_dir=tmp_path, log_format="json"))
    try:
        raise KeyError("secret")
    except KeyError:
        logging.getLogger("flowmap.api").exception("job of map %s\nfailed", "0a")
    found = json.loads((tmp_path / "server.log").read_text())
    assert (found["event"], found["text"], found["error"]) == ("message", "job of map 0a failed", "KeyError")


def test_the_log_is_bounded_and_for_its_owner_alone(tmp_path):
    log_to(Settings(data_dir=tmp_path, log_bytes=4096, log_files=2))
    for number in range(1000):
        log_event("filling", number=number)
    files = sorted(tmp_path.iterdir())
    assert [path.name for path in files] == ["server.log", "server.log.1", "server.log.2"]
    assert all(path.stat().st_size <= 4096 and path.stat().st_mode & 0o077 == 0 for path in files)
    assert "number=999" in files[0].read_text().splitlines()[-1]


WRITER = """
import sys
from pathlib import Path
from flowmap.api.log import log_event, log_to
from flowmap.settings import Settings

log_to(Settings(data_dir=Path(sys.argv[1]), log_bytes=1 << 14, log_files=50))
sys.stdin.read()
for number in range(500):
    log_event("filling", writer=sys.argv[2], number=number)
"""


def test_several_processes_share_the_file_and_no_line_is_lost_or_cut(tmp_path):
    command = [sys.executable, "-c", WRITER, str(tmp_path)]
    writers = [subprocess.Popen([*command, name], stdin=subprocess.PIPE) for name in "abc"]
    for writer in writers:
        writer.stdin.close()
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    files = list(tmp_path.iterdir())
    found = [line for path in files for line in path.read_text().splitlines()]
    told = {tuple(re.search(r"INFO filling writer=(\w) number=(\d+)$", line).groups()) for line in found}
    assert told == {(name, str(number)) for name in "abc" for number in range(500)} and len(found) == 1500
    assert len(files) > 4


def test_what_a_server_logs_holds_no_name_of_people_and_no_token(tmp_path, monkeypatch):
    monkeypatch.delenv("FLOWMAP_DEBUG", raising=False)
    settings = Settings(data_dir=tmp_path / "data", min_free_bytes=0, log_format="json")
    with running(settings) as server:
        map_id, _ = server.analysed(("secret-name.pcap", CAPTURE[1]), inventory=[("secret-vms.csv", INVENTORY)])
        server.client.patch(f"/api/maps/{map_id}", json={"name": "secret-map"})
        server.stranger.get("/?token=secret-guess")
        server.stranger.get("/api/maps", headers={"Authorization": "Bearer secret-guess"})
        server.analysed(("secret-broken.pcap", b"secret-broken"))
    text = "\n".join(lines(settings))
    events = [json.loads(line) for line in lines(settings)]
    for word in ("secret", TOKEN, "esx-01", "10.0.0.1", "00:50:56", str(tmp_path)):
        assert word not in text
    ended = [(event["state"], event.get("frames")) for event in events if event["event"] == "job_ended"]
    assert ended == [("done", 6), ("failed", 0)]
    assert {"server_started", "job_started", "upload", "requests_refused", "server_ended"} <= {
        event["event"] for event in events
    }


def test_refusals_are_told_once_a_minute_however_many_come(settings):
    with running(settings) as server:
        for _ in range(50):
            server.stranger.get("/api/maps")
    assert sum("requests_refused" in line for line in lines(settings)) == 1


def test_events_go_to_standard_error_where_that_is_wanted(tmp_path, monkeypatch):
    monkeypatch.setenv("FLOWMAP_LOG_TO", "stderr")
    monkeypatch.setenv("FLOWMAP_LOG_FORMAT", "json")
    with served("--port", 0, "--data-dir", tmp_path) as server:
        told = [json.loads(line) for line in server.lines if line.startswith("{")]
    assert [event["event"] for event in told] == ["server_started"]
    assert not (tmp_path / "server.log").exists() or not (tmp_path / "server.log").read_text()


def test_the_journal_gets_priorities(tmp_path):
    program = (
        "import os; os.environ['JOURNAL_STREAM'] = '{0.st_dev}:{0.st_ino}'.format(os.fstat(2));"
        "import logging; from pathlib import Path;"
        "from flowmap.settings import Settings; from flowmap.api.log import log_event, log_to;"
        f"log_to(Settings(data_dir=Path({str(tmp_path)!r}), log_to='stderr'), whole_server=True);"
        "log_event('one'); log_event('two', level=logging.ERROR)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, env=dict(os.environ), check=True
    )
    first, second = done.stderr.splitlines()
    assert first.startswith("<6>") and first.endswith("INFO one") and second.startswith("<3>")
    assert (tmp_path / "server.log").read_text().rstrip().endswith("ERROR two")
