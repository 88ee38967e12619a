"""Reading captures: every packet folded into legs, and the names that a few of them hold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from flowmap.capture import Capture, CaptureInfo, Outcome, open_capture
from flowmap.capture.names import Found, LinkNeighbor, NameRecord
from flowmap.capture.outcome import NoticeCounter
from flowmap.capture.points import Registry
from flowmap.fold import LegFold
from flowmap.legs import LegSet
from flowmap.settings import Settings

if TYPE_CHECKING:
    from flowmap.capture.name_search import NameSearch

Progress = Callable[[str, int, float | None], None]
"""Called with what is being done, packets so far and the share of the captures read (None when unknown)."""


@dataclass(slots=True)
class Reading:
    """What reading some captures gave: all that judging needs, and nothing of the packets themselves."""

    registry: Registry
    legs: LegSet
    names: list[NameRecord] = field(default_factory=list)
    applications: dict[tuple[int, str, int], str] = field(default_factory=dict)
    captures: list[tuple[CaptureInfo, Outcome]] = field(default_factory=list)
    neighbors: list[LinkNeighbor] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """False when any capture ended before its end."""
        return all(outcome.complete for _, outcome in self.captures)

    @property
    def damage(self) -> list[str]:
        """The sentence of each capture that did not end as it should."""
        return [outcome.damage for _, outcome in self.captures if outcome.damage]


NAME_PASSES = 2
"""Searches for names that run side by side."""


def labels_of(paths: Sequence[Path]) -> list[str]:
    """A short name for each file: its own, with so many folders before it that all differ."""
    for depth in range(1, max((len(path.parts) for path in paths), default=1) + 1):
        labels = ["/".join(path.parts[-depth:]) for path in paths]
        if len(set(labels)) == len(set(paths)):
            return labels
    return [str(path) for path in paths]


def read_captures(
    paths: Sequence[Path],
    settings: Settings,
    *,
    labels: Sequence[str] | None = None,
    hash_files: bool = False,
    reader: str = "auto",
    names: bool = True,
    progress: Progress | None = None,
    counted: Callable[[Reading], None] | None = None,
) -> Reading:
    """Read captures one after another into legs, and the names in them.

    Parameters
    ----------
    paths : sequence of Path
    settings : Settings
    labels : sequence of str, optional
        The names of the files in the map.
    hash_files : bool
        Note the SHA-256 of each file.
    reader : str
        ``auto``, ``header`` or ``pyshark``, see :func:`flowmap.capture.open_capture`.
    names : bool
        Look for names and applications too. They change no count.
    progress : callable, optional
    counted : callable, optional
        Called with the reading once every packet is counted, before the names are complete: a first map.

    Raises
    ------
    CaptureError
        When a capture cannot be read at all; damage after its first packet is in :attr:`Reading.captures` instead.
    """
    if not names:
        settings = settings.model_copy(update={"name_frames": 0})
    registry, fold, search = Registry(settings.max_points), LegFold(settings), None
    if names and reader != "pyshark":
        from flowmap.capture.name_search import NameSearch  # brings Numba, which takes a moment to import

        search = NameSearch(settings, len(paths))
    captures = [
        open_capture(path, registry, settings, file=label, hash_file=hash_files, reader=reader, search=search)
        for path, label in zip(paths, labels or labels_of(paths), strict=True)
    ]
    for capture in captures:
        _fold_capture(capture, fold, progress)
    done = [(one.info, one.outcome) for one in captures if one.outcome]
    reading = Reading(registry, fold.finish(), captures=done)
    del fold  # its tables may be larger than all that follows
    if names:
        if progress:
            progress("names", reading.legs.packets, None)
        _find_names(reading, captures, search, counted or (lambda reading: None))
    return reading


def _find_names(
    reading: Reading, captures: Sequence[Capture], search: NameSearch | None, counted: Callable[[Reading], None]
) -> None:
    """Take the names from the frames kept for them, and from captures that tshark has to read as a whole."""

    def shared(notices: NoticeCounter) -> list[Found]:
        return list(search.records(notices)) if search else []

    notices = NoticeCounter()
    with ThreadPoolExecutor(1 + NAME_PASSES, thread_name_prefix="flowmap-names") as pool:
        found = [pool.submit(shared, notices), *(pool.submit(lambda one: list(one.names()), one) for one in captures)]
        counted(reading)
        for records in found:
            for record in records.result():
                add_name(reading, record)
    about_all = notices.notices()
    for capture in captures:
        if capture.outcome:
            capture.outcome.notices += [*capture.names_notices, *about_all]
            about_all = []


def _fold_capture(capture: Capture, fold: LegFold, progress: Progress | None) -> None:
    report = (lambda packets, share: progress(capture.info.file, packets, share)) if progress else None
    for batch in capture.batches(progress=report):
        fold.add(batch)


def add_name(reading: Reading, record: Found) -> None:
    """Keep what a dissector found."""
    if isinstance(record, NameRecord):
        reading.names.append(record)
    elif isinstance(record, LinkNeighbor):
        reading.neighbors.append(record)
    else:
        reading.applications.setdefault((record.protocol, record.ip, record.port), record.application)
