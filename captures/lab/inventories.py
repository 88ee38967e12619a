"""The inventory files and the points file that go with the samples, from how the lab was built."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from machines import Record, VirtualMachine
from scenario import Scenario

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


def write_table(folder: Path, scenario: Scenario) -> None:
    """Write the CSV inventory of a scenario, one row a vNIC."""
    rows = [_row(vnic) for vm in scenario.machines if vm.listed for vnic in vm.vnics]
    columns = (*COLUMNS, "vni") if any(row["vni"] for row in rows) else COLUMNS
    _write_csv(folder / scenario.inventory, columns, rows)


def write_vlan(folder: Path, record: Record) -> None:
    """Write the further formats in which the VMs of scenario `vlan` are listed."""
    listed = [vm for vm in record.machines if vm.listed]
    _write_csv(folder / "rvtools-vNetwork.csv", RVTOOLS_COLUMNS, map(_rvtools_row, listed))
    moment = datetime.fromtimestamp(record.started_at_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    (folder / "inventory.yaml").write_text(_yaml(listed, moment))
    (folder / "virsh-dumpxml-web-1.xml").write_text(DOMAIN_XML.format(vm=listed[0], number=1))


def write_points(folder: Path, scenarios: Iterable[Scenario]) -> None:
    """Write points.yaml for all samples."""
    hosts = {host: ", ".join(nics) for scenario in scenarios for host, nics in scenario.uplinks.items()}
    lines = ["# Where each sample was recorded.", "hosts:"]
    lines += [f"  {host}: {{ uplinks: [{nics}], uplinks_complete: true }}" for host, nics in hosts.items()]
    lines += ["points:", *(line for scenario in scenarios for line in scenario.points)]
    (folder / "points.yaml").write_text("\n".join(lines) + "\n")


def _write_csv(path: Path, columns: tuple[str, ...], rows: Iterable[dict[str, str]]) -> None:
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="", extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _vni(vnic: VirtualMachine) -> str:
    """The network identifier of an overlay segment, which its name ends with."""
    name, _, identifier = vnic.network.rpartition("-")
    return identifier if vnic.vlan is None and name.startswith(("seg", "net-")) and identifier.isdigit() else ""


def _row(vnic: VirtualMachine) -> dict[str, str]:
    addresses = " ".join(address for address in (vnic.ip, vnic.ipv6) if address)
    return {
        "vm": vnic.name, "mac": vnic.mac, "ip": addresses, "host": vnic.host, "vswitch": vnic.vswitch,
        "portgroup": vnic.network, "vlan": str(vnic.vlan or ""),
        "vni": _vni(vnic),
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
        lines += [f'      - "{address}"' for address in vm.addresses]
        lines += [f"    host: {vm.host}", f"    vswitch: {vm.vswitch}", f"    portgroup: {vm.network}"]
        lines += [f"    vlan: {vm.vlan}"]
    return "\n".join(lines) + "\n"
