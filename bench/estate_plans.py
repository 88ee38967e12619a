"""The estates: who runs where and who talks to whom."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import NamedTuple

from bench.draws import draw, draw_below
from bench.estate import OUTSIDE_VLAN, Estate, Machine, Talk
from bench.estate_traffic import GATEWAY_MAC

_MB, _GSO = 1_000_000, 60_000
_VMWARE = 0x005056800000
_SERVICES = {"web": 443, "app": 8443, "pg": 5432, "mq": 5672, "cache": 6379, "log": 6514, "nfs": 2049, "bkp": 445}
_VLANS = {"web": 10, "app": 20, "pg": 30, "mq": 30, "cache": 30, "log": 99, "nfs": 30, "bkp": 99}
_ROLES = ("web", "web", "web", "web", "app", "app", "app", "pg", "pg", "mq", "cache", "log", "nfs", "bkp")

# --- the mock: five hosts

_MOCK_HOSTS = {"esx-01": "prod-a", "esx-02": "prod-a", "esx-03": "prod-a", "esx-04": "prod-b", "esx-05": "prod-b"}
_MOCK_VMS = {
    "esx-01": "web-1 web-2 web-3 app-1 app-2 pg-1",
    "esx-02": "web-4 web-5 app-3 app-4 mq-1 log-1 cache-1",
    "esx-03": "bld-1 bld-2 bld-3 bld-4 nfs-1 reg-1 ci-1",
    "esx-04": "web-6 web-7 web-8 app-5 app-6 app-7 ldap-1 dns-1",
    "esx-05": "pg-2 pg-3 pg-4 dwh-1 bkp-1",
}
_MOCK_VLANS = {
    "web": 10, "reg": 10, "ci": 10, "app": 20, "bld-3": 20, "bld-4": 20, "pg": 30, "dwh": 30, "nfs": 30, "cache": 30,
    "mq": 30, "bld-1": 30, "log": 99, "ldap": 99, "dns": 99, "bkp": 99, "bld-2": 99,
}  # fmt: skip
_UNKNOWN = {"10.9.4.17": 17, "10.9.4.21": 21, "10.9.4.33": 33}
_MOVED, _MOVED_TO, _MOVED_S = "cache-1", "esx-01", 12_240.0
# client, server, port, megabytes sent, megabytes answered
_MOCK_TALKS = """
web-1 app-1 8443 60 700 | web-2 app-1 8443 50 300 | web-3 app-1 8443 40 260 | web-1 app-2 8443 20 120
web-2 pg-1 5432 10 90 | app-1 pg-1 5432 90 800 | app-2 pg-1 5432 60 360 | web-3 app-2 8443 10 80
web-4 app-3 8443 50 310 | web-5 app-3 8443 40 250 | web-5 app-4 8443 40 240 | web-4 app-4 8443 30 160
app-3 mq-1 5672 120 40 | app-4 mq-1 5672 110 30 | app-4 log-1 6514 60 1 | web-4 log-1 6514 10 1
bld-1 nfs-1 2049 500 60 | bld-2 nfs-1 2049 340 40 | bld-4 nfs-1 2049 260 30 | bld-1 reg-1 5000 90 10
ci-1 nfs-1 2049 30 90 | ci-1 reg-1 5000 10 90 | bld-4 ci-1 443 12 60 | bld-2 reg-1 5000 70 6
web-6 app-5 8443 40 260 | web-7 app-6 8443 40 240 | web-8 app-7 8443 40 230 | web-6 app-6 8443 20 120
app-5 ldap-1 636 20 60 | app-6 ldap-1 636 20 50 | app-7 dns-1 853 10 30 | app-5 app-7 8443 30 80
web-7 app-5 8443 10 90 | pg-2 pg-3 5432 200 20 | pg-3 pg-4 5432 180 10 | pg-4 dwh-1 5432 20 110
dwh-1 bkp-1 445 60 2 | app-3 pg-2 5432 60 900 | app-4 pg-3 5432 40 560 | app-1 pg-2 5432 20 280
app-5 pg-2 5432 20 180 | app-6 pg-4 5432 20 160 | app-2 ldap-1 636 5 20 | app-3 ldap-1 636 5 20
web-1 mq-1 5672 30 10 | pg-1 bkp-1 445 260 4 | mq-1 bkp-1 445 60 2 | ci-1 log-1 6514 30 1
nfs-1 bkp-1 445 180 3 | web-8 log-1 6514 20 1 | app-2 mq-1 5672 40 10 | web-6 reg-1 5000 4 40
"""
_HAIRPIN = ("bld-3", "nfs-1", 2049, 1_060, 42)
_MIXED = ("mq-1", "cache-1", 6379, 60, 280)
_HIDDEN = [
    ("pg-2", "10.9.4.17", 5432, 20, 380),
    ("10.9.4.17", "10.9.4.21", 445, 440, 40),
    ("10.9.4.21", "10.9.4.33", 443, 4, 30),
]


def mock(scale: float = 1.0) -> Estate:
    """The estate of the design's picture; ``scale`` makes all bytes fewer."""
    span_s = 21_660.0
    known = _mock_machines()

    def talk(one: str, other: str, port: int, sent: float, answered: float, n: int, late: bool = False) -> Talk:
        first = span_s * (0.75 if late else 0.001 + 0.0005 * (n % 40))
        fewest = 60 if scale < 1 else 150
        up, down = (max(90 * fewest, int(size * scale * _MB)) for size in (sent, answered))
        last = span_s * (0.999 - 0.0005 * (n % 37))
        return Talk(known[one], known[other], port, up, down, first, last, segment_bytes=_GSO, fewest=fewest)

    rows = [row.split() for line in _MOCK_TALKS.strip().splitlines() for row in line.split("|")]
    big = [(one, other, int(port), float(sent), float(answered)) for one, other, port, sent, answered in rows]
    talks = [talk(*row, n, row[:2] == ("app-4", "ldap-1")) for n, row in enumerate([*big, *_HIDDEN])]
    talks.append(replace(talk(*_HAIRPIN, 1), by_gateway=True))
    talks.append(talk(*_MIXED, 2))
    done = {frozenset((one.client.name, one.server.name)) for one in talks}
    for n, (one, other, port) in enumerate(_small_mock_pairs(known, done)):
        size = 0.2 + int(draw_below(40, 3, 60 + n, 1)[0]) / 20
        talks.append(talk(one, other, port, size, 3 * size, n + 50, (one, other) == ("app-4", "ldap-1")))
    for n in range(41):
        peer = Machine(f"outside-{n + 1}", GATEWAY_MAC, _ip(f"203.0.113.{n + 1}"), OUTSIDE_VLAN, None)
        server = known[f"web-{n % 8 + 1}"]
        first = span_s * (0.002 + 0.0003 * n)
        talks.append(
            Talk(
                peer,
                server,
                443,
                60_000,
                int(4 * _MB * scale) + 60_000,
                first,
                span_s * 0.999,
                segment_bytes=1_400,
                fewest=100,
            )
        )
    return Estate(
        "mock", dict(_MOCK_HOSTS), list(known.values()), talks, span_s=span_s, file_per_host=True,
        one_way=("esx-04",), twice=("esx-05",), dropped={"esx-04": 1_624},
    )  # fmt: skip


