"""Real programs in the VMs, and a record of what each of them exchanged."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

from machines import Conversation, Record
from processes import Lab, LabError, wait_until

PROGRAMS = Path(__file__).parent / "programs"


@dataclass
class HeldSession:
    """A database session between its two halves: the file it waits for, and its reports so far."""

    client: str
    server: str
    path: Path
    reports: list[dict[str, int]]


class Talk:
    """Starts servers, runs clients and writes every conversation into the scenario's record.

    Parameters
    ----------
    lab : Lab
        Owner of the processes.
    record : Record
        Where conversations and names are noted.
    name_server : str
        VM that answers DNS, or empty where clients use addresses.
    """

    def __init__(self, lab: Lab, record: Record, name_server: str = "") -> None:
        self.lab, self.record, self.name_server = lab, record, name_server

    # -- servers ------------------------------------------------------------------------------------------

    def serve(self, vm: str, port: int, *command: str, udp: bool = False) -> None:
        """Start a server program in a VM and wait until it listens."""
        self.lab.start(*command, at=vm)
        self._wait_for_port(vm, port, udp)

    def serve_own(self, vm: str, program: str, port: int, role: str = "serve") -> None:
        """Start one of the lab's own servers (`programs/<program>.py`)."""
        udp = program == "datagrams"
        arguments = [role] if role == "ntp-serve" else [role, str(port)]
        self.serve(vm, port, sys.executable, str(PROGRAMS / f"{program}.py"), *arguments, udp=udp)

    def serve_http(self, vm: str, port: int, files: dict[str, bytes]) -> None:
        """Start Python's http.server over a folder with these files."""
        folder = self.lab.state / f"www-{vm}"
        folder.mkdir()
        for name, content in files.items():
            (folder / name).write_bytes(content)
        address = self.record.machine(vm).ip
        if self.name_server and not self.record.machine(vm).is_outside:
            # http.server asks for the name of its own address when it starts.
            self._note(vm, self.name_server, "udp", 53, "dns", None)
        self.serve(vm, port, sys.executable, "-m", "http.server", str(port), "-b", address, "-d", str(folder))

    def serve_tls(self, vm: str, port: int, server_name: str, size: int) -> None:
        """Start the TLS server with a self-signed certificate for `server_name`."""
        key, certificate = self.lab.state / f"{vm}.key", self.lab.state / f"{vm}.crt"
        self.lab.run(
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "3650",
            "-subj",
            f"/CN={server_name}",
            "-addext",
            f"subjectAltName=DNS:{server_name}",
            "-keyout",
            str(key),
            "-out",
            str(certificate),
        )
        program = str(PROGRAMS / "tls.py")
        self.serve(vm, port, sys.executable, program, "serve", str(port), str(certificate), str(key), str(size))

    def serve_ssh(self, vm: str) -> None:
        """Start dropbear with a fresh host key; nobody can log in, the banner is what matters."""
        key = str(self.lab.state / f"{vm}.hostkey")
        self.lab.run("dropbearkey", "-t", "ed25519", "-f", key)
        pid_file = str(self.lab.state / f"{vm}.dropbear.pid")
        self.serve(vm, 22, "dropbear", "-F", "-E", "-s", "-r", key, "-p", "22", "-P", pid_file)

    def _wait_for_port(self, vm: str, port: int, udp: bool) -> None:
        listing = ("ss", "-Hln", "-u" if udp else "-t", f"sport = :{port}")
        wait_until(f"port {port} of {vm}", lambda: self.lab.run(*listing, at=vm).strip())

    # -- clients ------------------------------------------------------------------------------------------

    def http(self, client: str, server: str, port: int, path: str, host: str = "", address: str = "") -> None:
        """Fetch a page, from a translated address if given; the Host header is the server's DNS name by default."""
        target = address or self._resolve(client, server)
        host = host or target
        counts = self._own(client, "http_get", target, str(port), path, host)
        self._note(client, server, "tcp", port, "http", counts)
        if address:
            self.record.conversations[-1].seen_as = (self.record.machine(client).ip, address)
        if not host[0].isdigit():
            self.record.learn_name(host, "http_host", server, (client, server))

    def tls(self, client: str, server: str, port: int, server_name: str, lookup: bool = False) -> None:
        """Fetch a page over TLS, naming `server_name` in the handshake; with `lookup`, ask DNS for it."""
        target = self.record.machine(server).ip
        if lookup:
            self._note(client, self.name_server, "udp", 53, "dns", None)
            self.record.learn_name(server_name, "dns", server, (client, self.name_server))
            target = server_name
        counts = self._own(client, "tls", "get", target, str(port), server_name)
        self._note(client, server, "tcp", port, "tls", counts)
        self.record.learn_name(server_name, "tls_sni", server, (client, server))

    def database(self, client: str, server: str, queries: int, size: int) -> None:
        """Ask the database `queries` times for `size` bytes."""
        counts = self._own(client, "database", "query", self._resolve(client, server), "5432", str(queries), str(size))
        self._note(client, server, "tcp", 5432, "postgresql", counts)

    def hold(self, client: str, server: str, queries: int, size: int) -> HeldSession:
        """Ask the database as `database` does, then keep the session idle until `go_on` asks the same again."""
        held = HeldSession(client, server, self.lab.state / f"{client}-{server}", [])
        with open(held.path.with_suffix(".out"), "w") as out:
            program, address = str(PROGRAMS / "database.py"), self.record.machine(server).ip
            arguments = ("query", address, "5432", str(queries), str(size), str(held.path))
            self.lab.start(sys.executable, program, *arguments, at=client, stdout=out)
        self._wait_for_reports(held, 1)
        return held

    def go_on(self, held: HeldSession) -> None:
        """Let a kept session ask again, end it, and note what it exchanged before and in all."""
        held.path.touch()
        self._wait_for_reports(held, 2)
        before, whole = held.reports
        self._note(held.client, held.server, "tcp", 5432, "postgresql", whole)
        self.record.conversations[-1].before_move = (before["sent"], before["received"])

    def _wait_for_reports(self, held: HeldSession, count: int) -> None:
        def have_come() -> bool:
            held.reports = [json.loads(line) for line in held.path.with_suffix(".out").read_text().splitlines()]
            return len(held.reports) >= count

        wait_until(f"the session from {held.client} to {held.server}", have_come)

    def cache(self, client: str, server: str, keys: int, size: int, address: str = "") -> None:
        """Store and read `keys` values of `size` bytes."""
        target = address or self._resolve(client, server)
        counts = self._own(client, "cache", "load", target, "6379", str(keys), str(size))
        self._note(client, server, "tcp", 6379, "redis", counts, ip_version=6 if ":" in address else 4)

    def broker(self, client: str, server: str, count: int, size: int) -> None:
        """Publish `count` messages of `size` bytes."""
        target = self._resolve(client, server)
        counts = self._own(client, "broker", "publish", target, "1883", str(count), str(size))
        self._note(client, server, "tcp", 1883, "mqtt", counts)

    def ssh(self, client: str, server: str) -> None:
        """Open an SSH session up to the refused login: banners and key exchange."""
        target = self.record.machine(server).ip
        script = 'dbclient -y -y "$0" true </dev/null || true'
        self.lab.run("env", f"HOME={self.lab.state}", "sh", "-c", script, f"ops@{target}", at=client)
        self._note(client, server, "tcp", 22, "ssh", None)
        version = self.lab.run("sh", "-c", "dropbear -V 2>&1").split()[-1].lstrip("v")
        self.record.learn_name(f"SSH-2.0-dropbear_{version}", "ssh_banner", server, (client, server))

    def iperf(self, client: str, server: str, kilobytes: int) -> None:
        """Send that many KiB with iperf3; its control connection uses the same port."""
        target = self.record.machine(server).ip
        size = ("-n", f"{kilobytes}K", "-l", "4K", "-b", "4M", "--repeating-payload")
        result = json.loads(self.lab.run("iperf3", "-c", target, *size, "-J", at=client))
        counts = {"sent": result["end"]["sum_sent"]["bytes"], "received": 0}
        note = "bytes of the test; the control connection to the same port adds up to 4 kB per direction"
        self._note(client, server, "tcp", 5201, "iperf3", counts, exact=False, note=note)

    def syslog(self, client: str, server: str, count: int) -> None:
        """Send one-way datagrams to a sink that never answers, so that they are flooded."""
        counts = self._own(client, "datagrams", "log", self.record.machine(server).ip, str(count), client)
        note = "no switch knows the place of the silent receiver: frames go to all ports of the VLAN"
        self._note(client, server, "udp", 514, "syslog", counts, flooded=True, note=note)

    def ntp(self, client: str, server: str, count: int) -> None:
        """Ask for the time."""
        counts = self._own(client, "datagrams", "ntp", self.record.machine(server).ip, str(count))
        self._note(client, server, "udp", 123, "ntp", counts)

    def ping(self, client: str, server: str, count: int) -> None:
        """Send echo requests; one reply for each is required."""
        target = self.record.machine(server).ip
        self.lab.run("ping", "-q", "-n", "-i", "0.2", "-c", str(count), target, at=client)
        payload = {"sent": 64 * count, "received": 64 * count}
        note = f"{count} requests and {count} replies; bytes are ICMP messages with their 8-byte header"
        self._note(client, server, "icmp", 0, "icmp", payload, note=note)

    def mdns(self, vm: str) -> None:
        """Announce `<vm>.local` by multicast."""
        self._own_program(vm, "mdns_announce", vm, self.record.machine(vm).ip)
        self.record.learn_name(f"{vm}.local", "mdns", vm)

    # -- the end ------------------------------------------------------------------------------------------

    def check_nothing_sent_twice(self) -> None:
        """Raise LabError if a kernel retransmitted TCP: the wire would not hold what the programs sent."""
        for machine in self.record.machines:
            names, values = (
                line.split()
                for line in self.lab.run("cat", "/proc/net/snmp", at=machine.name).splitlines()
                if line.startswith("Tcp:")
            )
            again = int(values[names.index("RetransSegs")])
            if again:
                raise LabError(f"{machine.name} sent {again} TCP segments twice on this busy machine; run it again")

    # -- notes --------------------------------------------------------------------------------------------

    def _resolve(self, client: str, server: str) -> str:
        """The server's DNS name, with a note that the client will ask for it; its address without DNS."""
        machine = self.record.machine(server)
        if not self.name_server or self.record.machine(client).is_outside:
            return machine.ip
        if client != self.name_server:
            self._note(client, self.name_server, "udp", 53, "dns", None)
            self.record.learn_name(machine.fqdn, "dns", server, (client, self.name_server))
        return machine.fqdn

    def _own_program(self, vm: str, program: str, *arguments: str) -> str:
        return self.lab.run(sys.executable, str(PROGRAMS / f"{program}.py"), *arguments, at=vm)

    def _own(self, vm: str, program: str, *arguments: str) -> dict[str, int]:
        counts: dict[str, int] = json.loads(self._own_program(vm, program, *arguments).splitlines()[-1])
        return counts

    def _note(
        self,
        client: str,
        server: str,
        protocol: str,
        port: int,
        service: str,
        counts: dict[str, int] | None,
        exact: bool = True,
        ip_version: int = 4,
        flooded: bool = False,
        note: str = "",
    ) -> None:
        sent, received = (counts["sent"], counts["received"]) if counts else (None, None)
        exact = exact and counts is not None
        self.record.conversations.append(
            Conversation(client, server, protocol, port, service, sent, received, exact, ip_version, flooded, note)
        )


def lease_address(lab: Lab, record: Record, vm: str) -> None:
    """Run the DHCP client of one VM until it has its address; it sends its host name (option 12)."""
    machine = record.machine(vm)
    lab.run(
        "busybox",
        "udhcpc",
        "-f",
        "-q",
        "-n",
        "-t",
        "5",
        "-T",
        "1",
        "-i",
        "eth0",
        "-x",
        f"hostname:{vm}",
        "-s",
        str(PROGRAMS / "udhcpc.sh"),
        at=vm,
    )
    if machine.ip not in lab.run("ip", "-4", "-o", "addr", "show", "dev", "eth0", at=vm):
        raise LabError(f"{vm} did not get the address {machine.ip} from the DHCP server")
    record.learn_name(vm, "dhcp", vm)
