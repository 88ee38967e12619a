"""Rows 7 and 8: routed between two ports of one host and on none of its uplinks; the router's place decides."""

from __future__ import annotations

import pytest

from tests.locality.two_hosts import APP, DB, GATEWAY_10, GATEWAY_20, OUTSIDE, REM, WEB, Lab
from tests.network import Machine, at, record, talk, vm

DISTRIBUTED = Machine("dr", 0x025056564452, "10.10.0.1")
ROUTER_10, ROUTER_20 = vm(21, "10.10.0.254"), vm(22, "10.20.0.254")
HSRP = Machine("hsrp", 0x00000C07AC0A, "10.10.0.1")


def routed(lab: Lab, into: Machine, out_of: Machine, *, before=(), after=(), **facts) -> None:
    """WEB to DB and back by a router; ``before`` and ``after`` are points on the way, before and behind it."""
    there = {"src_mac": out_of.mac, "dst_mac": DB.mac, "ttl": 63}
    back = {"src_mac": into.mac, "dst_mac": WEB.mac, "ttl": 63}
    talk(
        lab.network, WEB, DB,
        (at(lab.web), *(at(point) for point in before), *(at(point, **there) for point in after), at(lab.db, **there)),
        (at(lab.db), *(at(point) for point in after), *(at(point, **back) for point in before), at(lab.web, **back)),
        via=into, via_back=out_of, **facts,
    )  # fmt: skip


def verdict(edge):
    return edge["verdict"], edge["left_host"], edge["grade"]


def rules(edge):
    return {row["rule"] for row in edge["evidence"] if row["supports"]}


def test_row_7_a_distributed_router_between_two_ports_is_proven_by_silent_uplinks():
    lab = Lab()
    lab.chatter()
    routed(lab, DISTRIBUTED, DISTRIBUTED)
    edge = lab.edge(WEB, DB)
    assert verdict(edge) == ("intra_host_routed_distributed", "stayed", "proven")
    assert rules(edge) == {"sighting-7"}


@pytest.mark.parametrize(("facts", "grade"), [({"with_uplinks": False}, "likely"), ({"complete": False}, "likely")])
def test_row_7_is_as_good_as_the_uplinks_that_were_captured(facts, grade):
    lab = Lab(**facts)
    if facts.get("with_uplinks", True):
        lab.chatter()
    else:
        for number, (one, other, here, there) in enumerate(((WEB, APP, lab.web, lab.app), (DB, APP, lab.db, lab.app))):
            talk(lab.network, one, other, (at(here), at(there)), (at(there), at(here)), client_port=number + 5)
    routed(lab, DISTRIBUTED, DISTRIBUTED)
    assert verdict(lab.edge(WEB, DB)) == ("intra_host_routed_distributed", "stayed", grade)


def test_row_7_to_a_distributed_router_and_from_a_firewall_outside():
    """The router in the host hands over to a firewall that leaves the TTL alone and has a locally administered MAC."""
    lab = Lab(with_uplinks=False)
    for number, (one, other, here, there) in enumerate(((WEB, APP, lab.web, lab.app), (DB, APP, lab.db, lab.app))):
        talk(lab.network, one, other, (at(here), at(there)), (at(there), at(here)), client_port=number + 5)
    routed(lab, DISTRIBUTED, Machine("firewall", 0x02005E00000F, "10.20.0.1"))
    assert lab.edge(WEB, DB)["stayed_bytes"] == 0


def test_row_7_a_router_of_unknown_kind_and_silent_uplinks_stayed_but_is_not_proven():
    lab = Lab()
    lab.chatter()
    routed(lab, ROUTER_10, ROUTER_20)
    edge = lab.edge(WEB, DB)
    assert (edge["left_host"], edge["grade"]) == ("stayed", "strong")


def test_row_7_a_router_that_looks_physical_is_likely_at_most():
    lab = Lab()
    lab.chatter()
    routed(lab, GATEWAY_10, GATEWAY_20)
    edge = lab.edge(WEB, DB)
    assert (edge["left_host"], edge["grade"]) == ("stayed", "likely")


def test_row_7_a_router_that_sends_on_the_uplink_stands_beyond_it():
    """The second cable of a team that nobody captured: WEB's other traffic and the gateway's are on the first."""
    lab = Lab()
    lab.chatter()
    talk(
        lab.network, APP, OUTSIDE, (at(lab.app), at(lab.up_a)),
        (at(lab.up_a, src_mac=GATEWAY_10.mac, ttl=57), at(lab.app, src_mac=GATEWAY_10.mac, ttl=57)), via=GATEWAY_10,
    )  # fmt: skip
    routed(lab, GATEWAY_10, GATEWAY_20)
    edge = lab.edge(WEB, DB)
    assert (edge["left_host"], edge["grade"], edge["stayed_bytes"]) == ("undetermined", "conflict", 0)


def test_row_7_an_address_that_only_physical_routers_have_is_a_conflict():
    lab = Lab()
    lab.chatter()
    routed(lab, HSRP, GATEWAY_20)
    assert verdict(lab.edge(WEB, DB))[1:] == ("undetermined", "conflict")


def test_row_7_without_any_uplink_an_unknown_router_decides_nothing():
    lab = Lab(with_uplinks=False)
    routed(lab, ROUTER_10, ROUTER_20)
    assert lab.edge(WEB, DB)["stayed_bytes"] == 0


