"""OVN's rows completed by each other: hosts of chassis, addresses of dynamic ports, which router ports are central."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

from flowmap.inventory.links import CentralisedPort, Link, LocalnetPort
from flowmap.inventory.records import HostRecord, VnicRecord


def complete_ovn(
    records: list[VnicRecord], hypervisors: list[HostRecord], links: list[Link]
) -> tuple[list[VnicRecord], list[HostRecord]]:
    """Records of OVN with the host's name in place of its chassis, and as distributed as the bindings allow.

    A chassis that no table names keeps its UUID: VMs of one chassis are on one host all the same. All bindings stand
    in one table, so a logical switch without a localnet port is inside tunnels, unless only VMs' rows were exported.
    """
    hosts = {alias: one.host for one in hypervisors if one.format == "ovn-chassis" for alias in one.ids}
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
            if record.host is not None:
                record = replace(record, host=hosts.get(record.host, record.host))
            if record.kind == "vm" and record.network and record.source in whole_tables:
                vlan = localnets.get(record.network)
                kind = "overlay" if record.network not in localnets else "vlan" if vlan else "none"
                record = replace(record, vlan=vlan, segment_type=kind)
            told = northbound.get(record.nic or "", []) if record.kind == "vm" else []
            if record.mac is None and len(told) == 1:
                record = replace(record, mac=told[0].mac, ips=told[0].ips)
        completed.append(record)
    named = [replace(one, host=hosts.get(one.host, one.host)) if one.format == "ovn-encap" else one
             for one in hypervisors]  # fmt: skip
    return completed, named
