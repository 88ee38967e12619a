"""More traffic that truly left, or truly stayed: nasty floods, reflection, tunnels, moves and translations."""

from __future__ import annotations

import pytest

from flowmap.capture.points import HostStatement, PointStatement
from flowmap.packets import Claim
from tests.locality.test_red_team import MirrorLab, edge, meet, mirrored, ports_of, sure_of_staying, with_gateway
from tests.locality.two_hosts import APP, DB, GATEWAY_10, OUTSIDE, REM, WEB, Lab
from tests.network import SECOND, START_NS, Machine, Network, at, record, talk, udp, vm


def stream(network, one, other, there, back, count=100, every_ns=SECOND, client_port=40_000, start=0):
    """A data packet and its acknowledgement; ``there`` and ``back`` give the sightings of the k-th."""
    for k in range(start, start + count):
        now = START_NS + k * every_ns
        network.send(one, other, *there(k), seq=1 + k * 1000, time_ns=now, ports=(client_port, 80))
        network.send(other, one, *back(k), payload=0, seq=5, ack=1001 + k * 1000, ports=(80, client_port),
                     time_ns=now + 1000)  # fmt: skip


# --- floods and reflection


def test_the_beginning_of_a_reflected_conversation_is_no_leak():
    """A reflective relay turned all of it round, but the capture of the uplink ended after its first four packets."""
    lab = Lab()
    lab.chatter()
    on_it = [at(lab.up_a, times=2)]
    stream(lab.network, WEB, APP, lambda k: [at(lab.web), *on_it * (k < 4), at(lab.app)],
           lambda k: [at(lab.app), *on_it * (k < 4), at(lab.web)], every_ns=50_000_000)  # fmt: skip
    assert not lab.edge(WEB, APP)["stayed_bytes"]


def test_an_uplink_of_which_only_the_name_tells_that_it_is_one():
    """Nobody says that veth ends or NICs are uplinks; the true uplink has another name and was not captured."""
    network, (web, app) = ports_of(WEB, APP)
    db = network.point("vnet7", "vnic", "host-a")
    guessed = network.point("eno9", host="host-a")
    network.statements.hosts["host-a"] = HostStatement((), True)
    for number, (machine, port) in enumerate(((WEB, web), (APP, app))):
        meet(network, machine, REM, port, guessed, 50 + number)
        meet(network, machine, DB, port, db, 60 + number)
    meet(network, WEB, APP, web, app, 70)
    assert edge(network, WEB, APP)["grade"] not in ("proven",)


def test_a_second_uplink_captured_without_its_tagged_frames():
    """vmnic1 was captured with the filter 'ip', which matches untagged frames only; WEB and REM talk over it."""
    lab = MirrorLab(control=False)
    second = lab.network.point("vmnic1", "uplink", "host-a", file="up-a1.pcap")
    lab.network.uplinks("host-a", "vmnic0", "vmnic1")
    far, noise = vm(90, "10.10.0.90"), vm(91, "10.10.9.91")
    for number, machine in enumerate((WEB, REM)):
        there = (at(lab.mirror, vlan=10), at(lab.up_a, vlan=10))
        talk(lab.network, machine, far, there, there, client_port=50_000 + number)
    talk(lab.network, noise, OUTSIDE, (at(second),), (at(second),))
    talk(lab.network, WEB, REM, (at(lab.mirror, vlan=10),), (at(lab.mirror, vlan=10),))
    assert edge(lab.network, WEB, REM)["stayed_bytes"] == 0


# --- tunnels


def test_copies_in_vxlan_beside_a_mirror_alone_did_not_leave():
    """WEB and APP stayed; a session of the switch wraps copies of both directions in VXLAN to a collector."""
    lab = MirrorLab()
    session = lab.network.tunnel("vxlan", "172.31.0.1", "172.31.0.9", 77)
    both = (at(lab.mirror), at(lab.up_a, tunnel=session))
    talk(lab.network, WEB, APP, both, both)
    assert edge(lab.network, WEB, APP)["left_bytes"] == 0


