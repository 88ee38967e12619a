"""The inventory files and the points file that go with the samples, from how the lab was built."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import bridge_scenario
import overlay_scenario
import reflect_scenario
import vlan_network
import vlan_scenario
from machines import VirtualMachine
from openvswitch import OpenVSwitch

COLUMNS = ("vm", "mac", "ip", "host", "vswitch", "portgroup", "vlan")
RVTOOLS_COLUMNS = (
    "VM", "Powerstate", "Template", "SRM Placeholder", "NIC label", "Adapter", "Network", "Switch",
    "Connected", "Starts Connected", "Mac Address", "Type", "IPv4 Address", "IPv6 Address", "Direct Path IO",
    "Internal Sort Column", "Annotation", "Datacenter", "Cluster", "Host", "Folder",
    "OS according to the configuration file", "OS according to the VMware Tools", "VM ID", "VM UUID",
    "VI SDK Server", "VI SDK UUID",
)  # fmt: skip
DOMAIN_XML = """\
<domain type='kvm' id='{number}'>
  <name>{vm.name}</name>
  <uuid>{vm.uuid}</uuid>
  <memory unit='KiB'>1048576</memory>
  <vcpu placement='static'>1</vcpu>
  <os>
    <type arch='x86_64' machine='pc-q35-7.2'>hvm</type>
  </os>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <interface type='bridge'>
      <mac address='{vm.mac}'/>
      <source bridge='{vm.vswitch}'/>
      <vlan>
        <tag id='{vm.vlan}'/>
      </vlan>
      <virtualport type='openvswitch'>
        <parameters interfaceid='{vm.port_uuid}'/>
      </virtualport>
      <target dev='{vm.port}'/>
      <model type='virtio'/>
      <alias name='net0'/>
    </interface>
  </devices>
</domain>
"""


def write(folder: Path, exported_at_s: int, host_a: OpenVSwitch) -> None:
    """Write all inventory files; must run while the `vlan` scenario still stands."""
    listed = [vm for vm in vlan_network.MACHINES if vm.listed]
    _write_csv(folder / "inventory.csv", COLUMNS, map(_row, listed))
    _write_csv(folder / "inventory-overlay.csv", COLUMNS, map(_row, overlay_scenario.MACHINES))
    _write_csv(folder / "inventory-bridge.csv", COLUMNS, map(_row, bridge_scenario.MACHINES))
    _write_csv(folder / "inventory-vepa.csv", COLUMNS, map(_row, reflect_scenario.MACHINES))
    _write_csv(folder / "rvtools-vNetwork.csv", RVTOOLS_COLUMNS, map(_rvtools_row, listed))
    moment = datetime.fromtimestamp(exported_at_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    (folder / "inventory.yaml").write_text(_yaml(listed, moment))
    # Indented and one row a line, so that a change of the lab can be read in a diff.
    table = json.loads(host_a.configure("--format=json", "list", "Interface"))
    rows = ",\n".join(json.dumps(row) for row in table["data"])
    text = f'{{"data":[\n{rows}\n],\n"headings":{json.dumps(table["headings"])}}}\n'
    (folder / "ovs-host-a-interface.json").write_text(text)
    (folder / "virsh-dumpxml-web-1.xml").write_text(DOMAIN_XML.format(vm=listed[0], number=1))
    (folder / "points.yaml").write_text(points_file())


def _write_csv(path: Path, columns: tuple[str, ...], rows: Iterable[dict[str, str]]) -> None:
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _addresses(vm: VirtualMachine) -> list[str]:
    return [vm.ip] + ([vm.ipv6] if vm.ipv6 else [])


def _row(vm: VirtualMachine) -> dict[str, str]:
    return {
        "vm": vm.name, "mac": vm.mac, "ip": " ".join(_addresses(vm)), "host": vm.host, "vswitch": vm.vswitch,
        "portgroup": vm.network, "vlan": str(vm.vlan or ""),
    }  # fmt: skip


def _rvtools_row(vm: VirtualMachine) -> dict[str, str]:
    return {
        "VM": vm.name, "Powerstate": "poweredOn", "Template": "False", "SRM Placeholder": "False",
        "NIC label": "Network adapter 1", "Adapter": "Vmxnet3", "Network": vm.network, "Switch": vm.vswitch,
        "Connected": "True", "Starts Connected": "True", "Mac Address": vm.mac, "Type": "assigned",
        "IPv4 Address": vm.ip, "IPv6 Address": vm.ipv6, "Direct Path IO": "False", "Datacenter": "lab",
        "Cluster": "cluster-1", "Host": vm.host, "Folder": "lab",
        "VM ID": f"vm-{100 + int(vm.ip.split('.')[3])}", "VM UUID": vm.uuid,
        "VI SDK Server": "vcenter.lab.example",
    }  # fmt: skip


def _yaml(machines: list[VirtualMachine], moment: str) -> str:
    lines = [f"exported_at: {moment}", "vms:"]
    for vm in machines:
        lines += [f"  - vm: {vm.name}", f'    mac: "{vm.mac}"', "    ip:"]
        lines += [f'      - "{address}"' for address in _addresses(vm)]
        lines += [f"    host: {vm.host}", f"    vswitch: {vm.vswitch}", f"    portgroup: {vm.network}"]
        lines += [f"    vlan: {vm.vlan}"]
    return "\n".join(lines) + "\n"


def points_file() -> str:
    """The points file for all samples."""
    uplinks = {"host-a": "vmnic0", "host-b": "vmnic0"} | overlay_scenario.UPLINK
    uplinks |= {reflect_scenario.HOST: reflect_scenario.UPLINK}
    lines = ["# Where each sample was recorded.", "hosts:"]
    lines += [f"  {host}: {{ uplinks: [{nic}], uplinks_complete: true }}" for host, nic in uplinks.items()]
    lines += ["points:"]
    for file, host in vlan_scenario.PORT_FILES.items():
        lines += [_point(file, port, host, "vnic") for port in vlan_scenario.ports_of(host)[:-1]]
        lines += [_point(file, "vmnic0", host, "uplink")]
    for file, host in vlan_scenario.MIRROR_FILES.items():
        lines += [f"  - {{ file: {file}, host: {host}, role: mirror, covers: all, sampled: 1 }}"]
    for host, address in vlan_network.HOST_ADDRESS.items():
        session = f"erspan:{address}/{vlan_network.ERSPAN_SESSION[host]}"
        lines += [f'  - {{ session: "{session}", host: {host}, role: mirror, covers: all, sampled: 1 }}']
    for node in overlay_scenario.NODES:
        ports = overlay_scenario.ports_of(node)
        lines += [_point(overlay_scenario.OVERLAY_FILE, port, node, "vnic") for port in ports[:-1]]
        lines += [_point(overlay_scenario.OVERLAY_FILE, ports[-1], node, "uplink")]
    bridge = f"file: {bridge_scenario.BRIDGE_FILE}, host: {bridge_scenario.HOST}"
    lines += [f"  - {{ {bridge}, role: mirror, covers: all, sampled: 1 }}"]
    file, host = reflect_scenario.REFLECT_FILE, reflect_scenario.HOST
    lines += [_point(file, vm.port, host, "vnic") for vm in reflect_scenario.MACHINES]
    lines += [_point(file, reflect_scenario.UPLINK, host, "uplink")]
    return "\n".join(lines) + "\n"


def _point(file: str, interface: str, host: str, role: str) -> str:
    return f"  - {{ file: {file}, interface: {interface}, host: {host}, role: {role} }}"
