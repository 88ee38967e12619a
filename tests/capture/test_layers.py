"""Which value belongs to which header, from nothing but tshark's list of protocols."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowmap.capture.layers import DISSECTED, TRAVERSED, Header, stack_of


@pytest.mark.parametrize(
    ("protocols", "ip", "eth", "udp", "tail"),
    [
        ("eth:ethertype:ip:data", Header("ip", 0), 0, -1, ("data",)),
        ("eth:ethertype:ip:udp:data", Header("ip", 0), 0, 0, ("udp", "data")),
        ("raw:ipv6:data", Header("ipv6", 0), -1, -1, ("data",)),
        ("eth:ethertype:ip:udp:vxlan:eth:ethertype:ip:udp:data", Header("ip", 1), 1, 1, ("udp", "data")),
        ("eth:ethertype:ip:udp:vxlan:eth:ethertype:ip:data", Header("ip", 1), 1, -1, ("data",)),
        ("eth:ethertype:ipv6:ip:gre:ppp:ip:udp:dns", Header("ip", 1), 0, 0, ("udp", "dns")),
        ("eth:ethertype:ip:icmp:ip:tcp", Header("ip", 0), 0, -1, ("icmp", "ip", "tcp")),
        ("eth:ethertype:ip:tcp:openflow:eth:ethertype:ip", Header("ip", 0), 0, -1,
         ("tcp", "openflow", "eth", "ethertype", "ip")),
        ("eth:ethertype:ip:udp:vxlan:eth:ethertype:arp", None, 1, -1, ("udp", "vxlan", "eth", "ethertype", "arp")),
        ("eth:ethertype:arp", None, 0, -1, ()),
        ("eth:ethertype:ip:udp:l2tp", Header("ip", 0), 0, 0, ("udp", "l2tp")),
    ],
)  # fmt: skip
def test_the_innermost_headers(protocols, ip, eth, udp, tail):
    stack = stack_of(protocols)
    assert (stack.ip, stack.eth) == (ip, eth)
    if ip:
        assert (stack.udp, stack.tail) == (udp, tail)


def test_extension_headers_of_the_innermost_header_only():
    stack = stack_of("eth:ethertype:ipv6:ipv6.dstopts:ipv6:ipv6.hopopts:ipv6.fraghdr:udp:data")
    assert stack.extensions == (Header("ipv6.hopopts", 0), Header("ipv6.fraghdr", 0))
    assert stack.tail == ("udp", "data")
    assert [wrap.header.kind for wrap in stack.wraps] == ["ipip"]


def test_tags_of_the_innermost_ethernet_header_only():
    stack = stack_of("eth:ethertype:vlan:ethertype:ip:udp:vxlan:eth:ethertype:vlan:ethertype:vlan:ethertype:ip:data")
    assert stack.vlans == (Header("vlan", 1), Header("vlan", 2))


@pytest.mark.parametrize(
    ("protocols", "length"),
    [
        ("eth:ethertype:ip:data", 14),
        ("eth:ethertype:vlan:ethertype:vlan:ethertype:ip:data", 22),
        ("sll:ethertype:ip:data", 16),
        ("eth:ethertype:pppoes:ppp:ip:data", 22),
        ("ppp:ip:data", -1),
        ("eth:ethertype:mpls:ip:data", -1),
        ("eth:ethertype:arp", -1),
    ],
)
def test_the_length_of_the_link_header(protocols, length):
    assert stack_of(protocols).link_bytes == length


def test_dissectors_with_state_or_quotations_are_off():
    assert not DISSECTED & {"tcp", "sctp", "icmp", "icmpv6", "dns", "http", "tls", "sflow", "openflow"}


@given(st.lists(st.sampled_from([*sorted(TRAVERSED), "data", "tcp", "icmp"]), min_size=1, max_size=40))
def test_every_header_is_found_where_it_is_counted(names):
    stack = stack_of(":".join(names))
    end = next((place for place, name in enumerate(names) if name not in TRAVERSED), len(names))
    reached = names[:end]
    if stack.ip:
        assert stack.ip.number == reached.count(stack.ip.kind) - 1
        assert stack.ip_layers == reached.count("ip") + reached.count("ipv6")
    if stack.eth >= 0:
        assert stack.eth == reached.count("eth") - 1
    assert all(names[wrap.place] == wrap.header.kind or wrap.header.kind == "ipip" for wrap in stack.wraps)
