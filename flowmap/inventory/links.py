"""Rows that complete other rows by an identifier: the tables of Open vSwitch and OVN, floating IPs.

They are kept as they were read and used when all files are there: one host's tables may come in several files.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class SwitchHost:
    """Open vSwitch's table Open_vSwitch: which bridges are one host's."""

    host: str
    bridges: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SwitchBridge:
    """A row of Open vSwitch's table Bridge; ports and mirrors are UUIDs."""

    uuid: str
    name: str
    ports: tuple[str, ...]
    mirrors: tuple[str, ...]
    host: str | None


@dataclass(frozen=True, slots=True)
class SwitchPort:
    """A row of Open vSwitch's table Port; a bond has several interfaces (UUIDs)."""

    uuid: str
    name: str
    interfaces: tuple[str, ...]
    vlan: int | None
    """1 to 4094, 0 for known to be untagged, None for a trunk."""
    segment_type: str | None
    network: str | None
    isolated: bool


@dataclass(frozen=True, slots=True)
class SwitchInterface:
    """A row of Open vSwitch's table Interface."""

    uuid: str
    name: str
    type: str
    port_number: int | None
    """OpenFlow number, unique in its bridge."""
    of_vm: bool
    driver: str
    peer: str | None
    """Name of the other end of a patch port."""
    host: str | None
    source: str = field(compare=False)
    row: int = field(compare=False)


@dataclass(frozen=True, slots=True)
class Translation:
    """A floating IP or NAT rule: what a router makes of a vNIC's address."""

    external_ip: str
    port: str | None
    """Port id or logical port of the vNIC, where the rule names it."""
    inside_ip: str | None
    source: str
    row: int


@dataclass(frozen=True, slots=True)
class CentralisedPort:
    """A logical router's port whose traffic goes through one chassis (OVN)."""

    name: str


@dataclass(frozen=True, slots=True)
class LocalnetPort:
    """A logical switch's way to a physical network (OVN); one without has its networks inside tunnels."""

    network: str
    """UUID of the logical switch's datapath."""
    vlan: int | None


LinkOfHost = SwitchHost | SwitchBridge | SwitchInterface
"""Links that say of which host they are."""

Link = LinkOfHost | SwitchPort | Translation | CentralisedPort | LocalnetPort
