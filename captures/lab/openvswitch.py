"""One private Open vSwitch (userspace datapath) per host namespace."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from machines import VirtualMachine
from processes import Lab, LabError

SCHEMA = Path("/usr/share/openvswitch/vswitch.ovsschema")


class OpenVSwitch:
    """The database server and switch daemon of one host, and what one asks of them.

    Parameters
    ----------
    lab : Lab
        Owner of the processes.
    host : str
        Namespace (without prefix) in which they run.
    """

    def __init__(self, lab: Lab, host: str) -> None:
        self.lab, self.host = lab, host
        self.folder = lab.state / f"ovs-{host}"
        self.folder.mkdir()
        if not SCHEMA.exists():
            raise LabError(f"{SCHEMA} is missing; install openvswitch-switch")
        self.socket = f"unix:{self.folder}/db.sock"
        database = str(self.folder / "conf.db")
        lab.run("ovsdb-tool", "create", database, str(SCHEMA))
        self._daemon("ovsdb-server", database, f"--remote=p{self.socket}")
        self.configure("--no-wait", "init")
        self._daemon("ovs-vswitchd", self.socket)

    def _daemon(self, program: str, *arguments: str) -> None:
        files = {name: self.folder / f"{program}.{name}" for name in ("pid", "ctl", "log")}
        self.lab.owns_pid_file(files["pid"])
        self.lab.run(
            "env",
            f"OVS_RUNDIR={self.folder}",
            f"OVS_LOGDIR={self.folder}",
            program,
            *arguments,
            "--detach",
            f"--pidfile={files['pid']}",
            f"--unixctl={files['ctl']}",
            f"--log-file={files['log']}",
            at=self.host,
        )

    def configure(self, *arguments: str) -> str:
        """Run `ovs-vsctl` on this switch and return what it prints."""
        return self.lab.run("ovs-vsctl", f"--db={self.socket}", *arguments)

    def ask(self, *arguments: str) -> str:
        """Run `ovs-appctl` on this switch's daemon and return what it prints."""
        return self.lab.run("ovs-appctl", f"--target={self.folder}/ovs-vswitchd.ctl", *arguments)

    def table(self, name: str) -> str:
        """`ovs-vsctl --format=json list NAME`, one row a line so that a change of the lab can be read in a diff."""
        table = json.loads(self.configure("--format=json", "list", name))
        rows = ",\n".join(json.dumps(row) for row in table["data"])
        return f'{{"data":[\n{rows}\n],\n"headings":{json.dumps(table["headings"])}}}\n'

    def add_bridge(self, bridge: str, mac: str = "", mtu_bytes: int | None = None) -> None:
        """Add a bridge with the userspace datapath."""
        options = ["datapath_type=netdev"]
        if mac:
            options.append(f"other_config:hwaddr={mac}")
        self.configure("add-br", bridge, "--", "set", "bridge", bridge, *options)
        if mtu_bytes:
            self.configure("set", "interface", bridge, f"mtu_request={mtu_bytes}")

    def add_trunk(self, bridge: str, port: str) -> None:
        """Add a port that carries every VLAN tagged."""
        self.configure("add-port", bridge, port)

    def add_access(self, bridge: str, port: str, vlan: int) -> None:
        """Add a port that belongs to one VLAN, untagged."""
        self.configure("add-port", bridge, port, f"tag={vlan}")

    def attach(self, vm: VirtualMachine) -> None:
        """Add a VM's ports with the external ids that libvirt sets on them."""
        for vnic in vm.vnics:
            tag = [f"tag={vnic.vlan}"] if vnic.vlan is not None else []
            self.configure(
                "add-port",
                vnic.vswitch,
                vnic.port,
                *tag,
                "--",
                "set",
                "interface",
                vnic.port,
                f"external_ids:iface-id={vnic.port_uuid}",
                "external_ids:iface-status=active",
                f'external_ids:attached-mac="{vnic.mac}"',
                f"external_ids:vm-id={vm.uuid}",
            )

    def add_flow(self, bridge: str, flow: str) -> None:
        """Add one OpenFlow rule."""
        self.lab.run("ovs-ofctl", "add-flow", f"unix:{self.folder}/{bridge}.mgmt", flow)

    def add_tunnel(self, bridge: str, port: str, kind: str, remote: str, **options: str) -> None:
        """Add a tunnel port: `vxlan`, `geneve` or `erspan` with its options."""
        settings = [f"options:{name}={value}" for name, value in options.items()]
        self.configure(
            "add-port",
            bridge,
            port,
            "--",
            "set",
            "interface",
            port,
            f"type={kind}",
            f"options:remote_ip={remote}",
            *settings,
        )

    def mirror_everything(self, bridge: str, mirror: str, output_port: str) -> None:
        """Copy every packet that the bridge switches, once, to a port of that bridge."""
        self.configure(
            "--",
            "--id=@out",
            "get",
            "port",
            output_port,
            "--",
            "--id=@m",
            "create",
            "mirror",
            f"name={mirror}",
            "select-all=true",
            "output-port=@out",
            "--",
            "add",
            "bridge",
            bridge,
            "mirrors",
            "@m",
        )

    def mirror_to_vlan(self, bridge: str, mirror: str, from_vlans: Iterable[int], output_vlan: int) -> None:
        """Copy every packet of some VLANs to another VLAN, on all trunks that carry it (RSPAN)."""
        selected = ",".join(map(str, from_vlans))
        options = (f"name={mirror}", "select-all=true", f"select-vlan={selected}", f"output-vlan={output_vlan}")
        self.configure("--", "--id=@m", "create", "mirror", *options, "--", "add", "bridge", bridge, "mirrors", "@m")
