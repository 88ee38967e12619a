"""/healthz says what is wrong in a sentence without data, and the health check of a container repeats it."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time

import pytest

from flowmap.api import health
from flowmap.api.health import Health, LoopLag
from flowmap.settings import Settings
from tests.api.servers import running


@pytest.fixture(autouse=True)
def looked_up_every_time(monkeypatch):
    monkeypatch.setattr(health, "KEPT_S", 0.0)


def check(*arguments, **environment):
    done = subprocess.run(
        [sys.executable, "-m", "flowmap.healthcheck", *arguments], env={**os.environ, **environment},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert not done.stderr
    return done.returncode, done.stdout.strip()


def test_a_server_that_is_well_says_no_more_than_that(server):
    answer = server.stranger.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert check(server.url) == (0, "The server is well.")


def test_a_data_folder_that_is_gone_is_told_until_it_is_back(server, settings):
    hidden = settings.data_dir.with_name("elsewhere")
    settings.data_dir.rename(hidden)
    answer = server.stranger.get("/healthz")
    assert answer.status_code == 503 and "data folder cannot be written" in answer.json()["detail"]
    assert str(settings.data_dir) not in answer.text
    code, sentence = check(server.url)
    assert code == 1 and sentence == answer.json()["detail"]
    hidden.rename(settings.data_dir)
    assert server.stranger.get("/healthz").status_code == 200
    assert not [path for path in settings.data_dir.iterdir() if path.name.startswith("tmp")]


def test_a_disk_that_is_nearly_full_is_told(tmp_path):
    with running(Settings(data_dir=tmp_path / "data", min_free_bytes=1 << 60)) as server:
        answer = server.stranger.get("/healthz")
        assert answer.status_code == 503 and "nearly full" in answer.json()["detail"]
        assert not any(character.isdigit() for character in answer.json()["detail"])


@pytest.mark.parametrize("program", ["/no/such/python", "/bin/false"])
def test_a_job_that_could_not_start_is_told(settings, monkeypatch, program):
    settings.data_dir.mkdir()
    monkeypatch.setattr(sys, "executable", program)
    (sentence,) = Health(settings).problems()
    assert "No process for a job can be started" in sentence


def test_an_event_loop_that_is_held_up_is_seen_while_it_is_and_afterwards():
    held_s = 0.8

    async def hold_up():
        lag = LoopLag()
        measuring = asyncio.create_task(lag.measure())
        await asyncio.sleep(0.05)
        time.sleep(held_s + health.BEAT_S)
        lasting = lag.worst_s(60.0)
        await asyncio.sleep(0.05)
        measuring.cancel()
        return lasting, lag.worst_s(60.0)

    lasting_s, afterwards_s = asyncio.run(hold_up())
    assert lasting_s >= held_s and afterwards_s >= held_s


def test_a_late_loop_makes_the_server_unwell(settings, monkeypatch):
    settings.data_dir.mkdir()
    found = Health(settings)
    assert found.problems() == []
    monkeypatch.setattr(health, "LAG_LIMIT_S", 0.0)
    assert found.problems() == ["The server answers late; give it more processor time, or run fewer jobs at once."]


def test_what_was_looked_up_is_kept_for_a_moment(settings, monkeypatch):
    monkeypatch.setattr(health, "KEPT_S", 600.0)
    settings.data_dir.mkdir()
    found = Health(settings)
    assert found.problems() == []
    settings.data_dir.rmdir()
    assert found.problems() == []


def test_nobody_who_answers_is_told_too(server):
    assert check("http://127.0.0.1:9")[0] == 1
    assert "No server answers at http://127.0.0.1:9" in check("http://127.0.0.1:9")[1]
    code, sentence = check("nonsense")
    assert code == 1 and sentence.startswith("No server answers at nonsense")


def test_allowed_hosts_without_the_address_itself_do_not_keep_the_check_out(tmp_path):
    settings = Settings(data_dir=tmp_path / "data", min_free_bytes=0, allowed_hosts=("flowmap.example",))
    with running(settings) as server:
        assert check(server.url)[0] == 1
        assert check(server.url, FLOWMAP_ALLOWED_HOSTS='["flowmap.example"]')[0] == 0
