"""The maps of a server: one folder each, one record in memory, one ``meta.json`` that survives a restart.

A folder holds ``meta.json`` (written by the server alone), ``captures/`` and ``inventory/`` with random file
names, ``points.yaml``, the reading and the results (see :mod:`flowmap.store`). Names that people gave are data
and never become part of a path.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import secrets
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import yaml

from flowmap.api.problems import Problem
from flowmap.api.retention import captures_to_delete, maps_to_delete
from flowmap.capture.points import Statements
from flowmap.errors import FlowMapError
from flowmap.export.atomic import atomic_file, flush
from flowmap.inventory.cells import clean_name
from flowmap.settings import Settings
from flowmap.store import opened
from flowmap.store.places import RESULT, TEMPORARY, sweep
from flowmap.store.reading import captures_read
from flowmap.store.result import current

log = logging.getLogger("flowmap.api")

BUSY = ("queued", "running", "live")
MAX_FILES = 1_000
KINDS = ("captures", "inventory")


@dataclass(slots=True)
class StoredFile:
    """A capture or inventory of a map.

    ``id`` is its name on disk, ``name`` what people call it. ``path`` is set for a capture that is read in place and
    belongs to the user; ``kept`` is False once the retention has deleted an uploaded one. ``host`` is the host that an
    inventory is about, where its rows name none. ``sha256`` is known of uploaded captures.
    """

    id: str
    name: str
    size_bytes: int
    uploaded_s: float
    modified_ns: int | None = None
    host: str | None = None
    path: str | None = None
    kept: bool = True
    sha256: str | None = None


@dataclass(slots=True)
class MapRecord:
    """One map. Fields up to ``revision_before_live`` are kept in ``meta.json``; the rest lives with the process.

    ``read_captures`` are the ids whose reading the folder holds (None: there is none), ``judged`` the inputs of the
    present result. ``worked_s`` is when the last job left its captures, ``revision_before_live`` the result that was
    there before the last live capture. ``live_facts`` is how a running live capture goes. ``version`` grows with every
    change, ``revision`` with every result; ``is_outdated`` is the present one when an earlier FlowMap made it, so that
    its graph can be shown and nothing else. ``readers`` follow its events now, ``asked_s`` (monotonic) is the last time
    that somebody asked for it.
    """

    id: str
    folder: Path
    name: str
    created_s: float
    state: str = "new"
    complete: bool | None = None
    error: str | None = None
    captures: list[StoredFile] = field(default_factory=list)
    inventory: list[StoredFile] = field(default_factory=list)
    points: dict[str, Any] = field(default_factory=lambda: {"hosts": {}, "points": []})
    read_captures: list[str] | None = None
    judged: list[Any] | None = None
    live: dict[str, Any] | None = None
    requeued: bool = False
    worked_s: float = 0.0
    revision_before_live: int = 0
    progress: dict[str, Any] | None = None
    live_facts: dict[str, Any] = field(default_factory=dict)
    revision: int = 0
    t0_ns: int | None = None
    is_outdated: bool = False
    version: int = 0
    deleted: bool = False
    readers: int = 0
    asked_s: float = 0.0

    def file_path(self, kind: str, file: StoredFile) -> Path:
        """Where a file's bytes are."""
        return Path(file.path) if file.path else self.folder / kind / file.id

    @property
    def work_folder(self) -> Path:
        """For the temporary files of a job; what a killed one leaves goes with it."""
        return self.folder / "work"

    @property
    def finished_s(self) -> float:
        """When its present result was made, or the map itself."""
        try:
            return (self.folder / RESULT.link).lstat().st_mtime
        except OSError:
            return self.created_s

    def inputs(self) -> list[Any]:
        """What a result depends on, comparable after a restart."""
        return [[file.id for file in self.captures], [file.id for file in self.inventory], self.points]

    @property
    def can_judge_again(self) -> bool:
        """The legs of exactly these captures are there, so that they need not be read."""
        ids = [file.id for file in self.captures]
        return self.read_captures == ids and captures_read(self.folder) == ids


_KEPT = tuple(name for name in (f.name for f in fields(MapRecord)) if name not in (
    "folder", "progress", "live_facts", "revision", "t0_ns", "is_outdated", "version", "deleted",
    "readers", "asked_s",
))  # fmt: skip


