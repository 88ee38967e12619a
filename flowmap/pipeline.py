"""Run the stages in order and report progress. No domain rule lives here.

    capture -> legs -> twins -> identity -> conversations -> locality -> graph

Reading is one half (:func:`read_captures`), judging the other (:func:`make_map`), so that a changed inventory or points
file is answered from the legs without reading again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path

from flowmap.capture import Capture, CaptureInfo, Outcome, open_capture
from flowmap.capture.names import ApplicationRecord, NameRecord
from flowmap.capture.points import CapturePoint, Registry, Statements, infer_roles
from flowmap.conversations import conversations_of
from flowmap.facts import document_facts
from flowmap.fold import LegFold
from flowmap.graph import FlowGraph, Talk, build_graph
from flowmap.identity.domains import assign_domains
from flowmap.identity.endpoints import Identities
from flowmap.identity.places import add_segments, ends_of, roles_from_inventory, spell_hosts
from flowmap.identity.routers import find_routers
from flowmap.inventory import Inventory
from flowmap.legs import LegSet
from flowmap.locality import Scene, judge, place_by_ports
from flowmap.settings import Settings
from flowmap.twins import Twins, clock_offsets, translated_twins

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

    @property
    def complete(self) -> bool:
        """False when any capture ended before its end."""
        return all(outcome.complete for _, outcome in self.captures)

    @property
    def damage(self) -> list[str]:
        """The sentence of each capture that did not end as it should."""
        return [outcome.damage for _, outcome in self.captures if outcome.damage]


@dataclass(slots=True)
class FlowMap:
    """One map: the reading, what was stated and known, each conversation's verdict, and the graph."""

    reading: Reading
    points: list[CapturePoint]
    inventory: Inventory
    talks: list[Talk]
    graph: FlowGraph
    identities: Identities


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
    progress: Progress | None = None,
) -> Reading:
    """Read captures one after another into legs, then the names in them.

    Raises
    ------
    CaptureError
        When a capture cannot be read at all; damage after its first packet is in :attr:`Reading.captures` instead.
    """
    registry = Registry(settings.max_points)
    fold = LegFold(settings)
    captures = [
        open_capture(path, registry, settings, file=label, hash_file=hash_files)
        for path, label in zip(paths, labels or labels_of(paths), strict=True)
    ]
    for capture in captures:
        _fold_capture(capture, fold, progress)
    reading = Reading(registry, fold.finish(), captures=[(one.info, one.outcome) for one in captures if one.outcome])
    for capture in captures:
        if progress:
            progress(f"names in {capture.info.file}", reading.legs.packets, None)
        for record in capture.names():
            add_name(reading, record)
        if capture.outcome:
            capture.outcome.notices += capture.names_notices
    return reading


def _fold_capture(capture: Capture, fold: LegFold, progress: Progress | None) -> None:
    report = (lambda packets, share: progress(capture.info.file, packets, share)) if progress else None
    for batch in capture.batches(progress=report):
        fold.add(batch)


def add_name(reading: Reading, record: NameRecord | ApplicationRecord) -> None:
    """Keep what a dissector found."""
    if isinstance(record, NameRecord):
        reading.names.append(record)
    else:
        reading.applications.setdefault((record.protocol, record.ip, record.port), record.application)


def make_map(reading: Reading, inventory: Inventory, statements: Statements, settings: Settings, name: str) -> FlowMap:
    """Judge what was read with an inventory and what is stated of the capture points."""
    legs, claims = reading.legs.legs, reading.legs.claims
    points = deepcopy(reading.registry.points)
    warnings = [("unmatched_statement", text) for text in statements.apply(points)]
    spelled = spell_hosts(points, statements.hosts, inventory)
    hosts = {spelled(host): facts for host, facts in statements.hosts.items()}
    roles_from_inventory(points, legs, claims, inventory)
    infer_roles(points)
    twins = Twins(legs)
    routers = find_routers(legs, twins, claims)
    domains, overlaps = assign_domains(legs, twins, claims, reading.registry.tunnels, routers, inventory)
    warnings += [("address_overlap", text) for text in overlaps]
    identities = Identities(legs, domains, claims, routers, inventory, reading.names)
    files = [point.key.file for point in points]
    offsets = clock_offsets(legs, twins, files)
    conversations = conversations_of(legs, twins, domains, files, offsets, reading.legs.slice_ns)
    ends = [ends_of(legs, conversation, identities) for conversation in conversations]
    add_segments(legs, claims, reading.registry.tunnels, identities)
    scene = Scene(
        legs, twins, translated_twins(legs), points, reading.legs.points, hosts, identities,
        reading.legs.first_seen_ns, reading.legs.last_seen_ns, settings.inventory_fresh_s * 10**9,
        clock_offset_ns=offsets, legs_are_missing=reading.legs.others.packets > 0,
    )  # fmt: skip
    place_by_ports(scene)
    talks = [
        Talk(conversation, low, high, judge(scene, conversation, low, high))
        for conversation, (low, high) in zip(conversations, ends, strict=True)
    ]
    warnings += [("inventory_conflict", conflict.text) for conflict in inventory.conflicts]
    warnings += [("inventory", text) for text in inventory.warnings]
    facts = document_facts(reading.legs, reading.captures, points, name, warnings)
    graph = build_graph(talks, reading.legs.others, facts, reading.applications, settings)
    return FlowMap(reading, points, inventory, talks, graph, identities)
