"""Graphs to export: a realistic one whose sums were done on paper, and one full of hostile text."""

from typing import Any

import networkx as nx

T0_NS = 1_760_000_000_123_456_789
FULL_64_BIT = 2**63 - 1

HOSTILE = [
    "",
    " ",
    "\x00",
    "a\x00b\x1b[31m\r\n\t\x7f\x85c",
    "<script>alert(1)</script>]]>&amp;&lt;",
    '"><img src=x onerror=alert(1)>',
    "invoice\u202egpj.exe",
    "zero\u200bwidth\ufeff\u2028line\u2029paragraph",
    "\ud800 lone \udcff",
    "\ufffe\uffff\ufffd",
    "=cmd|' /C calc'!A0",
    "  +1+1",
    "-2+3",
    "@SUM(1)",
    "\t=1",
    "\r\n@x",
    "\uff1d1+1",
    "\u3000\uff20SUM(1)",
    "'quoted",
    "''=1",
    "a;=1+1",
    'a;"=1+1',
    'say "hi", then; leave',
    "_x0041_",
    "_x0041\x00",
    "\x00x0041_",
    "_x_x005F_",
    "DOMAIN\\host\\u202e",
    "x" * 300,
    "\U0001f680\U0001f468\u200d\U0001f469\u200d\U0001f467 \u6771\u4eac",
    "\U000e0041tag",
    "None",
    "null",
    "1e5",
]
"""What breaks naive writers: control characters, markup, bidirectional overrides, formulas, fake escapes."""


def make_graph() -> nx.DiGraph:
    """Two hosts, four VMs and what is around them, a self-loop, a hairpin and nulls.

    Bytes: 1,000 switched and stayed, 600 hairpin, 250 to another host of which 50 are undetermined, 90 to the
    internet, 60 in a self-loop, 40 of a group (multicast, apart from the shares).
    """
    graph = nx.DiGraph()
    graph.graph.update(
        schema="flowmap-graph/1",
        complete=False,
        name="lab.pcapng",
        estimated=["conversations"],
        totals=_totals(),
        captures=[_capture()],
        points=[
            _point("lab.pcapng:vnet0", "vnic"),
            _point("lab.pcapng:eth0", "uplink", host=None, packets=0),
        ],
        inventory=[
            {
                "file": "vms.csv",
                "format": "csv",
                "rows": 4,
                "observed_at_ns": T0_NS - 3_600_000_000_000,
                "observed_how": "header",
            }
        ],
        hosts=_hosts(),
        moves=[
            {"node": "vm:db-01", "from_host": "esx-02", "to_host": None, "time_ns": T0_NS + 1_000_000, "how": "RARP"}
        ],
        range=None,
        shares=_shares(),
        grades=_grades(),
        services=_services(),
        warnings=[{"code": "implausible_time", "text": "1 packet has no plausible time.", "count": 1}],
    )
    graph.add_node("vm:web-01", **node("web-01", "vm", "esx-01", ["10.0.10.11", "fe80::5054:ff:fe00:11"]))
    graph.add_node("vm:app-01", **node("app-01", "vm", "esx-01", ["10.0.10.12"]))
    graph.add_node("vm:db-01", **node("db-01", "vm", "esx-01", ["10.0.20.13"]))
    graph.add_node("vm:backup", **node("backup", "vm", "esx-02", []))
    graph.add_node("ip:default/192.0.2.1", **node("192.0.2.1", "router", None, ["192.0.2.1"]))
    graph.add_node("ip:default/198.51.100.7", **node("198.51.100.7", "external", None, ["198.51.100.7"]))
    graph.add_node("mac:vlan10/52:54:00:00:00:99", **node("esx-01", "hypervisor", "esx-01", []))
    graph.add_node("group:multicast", **node("multicast", "group", None, []))
    graph.add_edge("vm:web-01", "vm:app-01", **edge("intra_host_switched", "stayed", "proven", stayed=1000))
    graph.add_edge("vm:db-01", "vm:app-01", **edge("hairpin_routed", "left", "likely", left=600))
    graph.add_edge("vm:backup", "vm:db-01", **edge("inter_host", "left", "strong", left=200, undetermined=50))
    graph.add_edge("vm:web-01", "ip:default/198.51.100.7", **edge("north_south", "left", "strong", left=90))
    graph.add_edge("ip:default/192.0.2.1", "ip:default/192.0.2.1", **edge("undetermined", "undetermined", None, 60))
    graph.add_edge("vm:app-01", "group:multicast", **edge("flooded", None, None, 40))
    return graph


