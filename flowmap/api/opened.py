"""Maps of captures that are read where they are: those of ``--open``, and the sample that FlowMap carries."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import flowmap
from flowmap.api.maps import MapRecord, Maps, StoredFile, points_document
from flowmap.capture.points import parse_points
from flowmap.inventory import host_and_path
from flowmap.reading import labels_of

SAMPLE_NAME = "Sample: three hosts"
SAMPLE_CAPTURES = ("ports-host-a.pcapng", "ports-host-b.pcapng", "mirror-host-c.pcap")
"""Those that ``make run`` shows; the wheel carries them with ``points.yaml`` and ``inventory.yaml``."""


@dataclass(frozen=True, slots=True)
class OpenedCaptures:
    """Captures to show from the start: read in place, with inventory files and a points document (DESIGN section 4)."""

    captures: tuple[Path, ...]
    labels: tuple[str, ...]
    inventory: tuple[Path, ...] = ()
    points: dict[str, Any] = field(default_factory=lambda: {"hosts": {}, "points": []})


def open_in_place(all_maps: Maps, opened: OpenedCaptures, *, name: str = "", replace: bool = False) -> MapRecord:
    """A new map of captures that stay where they are; with ``replace`` an earlier one of the same files goes."""
    places = [str(path.resolve()) for path in opened.captures]
    for old in all_maps.all() if replace else ():
        if [file.path for file in old.captures] == places:
            all_maps.delete(old)
    record = all_maps.create(name or ", ".join(opened.labels))
    for path, label in zip(opened.captures, opened.labels, strict=True):
        status = path.stat()
        file = StoredFile(
            f"{status.st_ino:x}-{status.st_mtime_ns:x}-{status.st_size:x}", label, status.st_size, status.st_mtime,
            path=str(path.resolve()),
        )  # fmt: skip
        all_maps.change(record, captures=[*record.captures, file])
    given = [host_and_path(str(path)) for path in opened.inventory]
    labels = labels_of([path for _, path in given])
    for (host, path), label in zip(given, labels, strict=True):
        content, modified_ns = path.read_bytes(), path.stat().st_mtime_ns
        file = StoredFile(secrets.token_hex(16), label, len(content), record.created_s, modified_ns, host)
        (record.folder / "inventory" / file.id).write_bytes(content)
        all_maps.change(record, inventory=[*record.inventory, file])
    all_maps.change(record, points=opened.points)
    return record


def sample_folder() -> Path:
    """``flowmap/sample`` in an installed package, ``captures`` beside the package in a checkout."""
    package = Path(flowmap.__file__).parent
    installed = package / "sample"
    return installed if installed.is_dir() else package.parent / "captures"


def sample() -> OpenedCaptures | None:
    """The sample captures with what is known about them; None where they are not installed."""
    folder = sample_folder()
    captures = tuple(folder / name for name in SAMPLE_CAPTURES)
    points, inventory = folder / "points.yaml", folder / "inventory.yaml"
    if not all(path.is_file() for path in (*captures, points, inventory)):
        return None
    statements = parse_points(points.read_text(encoding="utf-8"), points.name)
    return OpenedCaptures(captures, SAMPLE_CAPTURES, (inventory,), points_document(statements))