def _mock_machines() -> dict[str, Machine]:
    known: dict[str, Machine] = {}
    for host, names in _MOCK_VMS.items():
        for name in names.split():
            vlan = _MOCK_VLANS.get(name) or _MOCK_VLANS[name.split("-")[0]]
            number = len(known) + 11
            moves = (_MOVED_TO, _MOVED_S) if name == _MOVED else None
            known[name] = Machine(name, _VMWARE + number, _ip(f"10.0.{vlan}.{number}"), vlan, host, moves)
    for name, number in _UNKNOWN.items():
        known[name] = Machine(name, 0x005056A10000 + number, _ip(name), 94, None)
    return known


def _small_mock_pairs(known: dict[str, Machine], done: set[frozenset[str]]) -> Iterator[tuple[str, str, int]]:
    """Many pairs that say little: neighbours on a host, some across, some with an unknown end."""
    placed = [one for one in known.values() if one.host]
    wanted = {"stayed": 40, "left": 42, "undetermined": 24}
    all_pairs = [(a, b) for a in placed for b in known.values() if a.name != b.name and _MOVED not in (a.name, b.name)]
    order = draw(7, 70, len(all_pairs)).argsort()
    first = (known["app-4"], known["ldap-1"])
    for a, b in [first, *(all_pairs[int(n)] for n in order)]:
        word = "undetermined" if not b.host else "stayed" if a.host == b.host else "left"
        key = frozenset((a.name, b.name))
        if key in done or not wanted[word]:
            continue
        wanted[word] -= 1
        done.add(key)
        yield (
            a.name,
            b.name,
            {"ldap": 636, "dns": 853, "log": 6514, "mq": 5672, "bkp": 445}.get(b.name.split("-")[0], 443),
        )


# --- large estates


class _Size(NamedTuple):
    hosts: int
    clusters: int
    vms: int
    pairs: int


def hosts60() -> Estate:
    """60 hosts, 1,000 VMs, 5,000 pairs."""
    return _large("hosts60", _Size(60, 5, 1_000, 5_000))


def hosts500() -> Estate:
    """500 hosts, 10,000 VMs, 50,000 pairs."""
    return _large("hosts500", _Size(500, 20, 10_000, 50_000))