def empty_graph() -> nx.DiGraph:
    """The map of a capture without packets."""
    graph = nx.DiGraph()
    graph.graph.update(make_graph().graph)
    return graph


def node(label: str, kind: str, host: str | None, ips: list[str]) -> dict[str, Any]:
    """Attributes of a node."""
    return {
        "label": label,
        "kind": kind,
        "host": host,
        "vswitch": "br-int" if host else None,
        "segments": ["vlan10"],
        "macs": ["52:54:00:00:00:11"] if ips else [],
        "ips": ips,
        "names": [{"name": label, "source": "inventory"}, {"name": label + ".lab", "source": "dns"}],
        "wire_bytes": FULL_64_BIT,
        "packets": 12,
    }


def edge(
    verdict: str,
    left_host: str | None,
    grade: str | None,
    undetermined: int = 0,
    stayed: int = 0,
    left: int = 0,
) -> dict[str, Any]:
    """Attributes of an edge whose bytes are the sum of the three parts, a quarter of them backwards."""
    wire_bytes = stayed + left + undetermined
    return {
        "initiator": "syn",
        "conversations": 3,
        "conversations_from_target": 1,
        "wire_bytes": wire_bytes,
        "payload_bytes": wire_bytes // 2,
        "source_to_target_bytes": wire_bytes - wire_bytes // 4,
        "target_to_source_bytes": wire_bytes // 4,
        "packets": 9,
        "first_seen_ns": T0_NS,
        "last_seen_ns": None if verdict == "flooded" else T0_NS + 5_000_000_001,
        "services": [
            {"protocol": "tcp", "port": 443, "application": "tls", "wire_bytes": wire_bytes},
            {"protocol": "icmp", "port": None, "application": None, "wire_bytes": 0},
        ],
        "left_host": left_host,
        "verdict": verdict,
        "grade": grade,
        "stayed_bytes": stayed,
        "left_bytes": left,
        "undetermined_bytes": undetermined,
        "hairpin_bytes": left if verdict.startswith("hairpin") else 0,
        "stayed_grade": grade if stayed else None,
        "evidence": [
            {
                "rule": "sighting-1",
                "supports": True,
                "text": "Seen at both vNICs; not at the uplink.",
                "points": ["lab.pcapng:vnet0"],
                "frames": [1, 2, 70_000],
                "count": 9,
            }
        ],
        "would_settle": ["a capture of vmnic1 on esx-01"],
    }


def named_graph(texts: list[str]) -> nx.DiGraph:
    """A chain of VMs named ``texts``, which also stand wherever else a document holds free text."""
    graph = make_graph()
    for number, text in enumerate(texts):
        graph.add_node(f"vm:{text}", **{**node(text, "vm", text, [text]), "vswitch": text, "segments": [text, text]})
        hostile = edge("undetermined", "undetermined", None, 10)
        hostile["services"][0].update(protocol=text, application=text)
        hostile["evidence"][0].update(rule=text, text=text, points=[text])
        hostile["would_settle"] = [text]
        graph.add_edge(f"vm:{texts[number - 1]}", f"vm:{text}", **hostile)
    if texts:
        graph.graph["name"] = texts[0]
        graph.graph["captures"][0]["file"] = texts[-1]
        graph.graph["points"][0].update(interface=texts[0], host=texts[-1], how=texts[0])
        graph.graph["warnings"][0]["text"] = texts[-1]
        graph.graph["totals"]["skipped"] = {texts[0]: 1}
    return graph


def _totals() -> dict[str, Any]:
    return {
        "packets": 57,
        "frame_bytes": 4_000,
        "wire_bytes": 4_100,
        "captured_bytes": 3_000,
        "unique_bytes": 1_000 + 600 + 250 + 90 + 60 + 40,
        "conversations": 18,
        "five_tuples": 15,
        "first_seen_ns": T0_NS,
        "last_seen_ns": T0_NS + 5_000_000_001,
        "duplicate_packets": 2,
        "non_ip_packets": 1,
        "skipped": {"too_deep": 1},
    }


def _shares() -> dict[str, int]:
    return {
        "internet_bytes": 90,
        "east_west_bytes": 1_910,
        "switched_bytes": 1_000,
        "routed_bytes": 600,
        "path_unknown_bytes": 310,
        "vm_vm_bytes": 1_850,
        "within_host_bytes": 1_000,
        "stayed_bytes": 1_000,
        "left_bytes": 890,
        "undetermined_bytes": 110,
        "hairpin_bytes": 600,
    }