class RouterLab(Lab):
    """The lab with a router VM that has a port in each segment, on host-a or on host-b."""

    def __init__(self, *, router_host: str = "host-a", **facts) -> None:
        super().__init__(**facts)
        file = "a.pcapng" if router_host == "host-a" else "b.pcapng"
        self.r10 = self.network.point("vnet10", "vnic", router_host, file=file)
        self.r20 = self.network.point("vnet20", "vnic", router_host, file=file)
        # Each router port also shows another VM, or its own peer could as well be its owner.
        for number, (port, router, machine, other) in enumerate(
            ((self.r10, ROUTER_10, APP, self.app), (self.r20, ROUTER_20, REM, self.rem))
        ):
            between = (at(self.up_a), at(self.up_b)) if machine is REM and facts.get("with_uplinks", True) else ()
            talk(self.network, machine, router, (at(other), *between, at(port)), (at(port), *between, at(other)),
                 client_port=700 + number)  # fmt: skip


def test_row_8_through_both_ports_of_a_router_vm_is_proven_by_silent_uplinks():
    lab = RouterLab()
    lab.chatter()
    routed(lab, ROUTER_10, ROUTER_20, before=[lab.r10], after=[lab.r20])
    edge = lab.edge(WEB, DB)
    assert verdict(edge) == ("intra_host_routed_vm", "stayed", "proven")
    assert rules(edge) == {"sighting-8"}


def test_row_8_without_its_ports_the_inventory_may_place_the_router():
    lab = Lab()
    lab.chatter()
    routed(lab, ROUTER_10, ROUTER_20)
    rows = [record(machine, "host-a") for machine in (WEB, DB, ROUTER_10, ROUTER_20)]
    assert verdict(lab.edge(WEB, DB, *rows)) == ("intra_host_routed_vm", "stayed", "strong")


def test_a_router_vm_on_another_host_is_out_and_back():
    lab = RouterLab(router_host="host-b", with_uplinks=False)
    for number, (machine, port) in enumerate(((WEB, lab.web), (DB, lab.db))):
        talk(lab.network, machine, REM, (at(port), at(lab.rem)), (at(lab.rem), at(port)), client_port=30 + number)
    routed(lab, ROUTER_10, ROUTER_20, before=[lab.r10], after=[lab.r20])
    edge = lab.edge(WEB, DB)
    assert verdict(edge) == ("hairpin_routed", "left", "strong")


# --- a mirror or one port beside complete uplinks


class MirrorLab:
    """A mirror of host-a and both of its uplinks' captures."""

    def __init__(self, *, complete: bool = True) -> None:
        self.lab = Lab(complete=complete)
        self.network = self.lab.network
        self.mirror = self.network.point("", "mirror", "host-a", file="mirror.pcap")
        for number, machine in enumerate((WEB, APP, DB)):
            there = (at(self.mirror), at(self.lab.up_a), at(self.lab.up_b))
            talk(self.network, machine, REM, there, there, client_port=50_000 + number, port=9)


def test_in_the_mirror_and_on_none_of_the_captured_uplinks_is_strong():
    stage = MirrorLab()
    talk(stage.network, WEB, APP, (at(stage.mirror),), (at(stage.mirror),))
    edge = stage.lab.edge(WEB, APP)
    assert verdict(edge) == ("intra_host_switched", "stayed", "strong")


def test_in_the_mirror_and_on_an_uplink_it_left():
    stage = MirrorLab()
    assert stage.lab.edge(WEB, REM)["left_host"] == "left"


@pytest.mark.parametrize("spoil", ["not complete", "not answered", "no positive control"])
def test_in_the_mirror_alone_it_is_undetermined(spoil):
    stage = MirrorLab(complete=spoil != "not complete")
    there = (at(stage.mirror),)
    if spoil == "not answered":
        for number in range(5):
            stage.network.send(WEB, APP, *there, seq=1 + 1000 * number)
    elif spoil == "no positive control":
        one, other = vm(8, "10.10.0.18"), vm(9, "10.10.0.19")
        talk(stage.network, one, other, there, there)
        assert stage.lab.edge(one, other)["stayed_bytes"] == 0
        return
    else:
        talk(stage.network, WEB, APP, there, there)
    assert stage.lab.edge(WEB, APP)["stayed_bytes"] == 0


def test_routed_in_the_mirror_and_on_no_uplink_stayed():
    stage = MirrorLab()
    there = {"src_mac": DISTRIBUTED.mac, "dst_mac": DB.mac, "ttl": 63}
    back = {"src_mac": DISTRIBUTED.mac, "dst_mac": WEB.mac, "ttl": 63}
    talk(stage.network, WEB, DB, (at(stage.mirror), at(stage.mirror, **there)),
         (at(stage.mirror), at(stage.mirror, **back)), via=DISTRIBUTED, via_back=DISTRIBUTED)  # fmt: skip
    assert verdict(stage.lab.edge(WEB, DB)) == ("intra_host_routed_distributed", "stayed", "strong")


def test_a_vm_and_its_hypervisor_behind_silent_uplinks_are_host_local():
    stage = MirrorLab()
    management = Machine("esx-vmk", 0x005056600001, "10.10.0.5")
    there = (at(stage.mirror), at(stage.lab.up_a))
    talk(stage.network, management, REM, there, there, port=443)
    talk(stage.network, WEB, management, (at(stage.mirror),), (at(stage.mirror),))
    rows = [record(management, "host-a", kind="hypervisor", vm="")]
    assert verdict(stage.lab.edge(WEB, management, *rows)) == ("host_local", "stayed", "strong")
