"""truth.json: what every pair of machines really did, from how the lab was built and never from a capture."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from machines import Conversation, Move, NameSeen, Record, VirtualMachine
from scenario import Scenario

LEFT_HOST = {
    "intra_host_switched": "stayed",
    "intra_host_routed_vm": "stayed",
    "intra_host_routed_distributed": "stayed",
    "hairpin_routed": "left",
    "hairpin_reflected": "left",
    "inter_host": "left",
    "inter_host_overlay": "left",
    "north_south": "left",
    "mixed": "mixed",
}
Entry = dict[str, Any]


def write(folder: Path, recorded: list[tuple[Scenario, Record]], order: list[str], before: Path | None = None) -> None:
    """Write truth.json for the recorded scenarios, and keep what an earlier one says of all others.

    `order` holds the names of all scenarios, in which their entries stand.
    """
    scenarios: dict[str, Entry] = {}
    lists: dict[str, list[Entry]] = {"pairs": [], "names": []}
    if before is not None and before.exists():
        old = json.loads(before.read_text())
        scenarios, lists = old["scenarios"], {kind: old[kind] for kind in lists}
    for scenario, record in recorded:
        scenarios[scenario.name] = _scenario(scenario, record)
        lists["pairs"] += [pair | {"new": True} for pair in _pairs(scenario, record)]
        lists["names"] += [_name(scenario, record, seen) | {"new": True} for seen in record.names]
    renewed = {scenario.name for scenario, _record in recorded}
    document: Entry = {"format": "flowmap-lab-truth/1"}
    document["scenarios"] = {name: scenarios[name] for name in order if name in scenarios}
    for kind, entries in lists.items():
        kept = [entry for entry in entries if entry.pop("new", False) or entry["scenario"] not in renewed]
        document[kind] = sorted(kept, key=lambda entry: order.index(entry["scenario"]))
    (folder / "truth.json").write_text(json.dumps(document, indent=1) + "\n")


def _scenario(scenario: Scenario, record: Record) -> Entry:
    entry: Entry = {
        "started_at_s": record.started_at_s,
        "files": {file: sorted(hosts) for file, hosts in scenario.files.items()},
        "machines": [_machine(vm) for vm in record.machines],
    }
    if record.moves:
        entry["moves"] = [asdict(move) for move in record.moves]
    return entry


def _machine(vm: VirtualMachine) -> Entry:
    entry: Entry = {
        "name": vm.name,
        "kind": "external" if vm.is_outside else "vm",
        "host": vm.host or None,
        "vswitch": vm.vswitch if vm.host else None,
        "port": vm.port or None,
        "mac": vm.mac or None,
        "ips": vm.addresses,
        "vlan": vm.vlan,
        "network": vm.network or None,
        "in_inventory": vm.listed,
    }
    if vm.more:
        names = ("port", "mac", "ip", "vlan", "network")
        entry["further_vnics"] = [{name: getattr(vnic, name) for name in names} for vnic in vm.more]
    if vm.floating_ip:
        entry["floating_ip"] = vm.floating_ip
    return entry


def _pairs(scenario: Scenario, record: Record) -> list[Entry]:
    grouped: dict[tuple[str, str], list[Conversation]] = {}
    for conversation in record.conversations:
        first, second = sorted((conversation.client, conversation.server))
        grouped.setdefault((first, second), []).append(conversation)
    return [_pair(scenario, record, *names, conversations) for names, conversations in sorted(grouped.items())]


def _pair(scenario: Scenario, record: Record, a_name: str, b_name: str, conversations: list[Conversation]) -> Entry:
    a, b = record.machine(a_name), record.machine(b_name)
    moves = [move for move in record.moves if move.vm in (a.name, b.name)]
    way = scenario.way(a, b)
    hosts = {a.host, b.host} | way.through | {move.to_host for move in moves}
    only_flooded = all(c.flooded for c in conversations)
    parts = _parts(scenario, a, b, moves, conversations)
    path = "mixed" if len({part["left_host"] for part in parts}) > 1 else way.verdict
    entry = {
        "scenario": scenario.name,
        "a": a.name,
        "b": b.name,
        "a_ip": a.ip,
        "b_ip": b.ip,
        "a_mac": a.mac or None,
        "b_mac": b.mac or None,
        "a_host": a.host or None,
        "b_host": b.host or None,
        "a_vlan": a.vlan,
        "b_vlan": b.vlan,
        "verdict": path,
        "left_host": LEFT_HOST[path],
        "flooded": only_flooded,
        "files": [file for file, shown in scenario.files.items() if shown & hosts],
        "flood_copies_in": [file for file, shown in scenario.files.items() if only_flooded and not shown & hosts],
        "services": sorted({c.service for c in conversations}),
        "payload_exact": all(c.exact for c in conversations),
        "a_to_b_payload_bytes": _sum(conversations, a.name),
        "b_to_a_payload_bytes": _sum(conversations, b.name),
        "conversations": [_conversation(record, c) for c in _merged(conversations)],
    }
    return entry | ({"parts": parts} if parts else {})


def _parts(
    scenario: Scenario, a: VirtualMachine, b: VirtualMachine, moves: list[Move], conversations: list[Conversation]
) -> list[Entry]:
    """What the pair did before and after the one move of one of its ends; nothing where neither moved."""
    if not moves:
        return []
    (move,) = moves
    moved = [replace(vm, host=move.to_host) if vm.name == move.vm else vm for vm in (a, b)]
    whole = sum((c.client_bytes or 0) + (c.server_bytes or 0) for c in conversations)
    earlier = sum(sum(c.before_move) for c in conversations if c.before_move)
    return [
        _part(scenario, "before_move", (a, b), earlier),
        _part(scenario, "after_move", (moved[0], moved[1]), whole - earlier),
    ]


def _part(scenario: Scenario, when: str, ends: tuple[VirtualMachine, VirtualMachine], payload_bytes: int) -> Entry:
    way = scenario.way(*ends)
    hosts = {end.host for end in ends} | way.through
    return {
        "when": when,
        "verdict": way.verdict,
        "left_host": LEFT_HOST[way.verdict],
        "files": [file for file, shown in scenario.files.items() if shown & hosts],
        "payload_bytes": payload_bytes,
    }


def _merged(conversations: list[Conversation]) -> list[Conversation]:
    """Each DNS lookup is noted by the client that made it; one entry per pair is enough."""
    kept: list[Conversation] = []
    for conversation in conversations:
        if conversation.service != "dns" or all(other.service != "dns" for other in kept):
            kept.append(conversation)
    return kept


def _sum(conversations: list[Conversation], sender: str) -> int:
    """Payload bytes that the programs counted from one machine, over all its conversations of the pair."""
    return sum((c.client_bytes if c.client == sender else c.server_bytes) or 0 for c in conversations)


def _conversation(record: Record, c: Conversation) -> Entry:
    client, server = record.machine(c.client), record.machine(c.server)
    own = (client.ipv6, server.ipv6) if c.ip_version == 6 else (client.ip, server.ip)
    client_ip, server_ip = c.seen_as or own
    entry: Entry = {
        "client": c.client,
        "server": c.server,
        "protocol": c.protocol,
        "port": c.port,
        "service": c.service,
        "client_ip": client_ip,
        "server_ip": server_ip,
        "client_payload_bytes": c.client_bytes,
        "server_payload_bytes": c.server_bytes,
        "exact": c.exact,
    }
    if c.before_move:
        entry["client_payload_bytes_before_move"], entry["server_payload_bytes_before_move"] = c.before_move
    return entry | ({"note": c.note} if c.note else {})


def _name(scenario: Scenario, record: Record, seen: NameSeen) -> Entry:
    files = scenario.files
    return {
        "name": seen.name,
        "source": seen.source,
        "ip": record.machine(seen.vm).ip,
        "machine": seen.vm,
        "scenario": scenario.name,
        "files": [file for file, hosts in files.items() if not seen.hosts or hosts & seen.hosts],
    }
