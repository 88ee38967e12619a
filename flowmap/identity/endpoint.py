"""An endpoint: one machine or group of the map, with names, kind and place, and how each was learned."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from flowmap.inventory.records import VnicRecord
from flowmap.packets import mac_text

_LABEL_SOURCES = ("dhcp", "dhcpv6", "ntlmssp", "kerberos", "nbns", "nbdgm", "rdp", "mdns", "llmnr", "dns")
"""Names of machines, the most trustworthy first. A name of a service (TLS, HTTP, SMB) labels nothing."""

_SAID_BY_ITSELF = frozenset(("ntlmssp", "kerberos", "nbns", "nbdgm", "rdp"))
"""Sources by which a machine names itself in its own packets, or a proxy its clients in its own."""

_NETBIOS_CHARS = 15

UNSPECIFIED = ("0.0.0.0", "::")
NAMES_KEPT = 64
"""Names of one endpoint."""


@dataclass(slots=True)
class Endpoint:
    """One machine (or group) of the map.

    ``kind`` is one of the document's, ``kind_how`` says where it comes from. ``records`` are the inventory rows that
    name it, ``records_how`` whether they were found by ``MAC``, by ``address`` or only by a ``translated`` one.
    ``host_how`` says where the placement comes from: ``inventory`` or a capture point.
    """

    id: str
    kind: str
    kind_how: str
    label: str = ""
    macs: set[int] = field(default_factory=set)
    ips: set[str] = field(default_factory=set)
    names: list[tuple[str, str]] = field(default_factory=list)
    segments: set[str] = field(default_factory=set)
    records: list[VnicRecord] = field(default_factory=list)
    records_how: str = ""
    host: str | None = None
    host_how: str = ""
    conflict: str = ""
    translated: set[str] = field(default_factory=set)
    """Those of ``ips`` that are not its own: a router translates them to its own (floating IP, DNAT), so packets to
    them pass that router, wherever it is."""
    _nobodys: Collection[tuple[str, str]] = frozenset()
    _lowest: tuple[int, int, str] | None = None
    """The address that is the label where no name is known: version, number and text."""

    def learn(
        self,
        macs: set[int],
        ips: Iterable[str],
        names: Iterable[tuple[str, str]],
        nobodys: Collection[tuple[str, str]] = frozenset(),
    ) -> None:
        """Add what belongs to the machine, and choose the best label anew; ``nobodys`` are names of groups."""
        self._nobodys = nobodys
        self.macs |= macs
        for ip in ips:
            if ip not in self.ips and ip not in UNSPECIFIED:
                self.ips.add(ip)
                order = (*order_of(ip), ip)
                self._lowest = order if self._lowest is None else min(self._lowest, order)
        for name in names:
            if len(self.names) >= NAMES_KEPT:
                break
            if name not in self.names:
                self.names.append(name)
        self.label = self._best_label()

    def _best_label(self) -> str:
        """The best name: inventory, then what the machine said of itself, then the address.

        Who names itself differently in its own packets speaks for others (a proxy in front of them), so that such
        names are nobody's label.
        """
        for source in ("inventory", *_LABEL_SOURCES) if self.names else ():
            names = [name for name, name_source in self.names if name_source == source]
            names = [name for name in names if (name.casefold(), source) not in self._nobodys]
            if names and (source not in _SAID_BY_ITSELF or len({_short(name) for name in names}) == 1):
                return names[0]
        if self._lowest is not None:
            return self._lowest[2]
        return mac_text(min(self.macs)) if self.macs else self.id

    @property
    def vswitch(self) -> str | None:
        """The vSwitch that the inventory names, when its rows agree."""
        names = {record.vswitch for record in self.records if record.vswitch}
        return names.pop() if len(names) == 1 else None


def _short(name: str) -> str:
    """What a computer's DNS and NetBIOS names have in common."""
    return name.partition(".")[0].casefold()[:_NETBIOS_CHARS]


def is_for_one_link(ip: str) -> bool:
    """Whether an address means something on its own link only."""
    return ip in UNSPECIFIED or ip.lower().startswith("fe80:")


def is_routable(ip: str) -> bool:
    """Whether an address means something beyond its own link."""
    return not is_for_one_link(ip)


def order_of(ip: str) -> tuple[int, int]:
    """IPv4 before IPv6, then by number."""
    address = ipaddress.ip_address(ip)
    return address.version, int(address)
