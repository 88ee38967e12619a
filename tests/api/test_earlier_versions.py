"""Maps that an earlier FlowMap left: read again where their captures are there, shown and explained where not."""

from __future__ import annotations

import os
import pickle
import shutil

from tests.api.servers import running
from tests.api.test_analysis import AFTER_READING, CAPTURE, INVENTORY


class _Marker:
    """Leaves a file where it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def as_an_earlier_version_left_it(folder, marker):
    """A result with its document and a database, and the legs as a pickle, here one that shows whether it is loaded."""
    result = folder / os.readlink(folder / "map.json")
    for path in [*result.parent.glob("*.parquet"), result.parent / "facts.json"]:
        path.unlink()
    (result.parent / "views.sqlite").write_bytes(b"SQLite format 3")
    shutil.rmtree((folder / os.readlink(folder / "reading.json")).parent)
    (folder / "reading.json").unlink()
    (folder / "reading-2.pickle").write_bytes(pickle.dumps(_Marker(marker)))


def test_a_map_of_an_earlier_version_is_read_again_from_its_captures(settings, tmp_path):
    with running(settings) as server:
        map_id, _ = server.analysed(CAPTURE, inventory=[("vms.csv", INVENTORY)])
    folder = settings.data_dir / "maps" / map_id
    as_an_earlier_version_left_it(folder, tmp_path / "loaded")
    with running(settings) as server:
        status = server.wait(map_id, lambda status: status["revision"] == 2 * AFTER_READING)
        status = server.wait(map_id)
        assert status["state"] == "done" and status["error"] is None
        assert server.client.get(f"/api/maps/{map_id}/pairs/vm%3Aweb/vm%3Adb").json()["sightings"]["rows"]
    assert not (tmp_path / "loaded").exists() and not (folder / "reading-2.pickle").exists()


def test_a_map_of_an_earlier_version_without_captures_shows_its_graph_and_says_what_it_is(settings, tmp_path):
    with running(settings.model_copy(update={"keep_captures_s": 0})) as server:
        map_id, _ = server.analysed(CAPTURE, inventory=[("vms.csv", INVENTORY)])
        server.wait(map_id, lambda status: not status["captures"][0]["kept"])
        document = server.client.get(f"/api/maps/{map_id}/graph").json()
    as_an_earlier_version_left_it(settings.data_dir / "maps" / map_id, tmp_path / "loaded")
    with running(settings) as server:
        status = server.status(map_id)
        assert status["state"] == "done" and status["error"].startswith("An earlier FlowMap made this map")
        assert server.client.get(f"/api/maps/{map_id}/graph").json() == document
        for path in ("pairs/vm%3Aweb/vm%3Adb", "timeline", "conversations", "graph?top=1", "placement?node=vm%3Aweb"):
            answer = server.client.get(f"/api/maps/{map_id}/{path}")
            assert answer.status_code == 409 and "analysis again" in answer.json()["detail"]
    assert not (tmp_path / "loaded").exists()
