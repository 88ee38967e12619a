"""Rebuild the sample captures, their inventories and truth.json: `build.py [--output FOLDER] [--keep-logs]`.

Runs as root, in network namespaces of its own. The committed files are replaced only when everything went
well.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from types import FrameType

import bridge_scenario
import inventories
import overlay_scenario
import reflect_scenario
import truth
import verify
import vlan_scenario
from processes import Lab, LabError

PACKAGES = {
    "openvswitch-switch": ("ovs-vswitchd", "ovsdb-server", "ovs-vsctl", "ovsdb-tool"),
    "wireshark-common": ("dumpcap", "mergecap"),
    "tshark": ("tshark",),
    "iproute2": ("ip", "tc", "ss", "bridge"),
    "ethtool": ("ethtool",),
    "procps": ("sysctl",),
    "iptables": ("iptables",),
    "dnsmasq-base": ("dnsmasq",),
    "busybox": ("busybox",),
    "dropbear-bin": ("dropbear", "dbclient", "dropbearkey"),
    "iperf3": ("iperf3",),
    "openssl": ("openssl",),
    "iputils-ping": ("ping",),
    "util-linux": ("unshare",),
}
"""Debian package -> programs of it that the lab runs."""
END_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LIMIT_BYTES = 3_000_000
"""All sample captures together; they are committed."""


def check_machine() -> None:
    """Raise LabError unless this is root on a machine that has every program."""
    if os.geteuid() != 0:
        raise LabError("the capture lab makes network namespaces and must run as root: sudo make captures")
    missing = [package for package, programs in PACKAGES.items() if not all(map(shutil.which, programs))]
    if missing:
        raise LabError(f"programs are missing; install them with: apt-get install {' '.join(missing)}")


def record_all(lab: Lab, folder: Path) -> None:
    """Run the scenarios one after another and write everything into `folder`."""
    print("vlan: three hosts, a physical router and the world outside ...", flush=True)
    vlan, switches = vlan_scenario.record_scenario(lab, folder)
    inventories.write(folder, vlan.started_at_s, switches["host-a"])
    lab.clear()
    print("overlay: two compute nodes, VXLAN and Geneve ...", flush=True)
    overlay = overlay_scenario.record_scenario(lab, folder)
    lab.clear()
    print("bridge: a Linux bridge mirrored by tc ...", flush=True)
    bridge = bridge_scenario.record_scenario(lab, folder)
    lab.clear()
    print("reflect: two VMs behind a virtual Ethernet port aggregator ...", flush=True)
    reflect = reflect_scenario.record_scenario(lab, folder)
    lab.clear()
    truth.write(folder, [vlan, overlay, bridge, reflect])
    print(f"checked with tshark: {verify.check(folder)}")
    captures = sum(path.stat().st_size for path in folder.glob("*.pcap*"))
    if captures > LIMIT_BYTES:
        raise LabError(f"the samples take {captures:,} bytes; {LIMIT_BYTES:,} may be committed")


def install(made: Path, output: Path) -> None:
    """Replace the files in `output` by the new ones, owned like the folder, and print what they are."""
    output.mkdir(parents=True, exist_ok=True)
    owner = output.stat()
    for path in sorted(made.iterdir()):
        path.chmod(0o644)
        os.chown(path, owner.st_uid, owner.st_gid)
        shutil.move(path, output / path.name)
        print(f"{(output / path.name).stat().st_size:>9,} {path.name}")


def give_up(signum: int, _frame: FrameType | None) -> None:
    """End signals become an exception, so that the lab is taken down."""
    raise LabError(f"stopped by signal {signum}; nothing was changed")


def main() -> int:
    """Run the lab; 0 when every file was written."""
    parser = argparse.ArgumentParser(description="Rebuild the sample captures (as root).")
    parser.add_argument("--output", type=Path, default=Path(__file__).resolve().parent.parent)
    parser.add_argument("--keep-logs", action="store_true", help="keep the folder with the programs' logs")
    options = parser.parse_args()
    os.environ["PATH"] += ":/usr/sbin:/sbin"  # a plain `su` leaves them out
    for number in END_SIGNALS:
        signal.signal(number, give_up)
    try:
        check_machine()
        lab = Lab(options.keep_logs)
        with tempfile.TemporaryDirectory(prefix="fml-captures-") as made:
            try:
                record_all(lab, Path(made))
            finally:
                for number in END_SIGNALS:
                    signal.signal(number, signal.SIG_IGN)
                lab.close()
            install(Path(made), options.output)
    except LabError as error:
        print(f"captures/lab: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
