"""What has changed between two results: applied to the old document it gives the new one, exactly."""

from __future__ import annotations

import copy
import json
import shutil
import threading

from hypothesis import given
from hypothesis import strategies as st

from flowmap.api import changes as changes_module
from flowmap.api.changes import carried_changes, changes_between
from tests.api.frames import CLIENT, DATABASE, pcap, talk, two_talks

INVENTORY = b"vm,mac,ip,host\nweb,00:50:56:00:00:01,10.0.0.1,esx-01\n<i>db,00:50:56:00:00:02,10.0.0.2,esx-01\n"

ids = st.sampled_from(["vm:a", "vm:b", "ip:/10.0.0.1", "a,b", "[", "\ud800", "\u202e", ""])
values = st.recursive(
    st.none() | st.integers(0, 3) | st.sampled_from(["x", "y"]), lambda some: st.lists(some, max_size=2)
)
documents = st.fixed_dictionaries(
    {
        "graph": st.fixed_dictionaries({"name": values}),
        "nodes": st.lists(
            st.fixed_dictionaries({"id": ids, "packets": values}), unique_by=lambda node: node["id"], max_size=6
        ),
        "edges": st.lists(
            st.fixed_dictionaries({"source": ids, "target": ids, "evidence": values}),
            unique_by=lambda edge: (edge["source"], edge["target"]), max_size=8,
        ),
    }
)  # fmt: skip


def applied(old_rows, changed, removed, order, key_of):
    """The rule of :func:`flowmap.api.changes.changes_between`, written down again."""
    new = {key_of(row): row for row in changed}
    rows = [new.pop(key_of(row), row) for row in old_rows if key_of(row) not in removed]
    rows += new.values()
    return rows if order is None else [rows[place] for place in order]


def apply(document, changes):
    return document | {
        "graph": changes["graph"],
        "nodes": applied(
            document["nodes"], changes["nodes"], changes["removed_nodes"], changes["node_order"], lambda row: row["id"]
        ),
        "edges": applied(
            document["edges"], changes["edges"], [tuple(ends) for ends in changes["removed_edges"]],
            changes["edge_order"], lambda row: (row["source"], row["target"]),
        ),
    }  # fmt: skip


@given(documents, documents)
def test_applied_to_the_old_document_the_changes_give_the_new_one(old, new):
    before = copy.deepcopy((old, new))
    changes = changes_between(old, new)
    assert apply(old, changes) == new and (old, new) == before
    unchanged = [node for node in old["nodes"] if node in new["nodes"]]
    assert not [node for node in changes["nodes"] if node in unchanged]


@given(documents)
def test_nothing_changed_is_next_to_nothing(document):
    changes = changes_between(document, copy.deepcopy(document))
    assert {name for name, value in changes.items() if value} <= {"graph"}


def ask(server, map_id, since):
    return server.client.get(f"/api/maps/{map_id}/graph/changes", params={"since": since})


def whole(server, map_id):
    answer = server.client.get(f"/api/maps/{map_id}/graph")
    return answer.json(), int(answer.headers["FlowMap-Revision"])


def test_a_page_follows_a_map_by_its_changes(server):
    map_id = server.new_map()
    assert ask(server, map_id, 1).status_code == 409
    server.client.put(f"/api/maps/{map_id}/captures/a.pcap", content=pcap(two_talks()))
    server.client.post(f"/api/maps/{map_id}/analysis")
    server.wait(map_id)
    old, since = whole(server, map_id)
    same = ask(server, map_id, since).json()
    assert (same["revision"], same["since"]) == (since, since) and same["nodes"] == same["edges"] == []

    server.client.put(f"/api/maps/{map_id}/inventory/vms.csv", content=INVENTORY)
    server.client.post(f"/api/maps/{map_id}/analysis")
    server.wait(map_id)
    changes = ask(server, map_id, since).json()
    new, revision = whole(server, map_id)
    assert changes["revision"] == revision > since == changes["since"]
    assert apply(old, changes) == new and "vm:<i>db" in {node["id"] for node in changes["nodes"]}
    assert json.loads(json.dumps(new)) == new


def test_the_result_before_the_newest_is_kept_and_an_older_one_is_gone(server):
    map_id, _ = server.analysed(("a.pcap", pcap(talk(CLIENT, DATABASE, 80, [10]))))
    _, first = whole(server, map_id)
    folder = server.state.maps.get(map_id).folder
    assert (folder / f"result-{first}").exists()
    shutil.rmtree(folder / f"result-{first - 1}", ignore_errors=True)
    gone = ask(server, map_id, first - 1 or 10**6)
    assert gone.status_code == 410 and "load the whole" in gone.json()["detail"]
    assert ask(server, map_id, first + 1).status_code == 410
    assert ask(server, map_id, 0).status_code == 422


def test_all_who_are_told_at_once_share_one_comparison(server, monkeypatch):
    """Every follower of a map asks in the same moment, before the first has its answer."""
    map_id, status = server.analysed(("a.pcap", pcap(two_talks())))
    server.client.put(f"/api/maps/{map_id}/inventory/vms.csv", content=INVENTORY)
    server.client.post(f"/api/maps/{map_id}/analysis")
    revision = server.wait(map_id)["revision"]
    folder, since = server.state.maps.get(map_id).folder, status["revision"]
    made, answers, others_came = [], [], threading.Event()

    def compared(old, new):
        made.append(1)
        others_came.wait(0.5)  # the others have time to come in, where they are let in
        return changes_between(old, new)

    monkeypatch.setattr(changes_module, "changes_between", compared)
    asking = [
        threading.Thread(target=lambda: answers.append(carried_changes(folder, since, revision))) for _ in range(8)
    ]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join(30)
    assert len(made) == 1 and len(answers) == 8 and len(set(answers)) == 1 and answers[0]
