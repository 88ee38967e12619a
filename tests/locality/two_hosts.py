"""Two hosts with stated ports, the stage of the sightings tests."""

from __future__ import annotations

from tests.network import Machine, Network, at, talk, vm

WEB, APP, DB, REM = vm(1, "10.10.0.11"), vm(2, "10.10.0.12"), vm(3, "10.20.0.13"), vm(4, "10.10.0.14")
GATEWAY_10 = Machine("gw-10", 0x001B21000010, "10.10.0.1")
GATEWAY_20 = Machine("gw-20", 0x001B21000020, "10.20.0.1")
OUTSIDE = Machine("outside", 0x001B21000099, "203.0.113.10")


class Lab:
    """Two hosts with stated ports: web, app and db on host-a, rem on host-b, one uplink each."""

    def __init__(self, *, complete: bool = True, with_uplinks: bool = True, hosts: bool = True) -> None:
        self.network = network = Network()
        host_a, host_b = ("host-a", "host-b") if hosts else (None, None)
        self.web = network.point("vnet0", "vnic", host_a)
        self.app = network.point("vnet1", "vnic", host_a)
        self.db = network.point("vnet2", "vnic", host_a)
        self.rem = network.point("vnet0", "vnic", host_b, file="b.pcapng")
        if with_uplinks:
            self.up_a = network.point("vmnic0", "uplink", host_a)
            self.up_b = network.point("vmnic0", "uplink", host_b, file="b.pcapng")
            if hosts:
                network.uplinks("host-a", "vmnic0", complete=complete)
                network.uplinks("host-b", "vmnic0", complete=complete)
            for machine in (WEB, APP, DB):
                network.arp(machine, self.up_a)
            network.arp(REM, self.up_b)

    def chatter(self) -> None:
        """Each VM on host-a also talks to rem, so that every port has an owner and every MAC is on the uplink."""
        for number, (machine, port) in enumerate(((WEB, self.web), (APP, self.app), (DB, self.db))):
            talk(
                self.network,
                machine,
                REM,
                (at(port), at(self.up_a), at(self.up_b), at(self.rem)),
                (at(self.rem), at(self.up_b), at(self.up_a), at(port)),
                client_port=50_000 + number,
                port=9,
            )

    def edge(self, one: Machine, other: Machine, *records):
        """The edge between two machines."""
        graph = self.network.map(*records).graph
        ids = {ip: key for key, node in graph.nodes(data=True) for ip in node["ips"]}
        for ends in ((ids[one.ip], ids[other.ip]), (ids[other.ip], ids[one.ip])):
            if graph.has_edge(*ends):
                return graph.edges[ends]
        raise AssertionError("the two did not talk")


def edges_of(network: Network):
    """Answer and stayed bytes of every edge."""
    return [(edge["left_host"], edge["stayed_bytes"]) for _, _, edge in network.map().graph.edges(data=True)]


def switched(lab: Lab, **facts) -> None:
    talk(lab.network, WEB, APP, (at(lab.web), at(lab.app)), (at(lab.app), at(lab.web)), **facts)


def hairpin_sightings(lab: Lab, *, destination_port: bool = True):
    turned = {"src_mac": GATEWAY_20.mac, "dst_mac": DB.mac, "ttl": 63}
    turned_back = {"src_mac": GATEWAY_10.mac, "dst_mac": WEB.mac, "ttl": 63}
    there = [at(lab.web), at(lab.up_a, vlan=10), at(lab.up_a, vlan=20, **turned)]
    back = [at(lab.up_a, vlan=20), at(lab.up_a, vlan=10, **turned_back), at(lab.web, **turned_back)]
    if destination_port:
        there.append(at(lab.db, **turned))
        back.insert(0, at(lab.db))
    return tuple(there), tuple(back)


def triangle(lab: Lab) -> None:
    """DB talks to WEB and to APP, so that each port shows two peers."""
    for number, (machine, port) in enumerate(((WEB, lab.web), (APP, lab.app))):
        talk(lab.network, DB, machine, (at(lab.db), at(port)), (at(port), at(lab.db)), client_port=45_000 + number)
