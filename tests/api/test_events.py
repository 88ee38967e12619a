"""A map's event stream: it tells the present and what changed, small and once, and a reader that comes back goes on."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import threading

import httpx
import pytest

from flowmap.api import changes
from flowmap.api.routes.events import Known, known_from
from flowmap.settings import Settings
from tests.api.frames import named_talks, pcap, two_talks
from tests.api.servers import HEADERS, TOKEN, running, wait_for, waiting_tshark
from tests.api.test_changes import INVENTORY, apply


class Listener:
    """An event stream read in a thread: ``events`` are (id, name, data)."""

    def __init__(self, server, map_id, since=None, **headers):
        self.events, self.status = [], None
        self._url, self._headers = f"{server.url}/api/maps/{map_id}/events", {**HEADERS, **headers}
        self._query = {} if since is None else {"since": since}
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def _listen(self):
        fields = {}
        with httpx.stream("GET", self._url, params=self._query, headers=self._headers, timeout=60) as answer:
            self.status, self.media_type = answer.status_code, answer.headers["content-type"]
            for line in answer.iter_lines():
                name, _, value = line.partition(": ")
                if line:
                    fields[name] = value
                elif "event" in fields:
                    self.events.append((fields["id"], fields["event"], json.loads(fields["data"])))
                    if fields["event"] == "deleted":
                        return
                    fields = {}

    def states(self):
        return [data["state"] for _, name, data in self.events if name == "state"]

    def graphs(self):
        return [data for _, name, data in self.events if name == "graph"]

    def join(self):
        self._thread.join(30)
        assert not self._thread.is_alive()


def analysed_again(server, map_id):
    """Another result of the map, which an inventory changed; the document before and the one after."""
    before = server.client.get(f"/api/maps/{map_id}/graph").json()
    server.client.put(f"/api/maps/{map_id}/inventory/vms.csv", content=INVENTORY)
    server.client.post(f"/api/maps/{map_id}/analysis")
    server.wait(map_id)
    return before, server.client.get(f"/api/maps/{map_id}/graph").json()


def ended(server, map_id, *listeners):
    server.client.delete(f"/api/maps/{map_id}")
    for listener in listeners:
        listener.join()


def test_events_tell_state_and_new_graphs(settings, tmp_path):
    """The first graph comes while names are still searched for, the second with the names."""
    gate = tmp_path / "gate"
    tshark = waiting_tshark(tmp_path / "tshark", gate)
    with running(settings.model_copy(update={"tshark_path": str(tshark)})) as server:
        map_id = server.new_map([("a.pcap", pcap(named_talks()))])
        listener = Listener(server, map_id)
        wait_for(listener.states)
        assert listener.states() == ["new"] and listener.media_type.startswith("text/event-stream")
        server.client.post(f"/api/maps/{map_id}/analysis")
        wait_for(listener.graphs)
        assert listener.graphs() == [{"revision": 1, "changes": None}]
        assert server.status(map_id)["state"] == "running"
        first = server.client.get(f"/api/maps/{map_id}/graph").json()
        assert first["graph"]["totals"]["packets"] == len(named_talks())
        assert not any(node["names"] for node in first["nodes"])
        gate.touch()
        wait_for(lambda: listener.states()[-1] == "done" and len(listener.graphs()) > 1)
        assert "running" in listener.states()
        assert [graph["revision"] for graph in listener.graphs()] == [1, 2]
        last = server.client.get(f"/api/maps/{map_id}/graph").json()
        assert apply(first, listener.graphs()[-1]["changes"]) == last
        assert [name["name"] for node in last["nodes"] for name in node["names"]] == ["web.corp"]
        assert [data for _, name, data in listener.events if name == "state"][-1] == server.status(map_id)
        ended(server, map_id, listener)
        assert listener.events[-1][1] == "deleted"


def test_a_reader_that_comes_back_gets_what_it_missed(server):
    map_id, _ = server.analysed(("a.pcap", pcap(two_talks())))
    first = Listener(server, map_id)
    wait_for(lambda: len(first.events) == 2)
    (state_id, _, _), (graph_id, name, _) = first.events
    assert name == "graph"
    up_to_date, cut_between, stranger = (
        Listener(server, map_id, **{"Last-Event-ID": last}) for last in (graph_id, state_id, "1")
    )
    wait_for(lambda: len(stranger.events) == 2 and cut_between.events and up_to_date.status)
    assert [name for _, name, _ in cut_between.events] == ["graph"]
    server.client.patch(f"/api/maps/{map_id}", json={"name": "Renamed"})
    wait_for(lambda: up_to_date.events and up_to_date.events[-1][2]["name"] == "Renamed")
    assert len(up_to_date.events) == 1
    ended(server, map_id, first, up_to_date, cut_between, stranger)


def test_changes_come_with_the_event_since_what_the_reader_has(server):
    map_id, status = server.analysed(("a.pcap", pcap(two_talks())))
    shown = status["revision"]
    watching = Listener(server, map_id, since=shown)
    wait_for(lambda: watching.events)
    before, after = analysed_again(server, map_id)
    wait_for(watching.graphs)
    (graph,) = watching.graphs()
    assert graph["changes"]["since"] == shown and graph["changes"]["revision"] == graph["revision"]
    assert apply(before, graph["changes"]) == after and before != after
    away = Listener(server, map_id, **{"Last-Event-ID": f"00000000-1-{shown}"})  # of a server before this one
    wait_for(lambda: len(away.events) == 2)
    assert away.graphs() == [graph] and away.states() == ["done"]
    ended(server, map_id, watching, away)


@pytest.mark.parametrize("limit", ["MAX_CARRIED_BYTES", "MAX_COMPARED_BYTES"])
def test_large_changes_are_left_to_be_asked_for(server, monkeypatch, limit):
    monkeypatch.setattr(changes, limit, 100)
    map_id, status = server.analysed(("a.pcap", pcap(two_talks())))
    listener = Listener(server, map_id, since=status["revision"])
    wait_for(lambda: listener.events)
    before, after = analysed_again(server, map_id)
    wait_for(listener.graphs)
    (graph,) = listener.graphs()
    assert graph["changes"] is None
    asked = server.client.get(f"/api/maps/{map_id}/graph/changes", params={"since": status["revision"]}).json()
    assert apply(before, asked) == after and asked["revision"] == graph["revision"]
    ended(server, map_id, listener)


def test_a_revision_that_is_gone_has_no_changes(server):
    map_id, status = server.analysed(("a.pcap", pcap(two_talks())))
    analysed_again(server, map_id)
    analysed_again(server, map_id)
    folder = server.state.maps.get(map_id).folder
    shutil.rmtree(folder / "result-1", ignore_errors=True)  # as the next result does when it is old enough
    assert changes.carried_changes(folder, 1, server.status(map_id)["revision"]) is None
    listener = Listener(server, map_id, since=1)
    wait_for(listener.graphs)
    assert listener.graphs() == [{"revision": server.status(map_id)["revision"], "changes": None}]
    ended(server, map_id, listener)


@pytest.mark.parametrize(
    "last_id", ["", "7", "x-1-2", "00000000-1", "00000000-1-2-3", "0000000g-1-2", "00000000-1-" + "9" * 99]
)
def test_a_strange_last_id_is_no_id(last_id):
    assert known_from(last_id, 5) == Known(-1, 5)


def test_event_streams_are_bounded(tmp_path):
    with running(Settings(data_dir=tmp_path, max_event_streams=2)) as server:
        map_id = server.new_map()
        listeners = [Listener(server, map_id) for _ in range(2)]
        wait_for(lambda: all(listener.events for listener in listeners))
        assert server.client.get(f"/api/maps/{map_id}/events").status_code == 503
        ended(server, map_id, *listeners)
        wait_for(lambda: server.state.event_streams == 0)


def test_streams_that_are_asked_for_at_once_are_bounded_too(tmp_path):
    with running(Settings(data_dir=tmp_path, max_event_streams=2)) as server, contextlib.ExitStack() as opened:
        head = f"Host: localhost\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
        request = f"GET /api/maps/{server.new_map()}/events HTTP/1.1\r\n{head}".encode()
        asked = [opened.enter_context(socket.create_connection(("127.0.0.1", server.port), 30)) for _ in range(30)]
        for connection in asked:
            connection.sendall(request)
        answers = [connection.recv(12).decode() for connection in asked]
        assert sorted(answers) == ["HTTP/1.1 200"] * 2 + ["HTTP/1.1 503"] * 28
        opened.close()
        wait_for(lambda: server.state.event_streams == 0)
