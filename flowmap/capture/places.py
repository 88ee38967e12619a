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

    def number(self, interface: str, section: str, cooked_index: int, mirror: str) -> int:
        """Index of the point in the registry; ``interface`` and ``section`` as tshark prints them."""
        key = (interface, section, cooked_index, mirror)
        found = self._known.get(key)
        if found is None:
            if len(self._known) > 1 << 16:
                self._known.clear()
            found = self._known[key] = self._make(*key)
        return found

    def _make(self, interface: str, section: str, cooked_index: int, mirror: str) -> int:
        section_number = max(int(section) - 1, 0) if section else 0
        local = int(interface) if interface else 0
        facts: dict[str, Any] = {"linktype": self._only.linktype, "snaplen": self._only.snaplen}
        if self._walk is not None:
            sections = self._walk.sections
            number = local + (sections[section_number] if section_number < len(sections) else 0)
            if number < len(self._walk.interfaces):
                about = self._walk.interfaces[number]
                facts = {
                    "interface": about.name,
                    "description": about.description,
                    "linktype": about.linktype,
                    "snaplen": about.snaplen,
                    "dropped_packets": about.dropped,
                }
            else:
                # One point for all interfaces past the limit, so that a file cannot make unbounded points.
                number, facts = len(self._walk.interfaces), {}
                self._notices.add("many_interfaces")
        else:
            number = local
        key = PointKey(self._file, section_number, number, cooked_index, mirror)
        return self._registry.point(key, **facts)
