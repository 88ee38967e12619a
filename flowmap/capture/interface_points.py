"""From the interface of a record to the number of its capture point, and drop counters to the points."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowmap.capture.blocks import Sections
from flowmap.capture.outcome import NoticeCounter
from flowmap.capture.points import PointKey, Registry
from flowmap.capture.records import Interface

_REMEMBERED = 1 << 16


class InterfacePoints:
    """Numbers the capture points of one file.

    Parameters
    ----------
    file : str
        The name of the file in the map.
    registry : Registry
        Where points are kept.
    sections : Sections or None
        Of a pcapng file, growing while it is read.
    only : Interface
        Facts of the one interface of any other file.
    notices : NoticeCounter
    """

    def __init__(
        self, file: str, registry: Registry, sections: Sections | None, only: Interface, notices: NoticeCounter
    ) -> None:
        self._file, self._registry, self._sections, self._only = file, registry, sections, only
        self._notices = notices
        self._numbers: dict[tuple[int, int, str], int] = {}
        self._made: dict[int, set[int]] = {}
        self._shares_a_point = False

    def number(self, interface: int, cooked_index: int, mirror: str) -> int:
        """Index of the point in the registry; ``interface`` is counted over the file."""
        key = (interface, cooked_index, mirror)
        found = self._numbers.get(key)
        if found is None:
            if len(self._numbers) > _REMEMBERED:
                self._numbers.clear()
            found = self._numbers[key] = self._make(*key)
        return found

    def note_end(self, drops: Mapping[int, int]) -> None:
        """Keep what statistics blocks said, at the end of the file mostly, and how many interfaces share a point."""
        if self._shares_a_point and self._sections is not None:
            self._notices.add("many_interfaces", self._sections.interface_count - len(self._sections.known))
            self._shares_a_point = False
        for interface, count in drops.items():
            for index in self._made.get(interface, ()):
                self._registry.points[index].dropped_packets = count

    def _make(self, interface: int, cooked_index: int, mirror: str) -> int:
        section, number, facts = self._about(interface)
        key = PointKey(self._file, section, number, cooked_index, mirror)
        index = self._registry.point(key, **facts)
        if number == interface:
            self._made.setdefault(interface, set()).add(index)
        return index

    def _about(self, interface: int) -> tuple[int, int, dict[str, Any]]:
        sections = self._sections
        if sections is None:
            return 0, 0, _facts(self._only)
        if interface < len(sections.known):
            return sections.known_sections[interface], interface, _facts(sections.known[interface])
        # One point for all interfaces past the limit, so that a file cannot make unbounded points.
        self._shares_a_point = True
        return sections.section_past_known, len(sections.known), {}


def _facts(interface: Interface) -> dict[str, Any]:
    return {
        "interface": interface.name,
        "description": interface.description,
        "linktype": interface.linktype,
        "snaplen": interface.snaplen,
        "capture_filter": interface.capture_filter,
    }
