"""OVN's rows completed by each other: addresses of dynamic ports, networks, which router ports are central."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

from flowmap.inventory.links import CentralisedPort, Link, LocalnetPort
from flowmap.inventory.records import VnicRecord


def complete_logical_ports(records: list[VnicRecord], links: list[Link]) -> list[VnicRecord]:
    """Records of OVN with their network's kind, and as distributed as the bindings allow.

    All bindings stand in one table, so a logical switch without a localnet port is inside tunnels, unless only VMs'
    rows were exported.
    """
    central = {link.name for link in links if isinstance(link, CentralisedPort)}
    localnets = {link.network: link.vlan for link in links if isinstance(link, LocalnetPort)}
    northbound: dict[str, list[VnicRecord]] = defaultdict(list)
    for record in records:
        if record.format == "ovn-switch-port" and record.nic:
            northbound[record.nic].append(record)
    whole_tables = {record.source for record in records if record.kind == "router"}
    completed = []
    for record in records:
        if record.format in ("ovn-port-binding", "ovn-router-port"):
            if record.kind == "router" and record.nic in central:
                record = replace(record, distributed=False)
            if record.kind == "vm" and record.network and record.source in whole_tables:
                vlan = localnets.get(record.network)
                kind = "overlay" if record.network not in localnets else "vlan" if vlan else "none"
                record = replace(record, vlan=vlan, segment_type=kind)
            told = northbound.get(record.nic or "", []) if record.kind == "vm" else []
            if record.mac is None and len(told) == 1:
                record = replace(record, mac=told[0].mac, ips=told[0].ips)
        completed.append(record)
    return completed
