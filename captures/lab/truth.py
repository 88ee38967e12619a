"""truth.json: what every pair of machines really did, from how the lab was built and never from a capture."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import bridge_scenario
import overlay_scenario
import reflect_scenario
import vlan_network
import vlan_scenario
from machines import Conversation, NameSeen, Record, VirtualMachine

SEEN_FROM = {
    "vlan": vlan_scenario.SEEN_FROM,
    "overlay": overlay_scenario.SEEN_FROM,
    "bridge": bridge_scenario.SEEN_FROM,
    "reflect": reflect_scenario.SEEN_FROM,
}
"""Scenario -> sample file -> hosts whose traffic the file shows."""
LEFT_HOST = {
    "intra_host_switched": "stayed",
    "hairpin_routed": "left",
    "hairpin_reflected": "left",
    "inter_host": "left",
    "inter_host_overlay": "left",
    "north_south": "left",
}
DHCP_SERVER_NOTE = "DHCP without a relay: client and server share VLAN 30"


def verdict(a: VirtualMachine, b: VirtualMachine, scenario: str) -> str:
    """The path between two machines of a scenario, by the way the lab is wired."""
    if a.is_outside or b.is_outside:
        return "north_south"
    if a.host != b.host:
        return "inter_host_overlay" if scenario == "overlay" else "inter_host"
    if scenario == "reflect":
        return "hairpin_reflected"
    return "intra_host_switched" if a.network == b.network else "hairpin_routed"


def write(folder: Path, records: list[Record]) -> None:
    """Write truth.json for all scenarios."""
    for record in records:
        if record.scenario == "vlan":
            _add_direct_dhcp(record)
    document = {
        "format": "flowmap-lab-truth/1",
        "scenarios": {r.scenario: _scenario(r) for r in records},
        "pairs": [pair for r in records for pair in _pairs(r)],
        "names": [_name(r, seen) for r in records for seen in r.names],
    }
    (folder / "truth.json").write_text(json.dumps(document, indent=1) + "\n")


def _add_direct_dhcp(record: Record) -> None:
    """VMs in the server's own VLAN lease from it directly; the others only talk to the relay."""
    server = record.machine(vlan_network.NAME_SERVER)
    for vm in record.machines:
        if vm.dhcp and vm.vlan == server.vlan:
            record.conversations.append(
                Conversation(vm.name, server.name, "udp", 67, "dhcp", exact=False, note=DHCP_SERVER_NOTE)
            )


def _scenario(record: Record) -> dict[str, Any]:
    return {
        "started_at_s": record.started_at_s,
        "files": {file: sorted(hosts) for file, hosts in SEEN_FROM[record.scenario].items()},
        "machines": [_machine(vm) for vm in record.machines],
    }


def _machine(vm: VirtualMachine) -> dict[str, Any]:
    addresses = [vm.ip] + ([vm.ipv6] if vm.ipv6 else [])
    return {
        "name": vm.name,
        "kind": "external" if vm.is_outside else "vm",
        "host": vm.host or None,
        "vswitch": vm.vswitch if vm.host else None,
        "port": vm.port or None,
        "mac": vm.mac or None,
        "ips": addresses,
        "vlan": vm.vlan,
        "network": vm.network or None,
        "in_inventory": vm.listed,
    }


def _pairs(record: Record) -> list[dict[str, Any]]:
    grouped: dict[tuple[str, str], list[Conversation]] = {}
    for conversation in record.conversations:
        first, second = sorted((conversation.client, conversation.server))
        grouped.setdefault((first, second), []).append(conversation)
    return [_pair(record, *names, conversations) for names, conversations in sorted(grouped.items())]


def _pair(record: Record, a_name: str, b_name: str, conversations: list[Conversation]) -> dict[str, Any]:
    a, b = record.machine(a_name), record.machine(b_name)
    path = verdict(a, b, record.scenario)
    only_flooded = all(c.flooded for c in conversations)
    files = SEEN_FROM[record.scenario]
    return {
        "scenario": record.scenario,
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
        "files": [file for file, hosts in files.items() if hosts & {a.host, b.host}],
        "flood_copies_in": [f for f, hosts in files.items() if only_flooded and not hosts & {a.host, b.host}],
        "services": sorted({c.service for c in conversations}),
        "payload_exact": all(c.exact for c in conversations),
        "a_to_b_payload_bytes": _sum(conversations, a.name),
        "b_to_a_payload_bytes": _sum(conversations, b.name),
        "conversations": [_conversation(record, c) for c in _merged(conversations)],
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


def _conversation(record: Record, c: Conversation) -> dict[str, Any]:
    client, server = record.machine(c.client), record.machine(c.server)
    six = c.ip_version == 6
    entry = {
        "client": c.client,
        "server": c.server,
        "protocol": c.protocol,
        "port": c.port,
        "service": c.service,
        "client_ip": client.ipv6 if six else client.ip,
        "server_ip": server.ipv6 if six else server.ip,
        "client_payload_bytes": c.client_bytes,
        "server_payload_bytes": c.server_bytes,
        "exact": c.exact,
    }
    return entry | ({"note": c.note} if c.note else {})


def _name(record: Record, seen: NameSeen) -> dict[str, Any]:
    machine = record.machine(seen.vm)
    files = SEEN_FROM[record.scenario]
    shown_in = [file for file, hosts in files.items() if not seen.hosts or hosts & seen.hosts]
    return {
        "name": seen.name,
        "source": seen.source,
        "ip": machine.ip,
        "machine": seen.vm,
        "scenario": record.scenario,
        "files": shown_in,
    }
