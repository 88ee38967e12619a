"""Stations: who used which address where."""

from __future__ import annotations

from flowmap.identity.stations import Stations
from flowmap.packets import ip_halves
from tests.network import Network, at, udp, vm

ONE, OTHER = vm(1, "10.10.0.11"), vm(2, "10.10.0.12")


def test_each_stands_once_whatever_the_number_of_conversations():
    network = Network()
    here, there = network.point("", file="a.pcap"), network.point("", file="b.pcap")
    for port in range(1000, 1010):
        udp(network, ONE, OTHER, at(here), at(there, vlan=7, ttl=63), count=2, ports=(port, 514))
    udp(network, ONE, OTHER, at(here, ttl=128), count=1, ports=(2000, 514))
    stations = Stations(network.fold().legs)
    assert {(station.point, station.vlan, station.mac, station.address): ttls
            for station, ttls in stations.senders.items()} == {
        (here, -1, ONE.mac, ip_halves(ONE.ip)): {64, 128},
        (there, 7, ONE.mac, ip_halves(ONE.ip)): {63},
    }  # fmt: skip
    assert {(station.place, station.mac, station.address) for station in stations.receivers} == {
        ((here, -1, -1, -1), OTHER.mac, ip_halves(OTHER.ip)),
        ((there, 7, -1, -1), OTHER.mac, ip_halves(OTHER.ip)),
    }
    assert stations.texts == {ip_halves(ONE.ip): ONE.ip, ip_halves(OTHER.ip): OTHER.ip}
