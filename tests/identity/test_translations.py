"""Address translation: both sides of a router are one conversation, and two receivers of one message are two."""

from __future__ import annotations

import pytest

from tests.locality.two_hosts import APP, DB, GATEWAY_10, GATEWAY_20, WEB, Lab
from tests.network import ACK, START_NS, UDP, Machine, at

FLOATING = Machine("floating", GATEWAY_10.mac, "203.0.113.50")
"""The public address of DB; its packets carry the gateway's MAC."""


def floating_ip(lab: Lab, count: int = 20, protocol: int = 6, source: Machine = WEB, turned_source: str | None = None):
    """WEB on host-a talks to DB on host-a by DB's floating address: out to the router and back under another one."""
    behind = Machine("behind", source.mac, turned_source or source.ip)
    for k in range(count):
        now = START_NS + k * 10_000_000
        facts = {"time_ns": now, "protocol": protocol, "payload": 1000, "ip_id": 100 + k, "content": k + 1}
        lab.network.send(
            source, FLOATING, at(lab.web), at(lab.up_a, vlan=10), seq=1 + 1000 * k, via=GATEWAY_10, **facts
        )
        lab.network.send(behind, DB, at(lab.up_a, vlan=20, src_mac=GATEWAY_20.mac), at(lab.db, src_mac=GATEWAY_20.mac),
                         seq=1 + 1000 * k, ttl=63, **facts)  # fmt: skip
        answer = facts | {
            "ports": (80, 40_000),
            "ip_id": 9000 + k,
            "payload": 200,
            "content": 5000 + k,
            "time_ns": now + 500,
        }
        out = (at(lab.db), at(lab.up_a, vlan=20))
        lab.network.send(DB, behind, *out, seq=7 + 200 * k, ack=1 + 1000 * k, via=GATEWAY_20, **answer)
        lab.network.send(FLOATING, source, at(lab.up_a, vlan=10), at(lab.web), seq=7 + 200 * k, ack=1 + 1000 * k,
                         ttl=63, **answer)  # fmt: skip


@pytest.mark.parametrize("protocol", [6, UDP])
@pytest.mark.parametrize("turned_source", [None, "203.0.113.1"], ids=["destination only", "source too"])
def test_both_sides_of_a_floating_address_are_one_conversation_counted_once(protocol, turned_source):
    lab = Lab()
    lab.chatter()
    before = len(lab.network.map().talks)
    floating_ip(lab, protocol=protocol, turned_source=turned_source)
    flow_map = lab.network.map()
    assert len(flow_map.talks) == before + 1
    edge = lab.edge(WEB, DB)
    assert edge["payload_bytes"] == 20 * 1200
    assert (edge["verdict"], edge["left_host"], edge["grade"]) == ("hairpin_routed", "left", "likely")
    assert edge["evidence"][0]["rule"] == "translated"
    assert "203.0.113.50 to 10.20.0.13" in edge["evidence"][0]["text"]


def test_the_floating_address_is_no_machine_of_its_own_then():
    lab = Lab()
    lab.chatter()
    floating_ip(lab)
    assert "203.0.113.50" not in {ip for _, node in lab.network.map().graph.nodes(data=True) for ip in node["ips"]}


def test_one_message_to_two_receivers_is_no_translation():
    """The same datagrams to APP here and to a collector beyond the router; neither answers alike."""
    lab = Lab()
    lab.chatter()
    before = len(lab.network.map().talks)
    outside = Machine("collector", GATEWAY_10.mac, "198.51.100.9")
    for k in range(20):
        facts = {"protocol": UDP, "payload": 300, "content": k + 1, "ip_id": 0, "ports": (514, 514),
                 "time_ns": START_NS + k * 10_000_000}  # fmt: skip
        lab.network.send(WEB, APP, at(lab.web), at(lab.app), **facts)
        lab.network.send(WEB, outside, at(lab.web), at(lab.up_a, vlan=10), via=GATEWAY_10, **facts)
    flow_map = lab.network.map()
    assert len(flow_map.talks) == before + 2
    assert lab.edge(WEB, outside)["stayed_bytes"] == 0


def test_a_relay_that_answers_for_itself_is_no_translation():
    """Same contents forwarded by a VM with the TTL of its own: one direction does not cross a router."""
    lab = Lab()
    lab.chatter()
    before = len(lab.network.map().talks)
    for k in range(20):
        facts = {"time_ns": START_NS + k * 10_000_000, "ip_id": 100 + k, "flags": ACK}
        lab.network.send(WEB, APP, at(lab.web), at(lab.app), seq=1 + 1000 * k, **facts)
        lab.network.send(APP, DB, at(lab.app), at(lab.db), seq=1 + 1000 * k, **facts)
        answer = facts | {"ports": (80, 40_000), "ip_id": 9000 + k}
        lab.network.send(DB, APP, at(lab.db), at(lab.app), seq=7 + 200 * k, **answer)
        lab.network.send(APP, WEB, at(lab.app), at(lab.web), seq=7 + 200 * k, **answer)
    assert len(lab.network.map().talks) == before + 2
