"""What was answered is on the disk: a cut of the power right after the answer takes nothing of it."""

from __future__ import annotations

import os
import stat

import pytest

from tests.api.frames import pcap, two_talks

CONTENT = pcap(two_talks()) * 3
INVENTORY = b"vm,mac,host\nweb,00:50:56:00:00:01,esx-01\n"


@pytest.fixture
def flushed(monkeypatch):
    """Inodes that were flushed, in order; files with the size that they had then."""
    found, fsync = [], os.fsync

    def noted(descriptor):
        fsync(descriptor)
        status = os.fstat(descriptor)
        found.append((status.st_ino, status.st_size if stat.S_ISREG(status.st_mode) else None))

    monkeypatch.setattr(os, "fsync", noted)
    return found


def of(path, size=None):
    return (path.stat().st_ino, size)


@pytest.mark.parametrize(("kind", "content"), [("captures", CONTENT), ("inventory", INVENTORY)])
def test_an_upload_that_was_answered_is_on_the_disk_with_its_name_and_what_names_it(
    server, settings, flushed, kind, content
):
    map_id = server.new_map()
    maps, folder = settings.data_dir / "maps", settings.data_dir / "maps" / map_id
    assert flushed[-2:] == [of(folder), of(maps)], "the new map itself"
    flushed.clear()
    assert server.client.put(f"/api/maps/{map_id}/{kind}/a.pcap", content=content).status_code == 201
    at_the_answer = list(flushed)
    (file,) = (folder / kind).iterdir()
    meta = folder / "meta.json"
    assert at_the_answer == [
        of(file, len(content)), of(folder / kind), of(meta, meta.stat().st_size), of(folder),
    ]  # fmt: skip


def test_what_replaces_a_file_is_on_the_disk_before_that_goes(server, settings, monkeypatch):
    map_id = server.new_map([("a.pcap", CONTENT)])
    folder = settings.data_dir / "maps" / map_id
    there, fsync = [], os.fsync

    def noted(descriptor):
        fsync(descriptor)
        there.append(len(list((folder / "captures").iterdir())))

    monkeypatch.setattr(os, "fsync", noted)
    assert server.client.put(f"/api/maps/{map_id}/captures/a.pcap", content=CONTENT[:-1]).status_code == 201
    assert there and set(there) == {2} and len(list((folder / "captures").iterdir())) == 1
