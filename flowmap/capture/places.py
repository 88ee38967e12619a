"""From the interface that tshark names for a frame to the number of its capture point."""

from __future__ import annotations

from typing import Any

from flowmap.capture.outcome import NoticeCounter
from flowmap.capture.points import PointKey, Registry
from flowmap.capture.records import Interface, Walk


class Places:
    """Numbers the capture points of one file.

    Parameters
    ----------
    file : str
        The name of the file in the map.
    registry : Registry
        Where points are kept.
    interfaces : Walk or None
        Sections and interfaces of a pcapng file.
    only : Interface
        Link type and snaplen of a file that has no interface blocks.
    """

    def __init__(
        self, file: str, registry: Registry, interfaces: Walk | None, only: Interface, notices: NoticeCounter
    ) -> None:
        self._file, self._registry, self._walk, self._only = file, registry, interfaces, only
        self._notices = notices
        self._known: dict[tuple[str, str, int, str], int] = {}
        self._shares_a_point = False
        self.all_have_clocks = interfaces is None or all(about.has_clock for about in interfaces.interfaces)

    def number(self, interface: str, section: str, cooked_index: int, mirror: str) -> int:
        """Index of the point in the registry; ``interface`` and ``section`` as tshark prints them."""
        key = (interface, section, cooked_index, mirror)
        found = self._known.get(key)
        if found is None:
            if len(self._known) > 1 << 16:
                self._known.clear()
            found = self._known[key] = self._make(*key)
        return found

    def has_clock(self, interface: str, section: str) -> bool:
        """Whether times of the interface can be meant; see :class:`~flowmap.capture.records.Interface`."""
        about = self._about(self._place(interface, section)[1])
        return about is None or about.has_clock

    def _place(self, interface: str, section: str) -> tuple[int, int]:
        """Number of the section, and of the interface counted over the file."""
        section_number = max(int(section) - 1, 0) if section else 0
        sections = self._walk.sections if self._walk is not None else []
        first = sections[section_number] if section_number < len(sections) else 0
        return section_number, first + (int(interface) if interface else 0)

    def _about(self, number: int) -> Interface | None:
        known = self._walk.interfaces if self._walk is not None else []
        return known[number] if number < len(known) else None

    def _make(self, interface: str, section: str, cooked_index: int, mirror: str) -> int:
        section_number, number = self._place(interface, section)
        facts: dict[str, Any] = {"linktype": self._only.linktype, "snaplen": self._only.snaplen}
        if self._walk is not None:
            about = self._about(number)
            if about is not None:
                facts = {
                    "interface": about.name,
                    "description": about.description,
                    "linktype": about.linktype,
                    "snaplen": about.snaplen,
                    "dropped_packets": about.dropped,
                    "capture_filter": about.capture_filter,
                }
            else:
                # One point for all interfaces past the limit, so that a file cannot make unbounded points.
                number, facts = len(self._walk.interfaces), {}
                if not self._shares_a_point:
                    self._notices.add("many_interfaces", self._walk.interface_count - number)
                    self._shares_a_point = True
        key = PointKey(self._file, section_number, number, cooked_index, mirror)
        return self._registry.point(key, **facts)
