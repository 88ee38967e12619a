"""Tunnels that guests build themselves (Kubernetes, VPNs): the machines that carry the inner packets (trap 21).

The inner ends are containers that no hypervisor knows; what has a host is the guest that carries them. Whether a
tunnel's ends are guests or hypervisors is decided conservatively, for a hypervisor's tenants must stay apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from flowmap.capture.points import CapturePoint
from flowmap.identity.stations import Stations
from flowmap.inventory.records import Inventory
from flowmap.packets import Tunnel

NESTED = ("vxlan", "vxlan-gpe", "geneve", "gre", "nvgre", "ipip", "6in4", "4in6", "6in6")
"""Tunnels that an operating system of a guest can make."""


def tunnels_at_ports(stations: Stations, points: Sequence[CapturePoint]) -> set[int]:
    """Tunnels whose frames stood at a vNIC port.

    A hypervisor wraps its tenants' frames behind the port, so such a frame was wrapped by the guest.
    """
    return {
        station.tunnel
        for station in (*stations.senders, *stations.receivers)
        if station.tunnel >= 0 and points[station.point].role == "vnic"
    }


def carried_tunnels(tunnels: Sequence[Tunnel], at_ports: Iterable[int], inventory: Inventory) -> dict[int, Tunnel]:
    """The tunnels whose ends are guests, by their number.

    All of this holds for them:

    - they are of a kind that guests make, with two different ends, and the opposite direction was seen too. Copies
      that a cloud mirrors in VXLAN go one way only;
    - the inventory calls neither end a hypervisor;
    - their frames stood at a vNIC port, in either direction, or the inventory gives both ends to VMs.

    Two VMs known by packets alone are not enough: the MACs of tunnel frames are not those of their inner packets, and
    a hypervisor may have a MAC of a guest's prefix.
    """
    opposite = {(tunnel.kind, tunnel.destination, tunnel.source) for tunnel in tunnels}
    seen_at_ports = {frozenset((tunnels[number].source, tunnels[number].destination)) for number in at_ports}
    result = {}
    for number, tunnel in enumerate(tunnels):
        kind, source, destination, _ = tunnel
        if kind not in NESTED or not source or not destination or source == destination:
            continue
        if (kind, source, destination) not in opposite:
            continue
        ends = (_kinds_of(inventory, source), _kinds_of(inventory, destination))
        if any("hypervisor" in kinds for kinds in ends):
            continue
        if frozenset((source, destination)) in seen_at_ports or all(kinds == {"vm"} for kinds in ends):
            result[number] = tunnel
    return result


def _kinds_of(inventory: Inventory, ip: str) -> set[str]:
    """What the inventory says an address is."""
    kinds = {row.kind for row in inventory.by_ip(ip)}
    return kinds | {"hypervisor"} if inventory.hypervisor(ip=ip) else kinds