class Maps:
    """All maps of one data folder.

    Every change goes through :meth:`change`, which saves it and wakes those who watch; threads may call anything here.

    Raises
    ------
    FlowMapError
        When the data folder cannot be made or written to.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._folder = settings.data_dir / "maps"
        self._lock = threading.RLock()
        self._watchers: set[Callable[[MapRecord | None], None]] = set()
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for path in self._folder.glob(f"{TEMPORARY}*"):
                shutil.rmtree(path, ignore_errors=True)
            found = [record for path in self._folder.iterdir() if (record := _load(path))]
        except OSError as error:
            raise FlowMapError(
                f"The data folder {settings.data_dir} cannot be used ({error.strerror}); name another with --data-dir."
            ) from error
        self._maps = {record.id: record for record in sorted(found, key=lambda record: record.created_s)}

    # --- reading

    def all(self) -> list[MapRecord]:
        """Every map, newest first."""
        with self._lock:
            return list(reversed(self._maps.values()))

    def get(self, map_id: str) -> MapRecord:
        """The map of that id; a :class:`Problem` 404 when there is none."""
        record = self._maps.get(map_id)
        if record is None:
            raise Problem(404, "There is no such map; it may have been deleted.")
        record.asked_s = time.monotonic()
        return record

    # --- changing

    def create(self, name: str = "") -> MapRecord:
        """A new, empty map."""
        with self._lock:
            if len(self._maps) >= self._settings.max_maps:
                sentence = f"There are {len(self._maps):,} maps, which is the limit; delete one first."
                raise Problem(409, sentence, cap="max_maps")
            map_id = secrets.token_hex(8)
            record = MapRecord(map_id, self._folder / map_id, clean_name(name) or "New map", time.time())
            for kind in KINDS:
                (record.folder / kind).mkdir(mode=0o700, parents=True)
            self._maps[map_id] = record
            try:
                self.change(record)
                flush(self._folder)
            except OSError:  # the disk is full: whoever asked is told so, and finds no map later
                del self._maps[map_id]
                shutil.rmtree(record.folder, ignore_errors=True)
                raise
            return record

    def change(self, record: MapRecord, **values: Any) -> None:
        """Set fields, save them where they are kept, and tell the watchers."""
        with self._lock:
            for name, value in values.items():
                setattr(record, name, value)
            record.version += 1
            if not record.deleted and (not values or values.keys() & set(_KEPT)):
                _save(record)
        self._tell(record)

    def add_file(self, record: MapRecord, kind: str, file: StoredFile) -> None:
        """Put a file into the map; one of the same name is replaced."""
        with self._lock:
            files: list[StoredFile] = getattr(record, kind)
            self._check_idle(record)
            replaced = [old for old in files if old.name == file.name]
            if len(files) - len(replaced) >= MAX_FILES:
                raise Problem(409, f"A map holds at most {MAX_FILES:,} files of a kind.")
            self.change(record, **{kind: [old for old in files if old not in replaced] + [file]})
            for old in replaced:
                _remove_bytes(record, kind, old)

    def keep_live_capture(self, record: MapRecord, told: dict[str, Any]) -> None:
        """The packets of a live capture, which its worker has put into the folder, instead of those of the last one."""
        with self._lock:
            file = StoredFile(told["id"], told["name"], told["size_bytes"], time.time())
            replaced = [old for old in record.captures if old.name == file.name]
            captures = [old for old in record.captures if old not in replaced] + [file]
            self.change(record, captures=captures, live={**(record.live or {}), "kept_packets": told["packets"]})
            for old in replaced:
                _remove_bytes(record, "captures", old)

    def remove_file(self, record: MapRecord, kind: str, name: str) -> None:
        """Take a file out of the map."""
        with self._lock:
            self._check_idle(record)
            files: list[StoredFile] = getattr(record, kind)
            gone = [file for file in files if file.name == clean_name(name)]
            if not gone:
                raise Problem(404, "The map holds no file of that name.")
            self.change(record, **{kind: [file for file in files if file not in gone]})
            for file in gone:
                _remove_bytes(record, kind, file)

    def set_points(self, record: MapRecord, statements: Statements) -> None:
        """Replace what is stated of the capture points."""
        with self._lock:
            self._check_idle(record)
            document = points_document(statements)
            with atomic_file(record.folder / "points.yaml") as stream:
                stream.write(yaml.safe_dump(document, sort_keys=False).encode())
            self.change(record, points=document)

    def delete(self, record: MapRecord) -> None:
        """Forget a map and remove its folder; nothing may be running in it."""
        with self._lock:
            self._maps.pop(record.id, None)
            self.change(record, deleted=True)
        doomed = self._folder / f"{TEMPORARY}{record.id}.deleted"
        try:
            os.replace(record.folder, doomed)  # a killed server leaves the map or nothing that it takes for one
        except OSError:
            doomed = record.folder
        opened.close(record.folder)
        shutil.rmtree(doomed, ignore_errors=True)

    def check_idle(self, record: MapRecord) -> None:
        """Raise a :class:`Problem` 409 while the map's inputs are in use."""
        with self._lock:
            self._check_idle(record)

    @staticmethod
    def _check_idle(record: MapRecord) -> None:
        if record.deleted:
            raise Problem(404, "There is no such map any more; it was deleted.")
        if record.state in BUSY:
            raise Problem(409, "The map is being worked on; wait for the end, or stop it first.")

    def apply_retention(self, now_s: float | None = None) -> None:
        """Delete uploaded captures that are too old, and the oldest where all together are too large; maps likewise."""
        now_s = time.time() if now_s is None else now_s
        with self._lock:
            idle = [record for record in self._maps.values() if record.state not in BUSY]
            for file, record in captures_to_delete(idle, self._settings, now_s):
                try:
                    _remove_bytes(record, "captures", file)
                    file.kept = False  # told only now: whoever reads that it is gone may rely on it
                    self.change(record)
                except OSError:  # the others go all the same
                    log.exception("a capture of map %s could not be deleted after its kept time", record.id)
            for record in maps_to_delete(self._maps.values(), BUSY, self._settings, now_s):
                self.delete(record)

    # --- watching

    def watch(self, watcher: Callable[[MapRecord | None], None]) -> None:
        """Call ``watcher`` with every record that changes, in the thread that changes it, and with None to wake it."""
        self._watchers.add(watcher)

    def wake(self) -> None:
        """Call every watcher, changed or not."""
        self._tell(None)

    def _tell(self, record: MapRecord | None) -> None:
        for watcher in list(self._watchers):
            watcher(record)

    def unwatch(self, watcher: Callable[[MapRecord | None], None]) -> None:
        """The end of :meth:`watch`."""
        self._watchers.discard(watcher)