def by_grade(proven: int = 0, strong: int = 0, likely: int = 0, ungraded: int = 0) -> dict[str, int]:
    """Bytes of one figure by grade."""
    return {
        "proven_bytes": proven,
        "strong_bytes": strong,
        "likely_bytes": likely,
        "weak_bytes": 0,
        "ungraded_bytes": ungraded,
    }


def _grades() -> dict[str, dict[str, int]]:
    """Proven: 1,000 that stayed. Strong: 200 between hosts and 90 to the internet. Likely: the hairpin's 600."""
    return {
        "internet": by_grade(strong=90),
        "east_west": by_grade(proven=1_000, strong=200, likely=600, ungraded=110),
        "switched": by_grade(proven=1_000),
        "routed": by_grade(likely=600),
        "path_unknown": by_grade(strong=200, ungraded=110),
        "vm_vm": by_grade(proven=1_000, strong=200, likely=600, ungraded=50),
        "within_host": by_grade(proven=1_000),
        "stayed": by_grade(proven=1_000),
        "left": by_grade(strong=290, likely=600),
        "undetermined": by_grade(ungraded=110),
        "hairpin": by_grade(likely=600),
    }


def _hosts() -> list[dict[str, Any]]:
    """esx-01 has an end of everything but the router's self-loop, esx-02 of its pair with esx-01 alone."""
    nothing = dict.fromkeys(_shares(), 0)
    no_grades = {name: by_grade() for name in _grades()}
    return [
        {
            "host": "esx-01",
            "cluster": "Rack <A>",
            "uplinks": ["vmnic0"],
            "uplinks_complete": True,
            "wire_bytes": 1_940,
            **_shares(),
            "east_west_bytes": 1_850,
            "path_unknown_bytes": 250,
            "undetermined_bytes": 50,
            "by_grade": {
                **_grades(),
                "east_west": by_grade(proven=1_000, strong=200, likely=600, ungraded=50),
                "path_unknown": by_grade(strong=200, ungraded=50),
                "undetermined": by_grade(ungraded=50),
            },
        },
        {
            "host": "esx-02",
            "cluster": None,
            "uplinks": [],
            "uplinks_complete": False,
            "wire_bytes": 250,
            **nothing,
            **dict.fromkeys(("east_west_bytes", "path_unknown_bytes", "vm_vm_bytes"), 250),
            "left_bytes": 200,
            "undetermined_bytes": 50,
            "by_grade": {
                **no_grades,
                **dict.fromkeys(("east_west", "path_unknown", "vm_vm"), by_grade(strong=200, ungraded=50)),
                "left": by_grade(strong=200),
                "undetermined": by_grade(ungraded=50),
            },
        },
    ]


def _services() -> list[dict[str, Any]]:
    return [
        {
            "protocol": "tcp",
            "port": 443,
            "application": "tls",
            "wire_bytes": 2_000,
            "stayed_bytes": 1_000,
            "left_bytes": 890,
            "undetermined_bytes": 110,
            "stayed_by_grade": by_grade(proven=1_000),
        }
    ]


def _capture() -> dict[str, Any]:
    return {
        "file": "lab.pcapng",
        "size_bytes": 5_000,
        "sha256": "0123456789abcdef" * 4,
        "format": "pcapng",
        "reader": "pyshark",
        "packets": 57,
        "complete": False,
        "warnings": [{"code": "cut_short", "text": "Cut short at byte 4,990.", "count": 1}],
    }


def _point(identity: str, role: str, host: str | None = "esx-01", packets: int = 57) -> dict[str, Any]:
    seen = packets > 0
    return {
        "id": identity,
        "file": "lab.pcapng",
        "interface": identity.rpartition(":")[2],
        "role": role,
        "host": host,
        "how": "role stated; host stated" if host else "nothing known",
        "packets": packets,
        "copies_per_packet": 1.04 if seen else None,
        "one_way_share": 0.25 if seen else None,
        "truncated_share": 0.0 if seen else None,
        "sampled": 1,
        "dropped_packets": 3 if seen else None,
        "first_seen_ns": T0_NS if seen else None,
        "last_seen_ns": T0_NS + 5_000_000_001 if seen else None,
        "interface_id": 0,
        "ifindex": None,
        "session": "",
        "role_how": "stated" if host else "",
        "host_how": "stated" if host else "",
        "covers": "",
        "neighbors": [
            {"name": "tor-1", "port": "Eth1/1", "platform": "NOS <4.2>", "protocol": "lldp", "frame": 1}
        ] if role == "uplink" else [],
    }  # fmt: skip