def test_guests_whose_own_tunnel_is_routed_outside():
    """Containers of WEB and DB talk in a VXLAN between the two guests, whose outer frames a physical router turned."""
    network, (web, db, app) = ports_of(WEB, DB, APP)
    meet(network, WEB, APP, web, app, 1)
    meet(network, DB, APP, db, app, 2)
    out, back = (network.tunnel("vxlan", a.ip, b.ip, 5) for a, b in ((WEB, DB), (DB, WEB)))
    one, other = Machine("pod-1", 0x0A5800000001, "10.244.0.1"), Machine("pod-2", 0x0A5800000002, "10.244.1.1")
    talk(network, one, other, (at(web, tunnel=out), at(db, tunnel=out)), (at(db, tunnel=back), at(web, tunnel=back)))
    assert all(facts["stayed_bytes"] == 0 for _, _, facts in network.map().graph.edges(data=True)
               if "10.244" in str(facts.get("evidence")) or facts["verdict"] == "intra_host_switched"
               and facts["conversations"] and facts["services"][0]["port"] not in (80,))  # fmt: skip


# --- passthrough


def test_a_virtual_function_behind_the_nic_that_is_the_uplink_is_not_beyond_it():
    """APP has a virtual function of vmnic0, so frames pass the uplink and the NIC's own switch turns them round."""
    lab = Lab()
    lab.chatter()
    twin = Machine("vf", 0x001B2100F001, "10.10.0.77")
    there, back = (at(lab.web), at(lab.up_a)), (at(lab.up_a), at(lab.web))
    talk(lab.network, WEB, twin, there, back)
    found = lab.edge(WEB, twin, record(WEB, "host-a"), record(twin, "host-a", passthrough=True))
    assert found["left_bytes"] == 0


# --- moves


class Moving:
    """WEB stays on host-a; APP has ports on host-a and on host-b; both hosts' uplinks are captured."""

    def __init__(self, *, uplinks: bool = True) -> None:
        self.network = network = Network()
        self.web, self.app_a, self.db_a = (network.point(f"vnet{n}", "vnic", "host-a") for n in range(3))
        self.app_b, self.rem = (network.point(f"vnet{n}", "vnic", "host-b", file="b.pcapng") for n in range(2))
        self.up_a = network.point("vmnic0", "uplink", "host-a") if uplinks else None
        self.up_b = network.point("vmnic0", "uplink", "host-b", file="b.pcapng") if uplinks else None
        if uplinks:
            network.uplinks("host-a", "vmnic0")
            network.uplinks("host-b", "vmnic0")

    def wire(self):
        return () if self.up_a is None else (at(self.up_a), at(self.up_b))

    def run(self, away, count=120, *, one_talk=True):
        """WEB talks to APP once a second, APP to DB and REM too; ``away(k)`` says whether APP is on host-b then."""
        for number, (peer, port, remote) in enumerate(
            ((WEB, self.web, False), (DB, self.db_a, False), (REM, self.rem, True))
        ):

            def places(k, port=port, remote=remote):
                app = self.app_b if away(k) else self.app_a
                wire = self.wire() if away(k) != remote else ()
                return [at(port), *wire, at(app)]

            stream(self.network, peer, APP, places, lambda k, p=places: p(k)[::-1], count, client_port=41_000 + number)
        stream(self.network, WEB, DB, lambda k: [at(self.web), at(self.db_a)],
               lambda k: [at(self.db_a), at(self.web)], count, client_port=45_000)  # fmt: skip
        stream(self.network, WEB, REM, lambda k: [at(self.web), *self.wire(), at(self.rem)],
               lambda k: [at(self.rem), *self.wire()[::-1], at(self.web)], count, client_port=45_001)  # fmt: skip


def share(found, word):
    return found[f"{word}_bytes"] / found["wire_bytes"]


