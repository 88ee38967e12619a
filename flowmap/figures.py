"""The figures of DESIGN section 4, for the whole map, for each host and for each service, with the grades behind them.

Bytes counted once; multicast, broadcast and other group traffic is apart. A conversation between two hosts counts for
both of them, so hosts do not add up to the map. Conversations are summed by what the figures tell apart first, because
there are many of them and few such kinds.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from flowmap.identity.endpoints import Endpoint
from flowmap.identity.kinds import is_global
from flowmap.locality import Part, Verdict
from flowmap.locality.verdict import LEFT, STAYED, UNDETERMINED

FIGURES = ("internet", "east_west", "switched", "routed", "path_unknown", "vm_vm", "within_host", "stayed", "left",
           "undetermined", "hairpin")  # fmt: skip
"""Every figure, in the order of the document."""

FIGURE_GRADES = ("proven", "strong", "likely", "weak", "ungraded")
"""What a figure's bytes rest on; ``ungraded`` are the undetermined ones."""

HOSTS_KEPT = 1_000
SERVICES_KEPT = 256

Service: TypeAlias = tuple[str, int | None, str | None]
"""Protocol, responder's port, application."""

_OPEN = Part(UNDETERMINED, "ungraded", False, 0)


class _Kind(NamedTuple):
    """What the figures ask of a conversation, apart from its verdict."""

    is_internet: bool
    is_vm_vm: bool
    path: str
    hosts: frozenset[str]


class Judged(NamedTuple):
    """One conversation as the figures need it."""

    low: Endpoint
    high: Endpoint
    verdict: Verdict
    wire_bytes: int
    service: Service


_Parts: TypeAlias = "Counter[tuple[str, str, bool]]"
"""Bytes by plain word, grade and whether they were a hairpin."""


class Figures:
    """The conversations of a map, summed by kind and by service."""

    def __init__(self, judged: Iterable[Judged]) -> None:
        self._kinds: dict[_Kind, _Parts] = {}
        self._services: dict[Service, _Parts] = {}
        is_internet: dict[str, bool] = {}
        for low, high, verdict, wire_bytes, service in judged:
            if "group" in (low.kind, high.kind):
                continue
            for endpoint in (low, high):
                if endpoint.id not in is_internet:
                    is_internet[endpoint.id] = _is_internet(endpoint)
            kind = _Kind(
                is_internet[low.id] or is_internet[high.id], low.kind == high.kind == "vm", verdict.path,
                frozenset(host for host in (low.host, high.host) if host is not None),
            )  # fmt: skip
            of_kind = self._kinds.setdefault(kind, Counter())
            of_service = self._services.setdefault(service, Counter())
            open_bytes = wire_bytes
            for word, grade, is_hairpin, size in verdict.parts:
                of_kind[word, grade, is_hairpin] += size
                of_service[word, grade, is_hairpin] += size
                open_bytes -= size
            if open_bytes:
                of_kind[_OPEN[:3]] += open_bytes
                of_service[_OPEN[:3]] += open_bytes

    def shares(self) -> dict[str, int]:
        """The document's ``shares``: bytes of each figure."""
        return _bytes_of(_graded(self._kinds.items()))

    def grades(self) -> dict[str, dict[str, int]]:
        """The document's ``grades``: bytes of each figure by grade."""
        return _grades_of(_graded(self._kinds.items()))

    def hosts(self, known: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
        """The document's ``hosts``, most bytes first: each host with what is stated of it and its figures.

        Parameters
        ----------
        known
            Hosts that must be listed even where no traffic of theirs was seen, with further attributes of the row.
        """
        of_host: dict[str, list[tuple[_Kind, _Parts]]] = {host: [] for host in known}
        for kind, parts in self._kinds.items():
            for host in kind.hosts:
                of_host.setdefault(host, []).append((kind, parts))
        sizes = {host: sum(parts.total() for _, parts in rows) for host, rows in of_host.items()}
        rows = []
        for host in sorted(of_host, key=lambda host: (-sizes[host], host))[:HOSTS_KEPT]:
            graded = _graded(of_host[host])
            facts = {"uplinks": [], "uplinks_complete": False, "cluster": None, **known.get(host, {})}
            rows.append({"host": host, **facts, "wire_bytes": sizes[host], **_bytes_of(graded),
                         "by_grade": _grades_of(graded)})  # fmt: skip
        return rows

    def services(self) -> list[dict[str, Any]]:
        """The document's ``services``: those with most bytes that stayed first; the rest is one exact row."""
        stayed = {service: _size(parts, STAYED) for service, parts in self._services.items()}
        ranked = sorted(stayed, key=lambda one: (-stayed[one], -self._services[one].total(), str(one)))
        rows = [_service_row(service, self._services[service]) for service in ranked[:SERVICES_KEPT]]
        rest: _Parts = Counter()
        for service in ranked[SERVICES_KEPT:]:
            rest.update(self._services[service])
        return [*rows, _service_row(("others", None, None), rest)] if rest else rows


def _is_internet(endpoint: Endpoint) -> bool:
    """One end global and not in the inventory."""
    return not endpoint.records and any(is_global(ip) for ip in endpoint.ips)


def _graded(kinds: Iterable[tuple[_Kind, _Parts]]) -> dict[str, Counter[str]]:
    """Bytes by figure and grade."""
    result: dict[str, Counter[str]] = defaultdict(Counter)
    for kind, parts in kinds:
        for (word, grade, is_hairpin), size in parts.items():
            for figure in _figures(kind, word, is_hairpin):
                result[figure][grade] += size
    return result


def _figures(kind: _Kind, word: str, is_hairpin: bool) -> Sequence[str]:
    """The figures that a byte of a kind counts in."""
    found = [word]
    if is_hairpin:
        found.append("hairpin")
    if kind.is_internet:
        return [*found, "internet"]
    found += ["east_west", kind.path if kind.path in ("switched", "routed") else "path_unknown"]
    if kind.is_vm_vm:
        found += ["vm_vm", "within_host"] if word == STAYED else ["vm_vm"]
    return found


def _bytes_of(graded: Mapping[str, Counter[str]]) -> dict[str, int]:
    return {f"{figure}_bytes": graded[figure].total() if figure in graded else 0 for figure in FIGURES}


def _grades_of(graded: Mapping[str, Counter[str]]) -> dict[str, dict[str, int]]:
    none: Counter[str] = Counter()
    return {
        figure: {f"{grade}_bytes": graded.get(figure, none)[grade] for grade in FIGURE_GRADES} for figure in FIGURES
    }


def _size(parts: _Parts, word: str) -> int:
    return sum(size for (one, _, _), size in parts.items() if one == word)


def _service_row(service: Service, parts: _Parts) -> dict[str, Any]:
    protocol, port, application = service
    by_grade: Counter[str] = Counter()
    for (word, grade, _), size in parts.items():
        by_grade[grade] += size if word == STAYED else 0
    return {
        "protocol": protocol,
        "port": port,
        "application": application,
        "wire_bytes": parts.total(),
        "stayed_bytes": _size(parts, STAYED),
        "left_bytes": _size(parts, LEFT),
        "undetermined_bytes": _size(parts, UNDETERMINED),
        "stayed_by_grade": {f"{grade}_bytes": by_grade[grade] for grade in FIGURE_GRADES},
    }
