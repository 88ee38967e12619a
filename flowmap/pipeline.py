"""Run the stages that judge, in order. No domain rule lives here.

    legs -> twins -> identity -> conversations -> locality -> graph

Reading is the other half (:mod:`flowmap.reading`), so that a changed inventory or points file is answered from the legs
without reading again.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, replace

from flowmap.capture.points import CapturePoint, Statements
from flowmap.conversations import OnceCounter, conversations_of
from flowmap.facts import document_facts, host_facts, inventory_files, move_facts
from flowmap.graph import FlowGraph, Talk, build_graph
from flowmap.identity.capture_points import hosts_with_uplinks, learn_points, shared_name_warnings
from flowmap.identity.domains import assign_domains, domains_of_legs
from flowmap.identity.endpoints import Identities
from flowmap.identity.moves import moves_of, note_duplicates
from flowmap.identity.places import add_segments, ends_of, spell_hosts
from flowmap.identity.routers import find_routers
from flowmap.identity.stations import Stations
from flowmap.identity.translations import join_translated
from flowmap.inventory import Inventory
from flowmap.legs import Leg
from flowmap.locality import OUTSIDE_ROLES, Scene, judge, place_by_ports
from flowmap.mirror_points import split_mirrors
from flowmap.reading import Reading
from flowmap.settings import Settings
from flowmap.twins import Twins, clock_offsets, flows_of, translated_twins


@dataclass(slots=True)
class FlowMap:
    """One map: the reading, what was stated and known, each conversation's verdict, and the graph."""

    reading: Reading
    legs: list[Leg]
    """Those of the reading, a mirror's copies moved to points of their own; conversations count by their numbers."""
    points: list[CapturePoint]
    inventory: Inventory
    talks: list[Talk]
    graph: FlowGraph
    identities: Identities


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Let no cyclic garbage collection run: judging makes no cycles, and each collection would walk every leg again.

    What was made meanwhile goes to the oldest generation at once, which saves one more walk.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.freeze()
            gc.unfreeze()
            gc.enable()


@_collector_paused()
def make_map(reading: Reading, inventory: Inventory, statements: Statements, settings: Settings, name: str) -> FlowMap:
    """Judge what was read with an inventory and what is stated of the capture points."""
    legs = list(reading.legs.legs)  # a plain list, for the stages look up single legs all the time
    claims, tunnels = reading.legs.claims, reading.registry.tunnels
    shown = [copy(point) for point in reading.registry.points]
    warnings = [("unmatched_statement", text) for text in statements.apply(shown)]
    spelled = spell_hosts(shown, statements.hosts, inventory)
    span, fresh_ns = (reading.legs.first_seen_ns, reading.legs.last_seen_ns), settings.inventory_fresh_s * 10**9
    hosts = hosts_with_uplinks(statements.hosts, inventory, spelled, span, fresh_ns)
    stations, flows = Stations(legs), flows_of(legs)
    learn_points(shown, reading.neighbors, inventory, spelled, legs, flows, stations, claims)
    warnings += [("shared_interface_name", text) for text in shared_name_warnings(shown)]
    points = [point.as_judged() for point in shown]
    split = split_mirrors(legs, claims, points, reading.legs.points, tunnels, statements, inventory)
    if len(split.points) > len(points):
        shown += split.points[len(points) :]
        legs, claims, points = split.legs, split.claims, split.points
        stations = Stations(legs)
    twins = Twins(legs, flows)
    routers = find_routers(legs, twins, stations, claims, inventory)
    domains, overlaps = assign_domains(legs, twins, stations, claims, tunnels, routers, inventory)
    warnings += [("address_overlap", text) for text in overlaps]
    identities = Identities(stations, domains, claims, routers, inventory, reading.names, tunnels, points)
    files = [point.key.file for point in points]
    offsets = clock_offsets(legs, twins, files)
    counter = OnceCounter(legs, twins, files, offsets, reading.legs.slice_ns)
    conversations = conversations_of(legs, flows, domains_of_legs(legs, domains), counter)
    ends = [ends_of(legs, conversation, identities) for conversation in conversations]
    conversations, ends = join_translated(legs, flows, twins, conversations, ends)
    movements = moves_of(legs, claims, points, offsets, routers, reading.legs.slice_ns, twins)
    note_duplicates(movements, identities.all())
    add_segments(stations, claims, tunnels, identities)
    outside = {number for number, point in enumerate(points) if point.role in OUTSIDE_ROLES}
    scene = Scene(
        legs, twins, translated_twins(legs, flows, outside), points, split.statistics, hosts, identities,
        *span, fresh_ns,
        clock_offset_ns=offsets, slice_ns=reading.legs.slice_ns, movements=movements,
        announced={claim.mac: claim.time_ns for claim in claims if claim.how == "rarp"
                    and claim.mac not in movements.moves},
        legs_are_missing=reading.legs.others.packets > 0,
    )  # fmt: skip
    place_by_ports(scene)
    talks = [
        Talk(conversation, low, high, judge(scene, conversation, low, high))
        for conversation, (low, high) in zip(conversations, ends, strict=True)
    ]
    warnings += [("inventory_conflict", conflict.text) for conflict in inventory.conflicts]
    warnings += [("inventory", text) for text in inventory.warnings]
    seen = replace(reading.legs, legs=legs, points=split.statistics)
    facts = document_facts(seen, flows, reading.captures, shown, name, warnings)
    facts["inventory"] = inventory_files(inventory)
    facts["moves"] = move_facts(movements, identities.all())
    known_hosts = host_facts(shown, hosts, inventory)
    graph = build_graph(talks, reading.legs.others, facts, reading.applications, settings, known_hosts)
    return FlowMap(reading, legs, shown, inventory, talks, graph, identities)
