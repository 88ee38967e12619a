"""Situations in which traffic stayed, or may have stayed, and a careless rule would say that it left."""

from __future__ import annotations

from tests.locality.test_wrong_stayed import ROUTER, both, points, same_host, stream
from tests.locality.two_hosts import APP, DB, GATEWAY_10, OUTSIDE, WEB, Lab
from tests.network import SECOND, START_NS, Machine, Network, at, record, talk, vm


def left(network, *records):
    """Left bytes of the whole map."""
    return sum(edge["left_bytes"] for _, _, edge in network.map(*records).graph.edges(data=True))


def two_mirrors(network):
    """Mirrors of two hosts."""
    return [network.point("", "mirror", host, file=file) for host, file in (("host-a", "m.pcap"), ("host-b", "b.pcap"))]


def test_a_few_frames_flooded_to_the_uplink_are_not_the_whole_conversation():
    network = Network()
    (mirror,), (uplink,) = points(network, "", role="mirror", file="m.pcap"), points(network, "vmnic0", role="uplink")
    leaking = lambda k: [at(mirror)] + [at(uplink)] * (k < 3)  # noqa: E731
    stream(network, leaking, leaking)
    assert left(network) == 0


def test_a_few_frames_flooded_to_another_hosts_mirror_are_no_departure():
    network = Network()
    (here,), (there,) = (
        points(network, "", role="mirror", file="m.pcap"),
        points(network, "", role="mirror", host="host-b", file="b.pcap"),
    )
    leaking = lambda k: [at(here)] + [at(there)] * (k < 3)  # noqa: E731
    stream(network, leaking, leaking)
    assert left(network) == 0


def test_two_vms_that_move_together_share_no_packet_between_the_mirrors():
    network = Network()
    (here,), (there,) = (
        points(network, "", role="mirror", file="m.pcap"),
        points(network, "", role="mirror", host="host-b", file="b.pcap"),
    )
    moving = lambda k: [at(here if k < 50 else there)]  # noqa: E731
    stream(network, moving, moving)
    assert left(network) == 0


def test_unknown_unicast_copies_in_a_tunnel_are_no_departure():
    network = Network()
    web, app, db = points(network, "vnet0", "vnet1", "vnet2")
    (underlay,) = points(network, "vmnic1", role="underlay")
    tunnel = network.tunnel("vxlan", "172.31.0.1", "172.31.0.2", 1)
    both(network, WEB, DB, web, db, 9)
    stream(
        network, lambda k: [at(web), at(app)] + [at(underlay, tunnel=tunnel)] * (k < 2), lambda k: [at(app), at(web)]
    )
    assert left(network) == 0


def test_one_leaked_frame_to_a_router_vm_is_no_hairpin():
    lab = Lab()
    lab.chatter()
    inside = {"src_mac": ROUTER.mac, "dst_mac": DB.mac, "ttl": 63}
    for k in range(100):
        leak = [at(lab.up_a)] * (k < 1)
        lab.network.send(WEB, DB, at(lab.web), *leak, at(lab.db, **inside), via=ROUTER, seq=1 + k * 1000)
        lab.network.send(DB, WEB, at(lab.db), at(lab.web, src_mac=ROUTER.mac, ttl=63), via=ROUTER, payload=0,
                         ports=(80, 40_000), ack=k * 1000)  # fmt: skip
    assert lab.edge(WEB, DB)["left_bytes"] == 0


def test_both_halves_of_a_distributed_router_are_no_hairpin():
    network = Network()
    (mirror,) = points(network, "", role="mirror")
    router = Machine("dr", 0x025056564452, "10.10.0.1")
    there = (at(mirror), at(mirror, src_mac=router.mac, dst_mac=DB.mac, ttl=63))
    back = (at(mirror), at(mirror, src_mac=router.mac, dst_mac=WEB.mac, ttl=63))
    talk(network, WEB, DB, there, back, via=router, via_back=router)
    assert left(network, record(WEB, "host-a"), record(DB, "host-a", row=2)) == 0


def test_two_spellings_of_one_host_are_one_host():
    network = Network()
    spellings = (("vnet0", "esx-01"), ("vnet1", "ESX-01"), ("vnet2", "esx-01.lab.example"))
    web, app, db = (points(network, name, host=host)[0] for name, host in spellings)
    for number, (one, other, here, there) in enumerate(((WEB, DB, web, db), (WEB, APP, web, app), (APP, DB, app, db))):
        both(network, one, other, here, there, number + 1)
    assert left(network) == 0


def test_a_second_gateway_is_no_second_half_of_a_hairpin():
    lab = Lab()
    lab.chatter()
    second = Machine("gw-b", 0x001B21000011, "10.10.0.3")
    inside = {"src_mac": GATEWAY_10.mac, "ttl": 50}
    for k in range(20):
        lab.network.send(WEB, OUTSIDE, at(lab.web), at(lab.up_a), via=GATEWAY_10 if k < 10 else second,
                         seq=1 + k * 1000, time_ns=START_NS + k * SECOND)  # fmt: skip
        lab.network.send(OUTSIDE, WEB, at(lab.up_a, **inside), at(lab.web, **inside), payload=0, ports=(80, 40_000),
                         ack=k * 1000, time_ns=START_NS + k * SECOND + 1000)  # fmt: skip
    edge = lab.edge(WEB, OUTSIDE)
    assert (edge["verdict"], edge["left_bytes"]) == ("north_south", edge["wire_bytes"])
    assert lab.network.map().graph.graph["shares"]["hairpin_bytes"] == 0


def test_a_mac_on_two_hosts_makes_no_pair_of_one_host_leave():
    network = Network()
    clone = Machine("clone", APP.mac, "10.10.0.99")
    web, app, db = points(network, "vnet0", "vnet1", "vnet2")
    other, _ = points(network, "vnet1", "vnet3", host="host-b", file="b.pcapng")
    talk(network, clone, OUTSIDE, (at(other),), (at(other),), client_port=3)
    talk(network, clone, vm(8, "10.10.0.98"), (at(other),), (at(other),), client_port=4)
    for number, (one, peer, here, there) in enumerate(((WEB, APP, web, app), (WEB, DB, web, db), (APP, DB, app, db))):
        both(network, one, peer, here, there, number + 5)
    assert left(network) == 0


def test_two_vms_of_one_host_in_its_mirror_did_not_leave():
    network = Network()
    (mirror,) = points(network, "", role="mirror")
    talk(network, WEB, APP, (at(mirror),), (at(mirror),))
    assert left(network, *same_host()) == 0
