"""A live capture whose worker fails: what its map is then said to be."""

from __future__ import annotations

import pytest

from tests.api import bad_workers
from tests.api.frames import named_talks, pcap
from tests.api.private_network import private_network, send
from tests.api.servers import hanging_tshark, running, wait_for
from tests.api.test_live_maps import FRAMES, send_until_seen, start

ONCE_TOLD = """
if pathlib.Path(os.environ["FLOWMAP_TEST_REACHED"] + ".now").exists():
    {fault}
"""


@pytest.mark.parametrize("fault", ["raise MemoryError", "raise ValueError('a secret')", "os.kill(os.getpid(), 9)"])
def test_a_live_map_that_fails_is_in_part_what_was_captured(tmp_path, settings, monkeypatch, fault):
    """And is not said to be whole, as the analysis before it was."""
    place = "flowmap.pipeline:make_map"
    reached = bad_workers.install_at(place, ONCE_TOLD.format(fault=fault), tmp_path / "faults", monkeypatch)
    with private_network(), running(settings) as server:
        map_id, status = server.analysed(("a.pcap", pcap(FRAMES)))
        assert status["complete"] is True
        start(server, map_id)
        status = send_until_seen(server, map_id, FRAMES[:2])
        assert (status["state"], status["complete"]) == ("live", None)
        reached.with_name(reached.name + ".now").touch()
        wait_for(lambda: send(FRAMES) or server.status(map_id)["state"] != "live")
        status = server.status(map_id)
        assert (status["state"], status["complete"]) == ("partial", False)
        assert status["error"].endswith("; the map shows what was captured until then.")
        assert server.client.get(f"/api/maps/{map_id}/graph").json()["edges"]


def test_a_live_capture_that_fails_at_once_leaves_what_the_map_showed(tmp_path, settings, monkeypatch):
    fault = ONCE_TOLD.format(fault="os.kill(os.getpid(), 9)")
    reached = bad_workers.install_at("flowmap.warm:prepare_kernels", fault, tmp_path / "faults", monkeypatch)
    with private_network(), running(settings) as server:
        map_id, before = server.analysed(("a.pcap", pcap(FRAMES)))
        reached.with_name(reached.name + ".now").touch()
        start(server, map_id)
        status = server.wait(map_id)
        assert (status["state"], status["revision"]) == ("failed", before["revision"])
        assert "SIGKILL" in status["error"] and "was captured until then" not in status["error"]


def test_a_search_for_names_may_take_the_time_that_is_set(tmp_path, settings, monkeypatch):
    """The time that a live capture has for its end grows with the setting."""
    monkeypatch.setattr("flowmap.api.watch.LIVE_GRACE_S", 2.0)
    tshark = tmp_path / "tshark"
    hanging_tshark(tshark)
    slow = settings.model_copy(update={"tshark_path": str(tshark), "name_seconds": 8.0})
    with private_network(), running(slow) as server:
        frames = named_talks()
        map_id = start(server, limits={"packets": len(frames), "seconds": 1})
        wait_for(lambda: send(frames) or server.status(map_id)["state"] != "live" or server.status(map_id)["revision"])
        status = server.wait(map_id)
        assert (status["state"], status["complete"], status["error"]) == ("done", True, None)