@pytest.mark.parametrize("uplinks", [True, False], ids=["uplinks", "no uplinks"])
@pytest.mark.parametrize("peer", [WEB, REM], ids=["with WEB", "with REM"])
@pytest.mark.parametrize(
    ("away", "truly"),
    [
        (lambda k: 40 <= k < 80, 1 / 3),
        (lambda k: k < 40 or k >= 80, 2 / 3),
        (lambda k: (k // 30) % 2 == 1, 1 / 2),
    ],
    ids=["there and back", "back and there", "four times"],
)
def test_moves_there_and_back(away, truly, peer, uplinks):
    """APP moves between the hosts several times; what left is what it said to the host where it was not."""
    lab = Moving(uplinks=uplinks)
    lab.run(away)
    found = edge(lab.network, peer, APP)
    left = truly if peer is WEB else 1 - truly
    assert share(found, "stayed") <= 1 - left + 0.04
    assert share(found, "left") <= left + 0.04


def test_a_move_during_silence():
    """APP moves while it says nothing for half a minute; the export of before says that it never moved."""
    lab = Moving()
    lab.run(lambda k: False, 40)
    for peer, port, wire in ((WEB, lab.web, lab.wire()), (DB, lab.db_a, lab.wire()), (REM, lab.rem, ())):
        stream(lab.network, peer, APP, lambda k, p=port, w=wire: [at(p), *w, at(lab.app_b)],
               lambda k, p=port, w=wire: [at(lab.app_b), *w, at(p)], 40, start=80,
               client_port=41_000 + (WEB, DB, REM).index(peer))  # fmt: skip
    found = edge(lab.network, WEB, APP, record(WEB, "host-a"), record(APP, "host-a"))
    assert share(found, "stayed") <= 0.54


@pytest.mark.parametrize("skew", [-5, -1, 1, 5])
def test_a_move_with_clocks_that_differ(skew):
    """The clock of host-b is some seconds ahead or behind; APP moves after 60 of 120 s."""
    lab = Moving(uplinks=False)
    lab.run(lambda k: k >= 60)
    points = {n for n, point in enumerate(lab.network.registry.points) if point.key.file == "b.pcapng"}
    lab.network.rows["time_ns"] = [
        time + skew * SECOND * (point in points)
        for time, point in zip(lab.network.rows["time_ns"], lab.network.rows["point"], strict=True)
    ]
    for peer, left in ((WEB, 0.5), (REM, 0.5), (DB, 0.5)):
        found = edge(lab.network, peer, APP)
        assert share(found, "stayed") <= 1 - left + 0.06
        assert share(found, "left") <= left + 0.06


def test_both_ends_move_at_once():
    """WEB and APP move from host-a to host-b together; the port captures of host-b began late, so a gap is there."""
    network = Network()
    web_a, app_a, db_a = (network.point(f"vnet{n}", "vnic", "host-a") for n in range(3))
    web_b, app_b, rem_b = (network.point(f"vnet{n}", "vnic", "host-b", file="b.pcapng") for n in range(3))
    for number, (one, other, before, after) in enumerate((
        (WEB, APP, (web_a, app_a), (web_b, app_b)), (WEB, DB, (web_a, db_a), (web_b, db_a)),
        (APP, DB, (app_a, db_a), (app_b, db_a)), (WEB, REM, (web_a, rem_b), (web_b, rem_b)),
        (APP, REM, (app_a, rem_b), (app_b, rem_b)),
    )):  # fmt: skip
        stream(network, one, other, lambda k, b=before, a=after: map(at, b if k < 60 else a),
               lambda k, b=before, a=after: map(at, (b if k < 60 else a)[::-1]), 120,
               client_port=41_000 + number)  # fmt: skip
    assert share(edge(network, WEB, DB), "stayed") <= 0.54
    assert share(edge(network, WEB, REM), "stayed") <= 0.54
    assert share(edge(network, WEB, APP), "left") <= 0.04


def test_a_team_that_fails_over_announces_vms_that_did_not_move():
    """RARP for WEB and APP after a failover; both are on host-a all the while, and nothing left or moved."""
    lab = Lab()
    lab.chatter()
    for machine in (WEB, APP):
        lab.network.claims.append(Claim(machine.mac, "", "rarp", lab.up_a, -1, -1, 1, START_NS + 50_000_000))
    meet(lab.network, WEB, APP, lab.web, lab.app, 5)
    meet(lab.network, DB, APP, lab.db, lab.app, 6)
    assert lab.edge(WEB, APP)["left_bytes"] == 0
    assert share(lab.edge(WEB, REM), "stayed") == 0


def test_what_the_uplinks_of_two_hosts_saw_is_the_same_once():
    """REM was on host-a, then on host-b; no ports tell of its move, so what the uplinks saw left, and no more."""
    network = Network()
    mirror = network.point("", "mirror", "host-a", file="mirror.pcap")
    ups = [network.point("vmnic0", "uplink", f"host-{name}", file=f"{name}.pcap") for name in "ab"]
    both = [at(mirror), *map(at, ups)]
    stream(network, WEB, REM, lambda k: both if k >= 60 else both[:1], lambda k: both if k >= 60 else both[:1])
    assert share(edge(network, WEB, REM), "left") <= 0.42


# --- translations, balancers, copies


def test_the_same_line_to_two_receivers_is_no_translation():
    """WEB sends equal log lines to APP on its host and to REM on another, and both acknowledge in the same way."""
    lab = Lab()
    lab.chatter()
    udp(lab.network, WEB, APP, at(lab.web), at(lab.app), count=30)
    udp(lab.network, WEB, REM, at(lab.web), at(lab.up_a), at(lab.up_b, ttl=63), at(lab.rem, ttl=63), count=30)
    udp(lab.network, APP, WEB, at(lab.app), at(lab.web), count=30, ports=(514, 5000))
    udp(lab.network, REM, WEB, at(lab.rem), at(lab.up_b), at(lab.up_a, ttl=63), at(lab.web, ttl=63), count=30,
        ports=(514, 5000))  # fmt: skip
    assert lab.edge(WEB, REM)["stayed_bytes"] == 0
    assert lab.edge(WEB, APP)["left_bytes"] == 0


def test_a_balancer_that_hands_frames_on_is_not_where_they_end():
    """WEB's packets to a virtual address go to APP, a balancer on its host, and from there to a server on another."""
    lab = Lab(with_uplinks=False)
    server, virtual = vm(40, "10.10.0.40"), Machine("vip", APP.mac, "10.10.0.100")
    meet(lab.network, WEB, DB, lab.web, lab.db, 5)
    meet(lab.network, APP, DB, lab.app, lab.db, 6)
    lab.network.arp(virtual, lab.app)
    handed_on = at(lab.app, src_mac=APP.mac, dst_mac=server.mac)
    stream(lab.network, WEB, virtual, lambda k: [at(lab.web), at(lab.app), handed_on],
           lambda k: [at(lab.web, src_mac=server.mac)])  # fmt: skip
    assert lab.edge(WEB, virtual)["stayed_bytes"] == 0


def test_a_transparent_proxy_is_not_the_server():
    """APP on WEB's host answers in the name of a server outside and fetches from it with its own address."""
    lab = MirrorLab()
    far = Machine("far", APP.mac, "203.0.113.10")
    talk(lab.network, WEB, far, (at(lab.mirror),), (at(lab.mirror),), client_port=5)
    assert edge(lab.network, WEB, far)["stayed_bytes"] == 0


def test_a_vlan_that_is_stated_to_be_a_mirror_but_carries_traffic():
    """VLAN 999 was a remote mirror's once; today WEB and REM, on another host, use it, and it is on the uplink."""
    lab = MirrorLab()
    lab.network.statements.points.append(
        PointStatement(file="up-a.pcap", interface="vmnic0", host="host-a", role="mirror", vlan=999)
    )
    both = (at(lab.mirror, vlan=999), at(lab.up_a, vlan=999))
    lab.control(REM)
    talk(lab.network, WEB, REM, both, both)
    assert not sure_of_staying(edge(lab.network, WEB, REM))


def test_an_inventory_with_interface_names_of_another_day():
    """vnet0 was REM's port once and is WEB's today; a second place on WEB's way was captured too."""
    network = Network()
    tap, behind = network.point("vnet0", "vnic", "host-a"), network.point("qvo0", "vnic", "host-a", file="b.pcapng")
    meet(network, WEB, REM, tap, behind, 1)
    for number, peer in enumerate((APP, DB)):
        talk(network, WEB, peer, (at(behind),), (at(behind),), client_port=10 + number)
    rows = record(REM, "host-a", interface="vnet0", observed_at_ns=START_NS - 9 * 86_400 * SECOND)
    assert not sure_of_staying(edge(network, WEB, REM, rows))


def test_out_by_one_instance_of_an_anycast_router_and_back_by_another():
    """Both hosts run a router with one MAC; WEB's packets were routed on host-a, DB's answers went over the uplink."""
    lab = Lab()
    lab.chatter()
    anycast = Machine("anycast", 0x02AABBCC0001, "10.10.0.1")
    there = (at(lab.web), at(lab.db, src_mac=anycast.mac, dst_mac=DB.mac, ttl=63))
    back = (at(lab.db), at(lab.up_a), at(lab.up_a, src_mac=anycast.mac, dst_mac=WEB.mac, ttl=63),
            at(lab.web, src_mac=anycast.mac, dst_mac=WEB.mac, ttl=63))  # fmt: skip
    talk(lab.network, WEB, DB, there, back, via=anycast, via_back=anycast)
    assert lab.edge(WEB, DB)["stayed_bytes"] == 0


def test_a_few_reflected_packets_are_no_flood():
    """Of 100 packets that a relay turned round outside, a sampling tap showed 5 on the uplink, out and back."""
    lab = Lab()
    lab.chatter()
    on_it = [at(lab.up_a, times=2)]
    stream(lab.network, WEB, APP, lambda k: [at(lab.web), *on_it * (k % 20 == 0), at(lab.app)],
           lambda k: [at(lab.app), *on_it * (k % 20 == 0), at(lab.web)], every_ns=1_000_000)  # fmt: skip
    assert lab.edge(WEB, APP)["stayed_bytes"] == 0


def test_two_places_on_the_way_of_one_vm_before_a_closed_tunnel():
    """WEB's tap and the bridge port behind it were captured; the host wraps frames for REM, elsewhere, in ESP."""
    network, (tap,) = ports_of(WEB)
    behind = network.point("qvo1", "vnic", "host-a", file="2.pcapng")
    uplink = network.point("vmnic0", "uplink", "host-a", file="up.pcapng")
    network.uplinks("host-a", "vmnic0")
    for number, peer in enumerate((APP, DB)):
        talk(network, WEB, peer, (at(tap), at(uplink)), (at(uplink), at(tap)), client_port=5 + number)
    meet(network, WEB, REM, tap, behind, 9)
    ends = Machine("tep-a", 0x001B21000051, "172.31.0.1"), Machine("tep-b", 0x001B21000052, "172.31.0.2")
    for number in range(30):
        for one, other in (ends, ends[::-1]):
            network.send(one, other, at(uplink), protocol=50, ports=(0, 0), content=number,
                         time_ns=START_NS + number * 10_000_000)  # fmt: skip
    assert edge(network, WEB, REM)["stayed_bytes"] == 0


def test_a_remote_mirror_that_ends_on_the_mirrored_host_confirms_nothing():
    """Copies of REM's traffic on host-b come to a monitor on host-a in VLAN 999, so host-a's mirror shows them too."""
    network, mirror = mirrored()
    with_gateway(network, mirror, WEB)
    talk(network, REM, OUTSIDE, (at(mirror, vlan=999),), (at(mirror, vlan=999, ttl=57, src_mac=GATEWAY_10.mac),),
         via=GATEWAY_10, client_port=77)  # fmt: skip
    talk(network, WEB, REM, (at(mirror, vlan=10), at(mirror, vlan=999)), (at(mirror, vlan=10), at(mirror, vlan=999)))
    assert not sure_of_staying(edge(network, WEB, REM, record(WEB, "host-a"), record(REM, "host-a")))


def test_behind_a_distributed_router_and_a_vpn_vm_is_not_at_the_vpn_vm():
    """WEB's packets were routed in the host to the port of a VPN VM that leaves the TTL alone."""
    lab = Lab()
    lab.chatter()
    port = lab.network.point("vnet7", "vnic", "host-a")
    router, inner = Machine("dr", 0x025056564452, "10.10.0.1"), vm(30, "10.30.0.2")
    remote = Machine("remote", inner.mac, "192.168.5.5")
    for number, (machine, own) in enumerate(((WEB, lab.web), (APP, lab.app))):
        turned, back = {"src_mac": router.mac, "dst_mac": inner.mac, "ttl": 63}, {"src_mac": router.mac, "ttl": 63}
        talk(lab.network, machine, remote, (at(own), at(port, **turned)),
             (at(port), at(own, dst_mac=machine.mac, **back)), via=router, via_back=router,
             client_port=40 + number)  # fmt: skip
    assert lab.edge(WEB, remote)["grade"] != "proven"


def test_a_bond_and_its_member_are_not_a_reflection():
    """Both the bond and the NIC in it were captured, so each packet to REM, elsewhere, is on two uplinks."""
    network, (web, app) = ports_of(WEB, APP)
    bond, nic = network.point("bond0", "uplink", "host-a"), network.point("eno1", "uplink", "host-a")
    meet(network, WEB, APP, web, app, 1)
    talk(network, WEB, REM, (at(web), at(bond), at(nic)), (at(nic), at(bond), at(web)))
    found = edge(network, WEB, REM)
    assert (found["left_host"], found["verdict"]) == ("left", "inter_host")


def test_the_vacuous_ones_say_what_they_should():
    """The same captures with the machines truly on one host, confirmed, would be ``strong``: the tests can fail."""
    network, mirror = mirrored()
    with_gateway(network, mirror, WEB, REM)
    talk(network, WEB, REM, (at(mirror),), (at(mirror),))
    assert sure_of_staying(edge(network, WEB, REM, record(WEB, "host-a"), record(REM, "host-a")))