def _large(name: str, size: _Size) -> Estate:
    per_cluster = -(-size.hosts // size.clusters)
    clusters = {}
    for n in range(size.hosts):
        cluster = f"prod-{chr(97 + n // per_cluster)}"
        clusters[f"{cluster}-esx-{n % per_cluster + 1:02d}"] = cluster
    hosts = list(clusters)
    machines: list[Machine] = []
    in_vlan: Counter[int] = Counter()
    for n in range(size.vms):
        role, vlan_of_cluster = _ROLES[n * 5 % len(_ROLES)], 100 * (n % size.hosts // per_cluster)
        host = hosts[n % size.hosts]
        vlan = _VLANS[role] + vlan_of_cluster
        ip = _ip("10.0.0.10") + (vlan << 8) + in_vlan[vlan]
        in_vlan[vlan] += 1
        machines.append(Machine(f"{role}-{n + 1:0{len(str(size.vms))}d}", _VMWARE + 0x1000 + n, ip, vlan, host))
    span_s = 600.0
    talks = [
        _usual_talk(one, other, n, span_s, hairpin)
        for n, (one, other, hairpin) in enumerate(_large_pairs(machines, size))
    ]
    return Estate(name, clusters, machines, talks, span_s=span_s)


def _large_pairs(machines: list[Machine], size: _Size) -> Iterator[tuple[Machine, Machine, bool]]:
    """Half of the pairs on one host, most of the others in one cluster; a few leave and come back, a few go outside."""
    per_cluster = -(-size.hosts // size.clusters)
    coin = draw_below(1_000, 11, 80, size.pairs * 4)
    who = draw_below(len(machines), 11, 81, size.pairs * 4)
    other = draw_below(1 << 20, 11, 82, size.pairs * 4)
    per_host = size.vms // size.hosts
    done: set[tuple[int, int]] = set()
    for kind, a, random in zip(coin.tolist(), who.tolist(), other.tolist(), strict=True):
        if len(done) == size.pairs:
            return
        if kind < 20:
            n = random % 200
            b = len(machines) + n
            far = Machine(f"outside-{n + 1}", GATEWAY_MAC, _ip("198.51.100.0") + n + 1, OUTSIDE_VLAN, None)
        elif kind < 550:
            b = random % per_host * size.hosts + a % size.hosts
        elif kind < 930:
            host = a % size.hosts // per_cluster * per_cluster + random % per_cluster
            b = (random >> 8) % per_host * size.hosts + min(host, size.hosts - 1)
        else:
            b = random % len(machines)
        key = (min(a, b), max(a, b))
        if a == b or key in done:
            continue
        if b < len(machines):
            far = machines[b]
        done.add(key)
        near = machines[a]
        yield near, far, kind < 40 and near.host == far.host and near.vlan != far.vlan


def _usual_talk(one: Machine, other: Machine, n: int, span_s: float, hairpin: bool = False) -> Talk:
    """Few conversations carry most bytes; all last for nearly the whole span."""
    weight = 2_000_000 // (1 + int(draw_below(400, 12, 90 + n, 1)[0]))
    role = other.name.split("-")[0]
    many = role in ("bkp", "log")
    sent, answered = (weight, weight // 9) if many else (weight // 5, weight)
    first = span_s * (0.002 + n % 50 * 0.001)
    service = _SERVICES.get(role, 443)
    return Talk(
        one, other, service, sent + 600, answered + 600, first, span_s * 0.998,
        by_gateway=hairpin, segment_bytes=_GSO, fewest=4,
    )  # fmt: skip


def dense() -> Estate:
    """One host with 60 VMs and 300 pairs, every vNIC port recorded."""
    host = "esx-77"
    machines = [_neighbour(n, host) for n in range(60)]
    talks = [_usual_talk(one, other, n, 600.0) for n, (one, other) in enumerate(_pairs_among(machines, 300))]
    talks = [replace(talk, fewest=60, sent=talk.sent + 6_000, answered=talk.answered + 6_000) for talk in talks]
    peer = Machine("outside-1", GATEWAY_MAC, _ip("203.0.113.1"), OUTSIDE_VLAN, None)
    talks += [Talk(peer, one, 443, 9_000, 90_000, 1.0, 599.0, fewest=60) for one in machines]
    return Estate("dense", {host: "prod-a"}, machines, talks, recorded="ports", file_per_host=True)


def unplaced() -> Estate:
    """30 VMs at one mirror of which nobody says what it is."""
    machines = [replace(_neighbour(n, "nowhere"), host=None) for n in range(30)]
    talks = [_usual_talk(one, other, n, 600.0) for n, (one, other) in enumerate(_pairs_among(machines, 80))]
    return Estate("unplaced", {}, machines, talks, recorded="stray")


def _neighbour(n: int, host: str) -> Machine:
    role = _ROLES[n * 5 % len(_ROLES)]
    return Machine(f"{role}-{n + 1:02d}", _VMWARE + 0x100 + n, _ip("10.20.0.10") + n, 20, host)


def _pairs_among(machines: list[Machine], count: int) -> Iterator[tuple[Machine, Machine]]:
    every = [(one, other) for n, one in enumerate(machines) for other in machines[n + 1 :]]
    order = draw(13, 91, len(every)).argsort()
    return (every[int(n)] for n in order[:count])


def _ip(text: str) -> int:
    one, two, three, four = map(int, text.split("."))
    return one << 24 | two << 16 | three << 8 | four


ESTATES: dict[str, Callable[[], Estate]] = {
    "mock": mock, "hosts60": hosts60, "hosts500": hosts500, "dense": dense, "unplaced": unplaced,
}  # fmt: skip