def points_document(statements: Statements) -> dict[str, Any]:
    """Statements in the form of the points file (DESIGN section 4); what was not said is left out."""
    return {
        "hosts": {
            host: {"uplinks": list(facts.uplinks), "uplinks_complete": facts.uplinks_complete}
            for host, facts in statements.hosts.items()
        },
        "points": [
            # An empty interface name is a statement: it means the one of a plain pcap.
            {
                name: value
                for name, value in asdict(row).items()
                if value is not None and (name, value) != ("covers", "")
            }
            for row in statements.points
        ],
    }


def _save(record: MapRecord) -> None:
    document = {name: getattr(record, name) for name in _KEPT}
    document |= {kind: [asdict(file) for file in getattr(record, kind)] for kind in KINDS}
    with atomic_file(record.folder / "meta.json") as stream:
        stream.write(json.dumps(document).encode())
    flush(record.folder)  # what is answered or deleted next relies on it


def _load(folder: Path) -> MapRecord | None:
    """The record of a folder; None where it holds none. Leftovers of a killed server are swept."""
    try:
        document = json.loads((folder / "meta.json").read_bytes())
        document |= {kind: [StoredFile(**row) for row in document[kind]] for kind in KINDS}
        record = MapRecord(folder=folder, **document)
    except FileNotFoundError:
        _remove_unused(folder)
        return None
    except (OSError, ValueError, TypeError, KeyError):
        return None
    try:
        _tidy(record)
    except OSError:  # this map is hidden, and the others are there
        log.exception("the folder of map %s could not be read", record.id)
        return None
    record.revision, record.t0_ns, is_current = current(folder)
    record.is_outdated = bool(record.revision) and not is_current
    return record


def _tidy(record: MapRecord) -> None:
    """Sweep what a killed server left, and see which captures it had deleted without taking a note of it."""
    for kind in KINDS:
        files: list[StoredFile] = getattr(record, kind)
        known = {file.id for file in files}
        folder = record.folder / kind
        folder.mkdir(mode=0o700, exist_ok=True)
        there = set(os.listdir(folder))
        for name in there - known:
            (folder / name).unlink(missing_ok=True)
        for file in files:
            file.kept = file.kept and (file.path is not None or file.id in there)
    sweep(record.folder)
    shutil.rmtree(record.work_folder, ignore_errors=True)


def _remove_unused(folder: Path) -> None:
    """Remove the folder of a map that was being made when the server was killed; one that holds a file stays."""
    for path in (*(folder / kind for kind in KINDS), folder):
        with contextlib.suppress(OSError):
            path.rmdir()


def _remove_bytes(record: MapRecord, kind: str, file: StoredFile) -> None:
    if not file.path:
        (record.folder / kind / file.id).unlink(missing_ok=True)
