"""The lab's samples as tests use them: scenarios, taps, what truly happened, and what FlowMap says of it."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

from flowmap.capture.points import Statements, parse_points
from flowmap.inventory import Inventory, join_files, parse_inventory_file
from flowmap.pipeline import FlowMap, make_map
from flowmap.reading import Reading, read_captures
from flowmap.settings import Settings

CAPTURES = Path(__file__).parent.parent / "captures"
TRUTH = json.loads((CAPTURES / "truth.json").read_text())
INVENTORIES = (
    "inventory.yaml",
    *sorted(path.name for path in CAPTURES.glob("inventory-*.csv")),
)
Files = tuple[str, ...]


def tap_of(file: str) -> str:
    """``ports``, ``mirror`` or ``any``: how a sample was taken."""
    if file.startswith("any-"):
        return "any"
    if "mirror" in file or "erspan" in file or "-tc" in file:
        return "mirror"
    return "ports"


def _taps() -> list[Files]:
    """Each sample alone, all samples of one kind, and all of a scenario, as one would give them together."""
    found: dict[Files, None] = {}
    for scenario in TRUTH["scenarios"].values():
        files = list(scenario["files"])
        plain = [file for file in files if "erspan" not in file]
        kinds = [[file for file in plain if tap_of(file) == kind] for kind in ("ports", "mirror", "any")]
        for some in [[file] for file in files] + kinds + [plain]:
            if some:
                found[tuple(some)] = None
    return list(found)


TAPS = _taps()


def scenario_of(files: Files) -> str:
    """The scenario that some samples belong to."""
    return next(name for name, scenario in TRUTH["scenarios"].items() if set(files) <= set(scenario["files"]))


def hosts_with_ports_in(files: Files) -> set[str]:
    """The hosts whose vNIC ports the samples were taken at."""
    return {str(row.host) for row in stated().points if row.role == "vnic" and row.file in files}


@functools.cache
def reading(files: Files) -> Reading:
    """The samples, read once for all tests; names change no verdict."""
    return read_captures([CAPTURES / file for file in files], Settings())


@functools.cache
def stated() -> Statements:
    """What points.yaml says."""
    return parse_points((CAPTURES / "points.yaml").read_text(), "points.yaml")


@functools.cache
def inventory() -> Inventory:
    """All VMs that the lab lists, each file as old as its capture: when it was checked out says nothing."""
    started_ns = {
        machine["mac"]: scenario["started_at_s"] * 10**9
        for scenario in TRUTH["scenarios"].values()
        for machine in scenario["machines"]
        if machine["mac"]
    }
    files = []
    for name in INVENTORIES:
        content = (CAPTURES / name).read_bytes()
        ages = [time for mac, time in started_ns.items() if mac.encode() in content]
        files.append(parse_inventory_file(content, name=name, modified_ns=min(ages)))
    return join_files(files)


def inventory_with_ports(scenario: str) -> Inventory:
    """All vNICs of a scenario with their host-side interfaces, as a hypervisor would list them."""
    rows = ["vm,mac,ip,host,vswitch,portgroup,vlan,interface"]
    facts = TRUTH["scenarios"][scenario]
    for vm in facts["machines"]:
        for vnic in [vm, *vm.get("further_vnics", ())] if vm["mac"] else ():
            address = vnic.get("ip") or vm["ips"][0]
            where = (vm["host"], vm["vswitch"], vnic["network"], vnic["vlan"], vnic["port"])
            cells = (vm["name"], vnic["mac"], address, *where)
            rows.append(",".join(str(cell or "") for cell in cells))
    text, age = "\n".join(rows), facts["started_at_s"] * 10**9
    return join_files([parse_inventory_file(text, name="ports.csv", modified_ns=age)])


def lab_map(files: Files, points: bool | Statements, known: bool | Inventory) -> FlowMap:
    """The map of some samples with the lab's own points and inventory, others, or none."""
    statements = points if isinstance(points, Statements) else stated() if points else Statements()
    records = known if isinstance(known, Inventory) else inventory() if known else Inventory([])
    return make_map(reading(files), records, statements, Settings(), "lab")


def edges_of(flow_map: FlowMap) -> dict[frozenset[str], dict[str, Any]]:
    """(a address, b address) in any order -> edge."""
    graph = flow_map.graph
    return {
        frozenset((one, other)): edge
        for source, target, edge in graph.edges(data=True)
        for one in graph.nodes[source]["ips"]
        for other in graph.nodes[target]["ips"]
    }


@functools.cache
def edges(files: Files, *, points: bool, inventory: bool) -> dict[frozenset[str], dict[str, Any]]:
    """What FlowMap says of every pair of addresses."""
    return edges_of(lab_map(files, points, inventory))


def pairs_in(files: Files) -> list[dict[str, Any]]:
    """The pairs of the truth that these samples show."""
    return [pair for pair in TRUTH["pairs"] if set(files) & set(pair["files"])]


def edge_of(found: dict[frozenset[str], dict[str, Any]], pair: dict[str, Any]) -> dict[str, Any] | None:
    """The edge of a pair: by the VMs' own addresses, or by the floating one that the packets have."""
    wanted = [frozenset((pair["a_ip"], pair["b_ip"]))]
    wanted += [frozenset((talk["client_ip"], talk["server_ip"])) for talk in pair["conversations"]]
    return next((found[addresses] for addresses in wanted if addresses in found), None)


def true_shares(pair: dict[str, Any], files: Files) -> dict[str, float]:
    """The share of what these samples show of a pair that stayed and that left, by what its programs sent when."""
    if "parts" not in pair:
        return {"stayed": float(pair["left_host"] == "stayed"), "left": float(pair["left_host"] == "left")}
    shown = [part for part in pair["parts"] if set(files) & set(part["files"])]
    whole = sum(part["payload_bytes"] for part in shown)
    return {
        word: sum(part["payload_bytes"] for part in shown if part["left_host"] == word) / whole
        for word in ("stayed", "left")
    }
