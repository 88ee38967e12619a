"""Rebuild the sample captures, their inventories and truth.json.

`build.py [--only SCENARIO...] [--output FOLDER] [--keep-logs]` runs as root, in network namespaces of its own. The
committed files are replaced only when everything went well, and with `--only` no others than those of the scenarios.
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

import any_scenario
import bridge_scenario
import distributed_scenario
import floating_ip_scenario
import gso_scenario
import inventories
import migration_scenario
import overlay_scenario
import reflect_scenario
import router_vm_scenario
import rspan_scenario
import teamed_scenario
import truncated_scenario
import truth
import verify
import vlan_scenario
from processes import Lab, LabError
from scenario import Scenario

SCENARIOS = [
    module.SCENARIO
    for module in (
        vlan_scenario,
        overlay_scenario,
        bridge_scenario,
        reflect_scenario,
        router_vm_scenario,
        migration_scenario,
        distributed_scenario,
        rspan_scenario,
        floating_ip_scenario,
        any_scenario,
        truncated_scenario,
        gso_scenario,
        teamed_scenario,
    )
]
"""In the order in which they stand in truth.json and points.yaml."""

PACKAGES = {
    "openvswitch-switch": ("ovs-vswitchd", "ovsdb-server", "ovs-vsctl", "ovs-ofctl", "ovs-appctl", "ovsdb-tool"),
    "wireshark-common": ("dumpcap", "mergecap"),
    "tshark": ("tshark",),
    "tcpdump": ("tcpdump",),
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
LIMIT_BYTES = 12_000_000
"""All sample captures together; they are committed."""


def check_machine() -> None:
    """Raise LabError unless this is root on a machine that has every program."""
    if os.geteuid() != 0:
        raise LabError("the capture lab makes network namespaces and must run as root: sudo make captures")
    missing = [package for package, programs in PACKAGES.items() if not all(map(shutil.which, programs))]
    if missing:
        raise LabError(f"programs are missing; install them with: apt-get install {' '.join(missing)}")


def check_unique() -> None:
    """Raise LabError where two scenarios share a name or an address: one map may hold several of them."""
    owners: dict[str, str] = {}
    for scenario in SCENARIOS:
        vnics = [vnic for vm in scenario.machines for vnic in vm.vnics]
        for word in {text for v in vnics for text in (v.name, v.host, v.mac, v.ip, v.ipv6, v.floating_ip) if text}:
            if owners.setdefault(word, scenario.name) != scenario.name:
                raise LabError(f"{word} is in scenario {owners[word]} and in {scenario.name}; change one of them")


def record(lab: Lab, chosen: list[Scenario], folder: Path, output: Path) -> None:
    """Run scenarios one after another and write everything into `folder`; `output` holds what is there already."""
    recorded = []
    for scenario in chosen:
        print(f"{scenario.name}: {scenario.title} ...", flush=True)
        lab.begin(scenario.name)
        recorded.append((scenario, scenario.record(lab, folder)))
        inventories.write_table(folder, scenario)
        lab.clear()
    inventories.write_points(folder, SCENARIOS)
    before = output / "truth.json" if len(chosen) < len(SCENARIOS) else None
    truth.write(folder, recorded, [scenario.name for scenario in SCENARIOS], before)
    print(f"checked with tshark: {verify.check(folder, [scenario.name for scenario in chosen])}")
    sizes = {path.name: path.stat().st_size for place in (output, folder) for path in place.glob("*.pcap*")}
    if sum(sizes.values()) > LIMIT_BYTES:
        raise LabError(f"the samples take {sum(sizes.values()):,} bytes; {LIMIT_BYTES:,} may be committed")


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
    names = [scenario.name for scenario in SCENARIOS]
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="SCENARIO", help=", ".join(names))
    parser.add_argument("--output", type=Path, default=Path(__file__).resolve().parent.parent)
    parser.add_argument("--keep-logs", action="store_true", help="keep the folder with the programs' logs")
    options = parser.parse_args()
    os.environ["PATH"] += ":/usr/sbin:/sbin"  # a plain `su` leaves them out
    for number in END_SIGNALS:
        signal.signal(number, give_up)
    try:
        check_machine()
        check_unique()
        lab = Lab(options.keep_logs)
        with tempfile.TemporaryDirectory(prefix="fml-captures-") as made:
            try:
                chosen = [scenario for scenario in SCENARIOS if scenario.name in options.only]
                record(lab, chosen, Path(made), options.output)
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
