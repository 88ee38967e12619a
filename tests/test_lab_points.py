"""What real captures tell of their own points: LLDP of the lab's switch, copies of it at mirrors, merged files."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from flowmap.capture.points import Statements, parse_point_option
from flowmap.capture.tools import find_tshark
from flowmap.inventory import Inventory, read_inventory
from flowmap.pipeline import make_map
from flowmap.reading import read_captures
from flowmap.settings import Settings
from tests.lab import CAPTURES, TRUTH

SETTINGS = Settings()


def mapped(*files, options=(), inventory=(), reader="auto"):
    reading = read_captures([CAPTURES / file for file in files], SETTINGS, reader=reader)
    known = read_inventory([CAPTURES / name for name in inventory]) if inventory else Inventory([])
    statements = Statements(points=[parse_point_option(text) for text in options])
    return make_map(reading, known, statements, SETTINGS, "lab")


def only(interface, folder, file="ports-host-a.pcapng"):
    """The frames of one interface as a plain pcap, made by tshark."""
    path = folder / "plain.pcap"
    command = [find_tshark(SETTINGS), "-r", CAPTURES / file, "-Y", f'frame.interface_name == "{interface}"']
    subprocess.run([*command, "-F", "pcap", "-w", path], check=True, capture_output=True, timeout=60)
    return path


@pytest.mark.parametrize("reader", ["header", "pyshark"])
def test_the_switch_is_heard_on_the_uplink(reader):
    flow_map = mapped("ports-host-a.pcapng", reader=reader)
    heard = {point.interface: point.neighbors for point in flow_map.points if point.neighbors}
    assert list(heard) == ["vmnic0"]
    (switch,) = heard["vmnic0"]
    assert (switch.system_name, switch.port, switch.protocol, switch.mac) == ("tor-1", "Eth1/1", "lldp", 0x001B210E0001)
    row = next(row for row in flow_map.graph.graph["points"] if row["interface"] == "vmnic0")
    assert row["neighbors"] == [
        {"name": "tor-1", "port": "Eth1/1", "platform": "", "protocol": "lldp", "frame": switch.frame_number}
    ]
    assert row["how"] == "role inferred from the interface name and LLDP of tor-1 port Eth1/1"


@pytest.mark.parametrize("host", ["a", "b", "c"])
def test_mirrors_hear_copies_and_are_no_uplinks(host):
    """truth.json: each of these files is the output of a select_all mirror."""
    (point,) = mapped(f"mirror-host-{host}.pcap").points
    assert point.role == "mirror" and point.role_how.startswith("inferred from its traffic")
    assert point.neighbors


@pytest.mark.parametrize("file", ["ports-host-a.pcapng", "ports-host-b.pcapng"])
def test_a_real_uplink_in_a_plain_file_is_not_taken_for_a_mirror_or_port(file, tmp_path):
    (point,) = mapped(only("vmnic0", tmp_path, file)).points
    assert point.role == "unknown"
    assert "a mirror shows copies of it" in point.how


def test_a_real_port_in_a_plain_file_looks_like_one(tmp_path):
    (point,) = mapped(only("vnet0", tmp_path)).points
    (web,) = [machine for machine in TRUTH["scenarios"]["vlan"]["machines"] if machine["port"] == "vnet0"
              and machine["host"] == "host-a"]  # fmt: skip
    assert point.role == "vnic" and web["mac"] in point.how


def test_merged_files_keep_their_interfaces_apart_and_can_be_stated(tmp_path):
    """``mergecap -I none`` leaves two interfaces vnet0 and two vmnic0; the user tells whose they are."""
    mergecap = shutil.which("mergecap")
    assert mergecap, "these tests merge captures: install wireshark-common"
    merged = tmp_path / "merged.pcapng"
    sources = [CAPTURES / f"ports-host-{host}.pcapng" for host in ("a", "b")]
    subprocess.run([mergecap, "-I", "none", "-w", merged, *sources], check=True, capture_output=True, timeout=60)
    unsaid = mapped(merged)
    shared = [point for point in unsaid.points if point.shares_name]
    assert {point.interface for point in shared} == {"vnet0", "vnet1", "vnet2", "vnet3", "vnet4", "vmnic0"}
    assert len({point.id for point in unsaid.points}) == len(unsaid.points)
    codes = [row["code"] for row in unsaid.graph.graph["warnings"]]
    assert codes.count("shared_interface_name") == 6

    first = min(point.key.interface_id for point in shared if point.interface == "vmnic0")
    hosts = {
        point.key.interface_id: "host-a" if point.key.interface_id <= first else "host-b" for point in unsaid.points
    }
    said = mapped(merged, options=[f"merged.pcapng:#{number}=host:{host}" for number, host in hosts.items()])
    assert "shared_interface_name" not in [row["code"] for row in said.graph.graph["warnings"]]
    graph = said.graph
    ids = {ip: key for key, node in graph.nodes(data=True) for ip in node["ips"]}
    decided = 0
    for pair in TRUTH["pairs"]:
        ends = [ids.get(pair["a_ip"]), ids.get(pair["b_ip"])]
        edge = graph.get_edge_data(*ends) or graph.get_edge_data(*ends[::-1])
        if edge and edge["left_host"] != "undetermined":
            assert edge["left_host"] == pair["left_host"], pair
            decided += 1
    assert decided > 15
