"""Which field of which protocol names whom (reference 2.2; field names are those of tshark 4.0)."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from typing import NamedTuple

from flowmap.capture import wraps
from flowmap.capture.layers import Stack, stack_of

SEPARATOR = "\x1e"
"""Between the values of one field: names may hold commas, but tshark escapes control characters in them."""

FIELDS = (
    "frame.protocols", "frame.number", "frame.interface_id", "frame.section_number", "sll.ifindex",
    "eth.src", "eth.dst", "ip.src", "ip.dst", "ipv6.src", "ipv6.dst",
    "udp.srcport", "udp.dstport", "tcp.srcport", "tcp.dstport", "tcp.flags",
    *wraps.FIELDS,
    "dhcp.hw.mac_addr", "dhcp.ip.your", "dhcp.ip.client", "dhcp.option.hostname", "dhcp.fqdn.name",
    "dhcpv6.client_domain", "dhcpv6.iaaddr.ip",
    "dns.flags.response", "dns.qry.name", "dns.resp.name", "dns.resp.type", "dns.a", "dns.aaaa", "dns.cname",
    "dns.ptr.domain_name",
    "nbns.name", "nbns.addr", "nbns.nb_flags.group", "nbns.flags.rcode",
    "nbns.netbios_name", "nbns.name_flags.group", "nbdgm.source_name", "nbdgm.src.ip",
    "browser.command", "browser.server",
    "ntlmssp.auth.hostname", "ntlmssp.negotiate.callingworkstation",
    "ntlmssp.challenge.target_info.nb_computer_name", "ntlmssp.challenge.target_info.dns_computer_name",
    "kerberos.CNameString", "kerberos.addr_nb", "smb2.tree", "rdp.client.name", "syslog.hostname",
    "tls.handshake.extensions_server_name", "http.host", "http2.headers.authority", "http.server", "ssh.protocol",
    "lldp.tlv.system.name", "lldp.tlv.system.desc", "lldp.chassis.id.mac", "lldp.port.id", "lldp.port.id.mac",
    "lldp.tlv.enable_system_cap", "cdp.deviceid", "cdp.portid", "cdp.platform", "stp.bridge.hw", "stp.port",
)  # fmt: skip

_PLACE = {name: place for place, name in enumerate(FIELDS)}
_A, _PTR, _AAAA = "1", "12", "28"
_REVERSE_V4, _REVERSE_V6 = ".in-addr.arpa", ".ip6.arpa"
_NETBIOS = re.compile(r"(?P<name>[^<*]+)<(?:00|20)>")
"""A computer's name with the suffix of its workstation (00) or file server (20) service; others name users and domains.
An asterisk stands for everybody."""
_KERBEROS_PORT, _SMB_PORTS, _DHCPV6_CLIENT_PORT = 88, (139, 445), 546
_NOBODY = frozenset(("", "-", "NULL", "localhost", "localhost.localdomain", "localhost.local"))
"""What stands where there is no name; tshark itself writes NULL for an empty NTLMSSP name."""
_LOOKED_FOR = frozenset(("wpad", "isatap"))
"""What every client asks its link for; who answers is a service, or an attacker."""
_ASKED = frozenset(("dns", "mdns", "llmnr", "nbns"))
_HOST_ANNOUNCEMENTS = frozenset(("1", "0x01", "15", "0x0f"))
"""Browser frames whose server is their sender (MS-BRWS 2.2.1, 2.2.10); the others name workgroups and other hosts."""


class Said(NamedTuple):
    """One name, the kind of statement, and the address and MAC that it names."""

    name: str
    source: str
    ip: str
    mac: int = -1


class Frame:
    """The cells of one frame of the names pass."""

    __slots__ = ("_cells", "stack")

    def __init__(self, cells: list[str]) -> None:
        self._cells = cells
        self.stack: Stack = stack_of(cells[0])

    def text(self, name: str) -> str:
        """The cell of a field as it is."""
        return self._cells[_PLACE[name]]

    def values(self, name: str) -> list[str]:
        """All values of a field, outermost first."""
        text = self._cells[_PLACE[name]]
        return text.split(SEPARATOR) if text else []

    def address(self, end: str) -> str:
        """Innermost IP address of ``src`` or ``dst``, "" where there is none."""
        header = self.stack.ip
        values = self.values(f"{header.kind}.{end}") if header else []
        return values[header.number] if header and header.number < len(values) else ""

    def mac(self, end: str) -> int:
        """Innermost Ethernet address of ``src`` or ``dst``, -1 where there is none."""
        values, number = self.values(f"eth.{end}"), self.stack.eth
        return mac_of(values[number]) if 0 <= number < len(values) else -1

    def ports(self) -> tuple[str, int, int]:
        """Transport (``tcp``, ``udp`` or "") directly on the innermost IP header, source and destination port."""
        transport = self.stack.tail[0] if self.stack.tail[:1] in (("tcp",), ("udp",)) else ""
        place = self.stack.udp if transport == "udp" else 0
        if not transport or place < 0:
            return "", -1, -1
        ends = [self.values(f"{transport}.{end}port")[place : place + 1] for end in ("src", "dst")]
        return (transport, int(ends[0][0]), int(ends[1][0])) if all(ends) else ("", -1, -1)


def names_in(frame: Frame, source: str, destination: str) -> Iterator[Said]:
    """Everything in a frame between two IP addresses that names somebody; attackers wrote all of it."""
    for said in _statements(frame, source, destination):
        is_service = said.source in _ASKED and said.name.partition(".")[0].casefold() in _LOOKED_FOR
        if said.name not in _NOBODY and not is_service and not is_address(said.name):
            yield said


def _statements(frame: Frame, source: str, destination: str) -> Iterator[Said]:
    layers = frame.stack.tail
    if "dhcp" in layers:
        yield from _dhcp(frame)
    if "dhcpv6" in layers:
        yield from _dhcpv6(frame)
    if frame.values("dns.flags.response")[:1] in (["1"], ["True"]):
        yield from _answers(frame)
    if "nbns" in layers:
        yield from _nbns(frame, source)
    yield from _machines(frame, source, destination)
    yield from _services(frame, source, destination)


def _dhcp(frame: Frame) -> Iterator[Said]:
    for name in frame.values("dhcp.option.hostname") + frame.values("dhcp.fqdn.name"):
        macs = frame.values("dhcp.hw.mac_addr")
        given = frame.values("dhcp.ip.your")[:1] + frame.values("dhcp.ip.client")[:1]
        ip = next((ip for ip in given if ip != "0.0.0.0"), "")
        yield Said(name.rstrip("."), "dhcp", ip, mac_of(macs[0]) if macs else -1)


def _dhcpv6(frame: Frame) -> Iterator[Said]:
    """Client and server talk on one link, so the client's MAC is the frame's; what relays carry is left alone.

    The DUID holds a MAC too, but cloned machines share it.
    """
    _, source_port, destination_port = frame.ports()
    client = {source_port: "src", destination_port: "dst"}.get(_DHCPV6_CLIENT_PORT)
    if client is None or not frame.address(client).lower().startswith("fe80:"):
        return
    given = frame.values("dhcpv6.iaaddr.ip")[:1] if client == "dst" else []
    for name in frame.values("dhcpv6.client_domain")[:1]:
        yield Said(name.rstrip("."), "dhcpv6", given[0] if given else "", frame.mac(client))


def _answers(frame: Frame) -> Iterator[Said]:
    """Names that the answers give to addresses; the k-th record of type A owns the k-th ``dns.a``.

    An answer through an alias names the address twice: by the name asked for and by that of the record.
    """
    kind = next((layer for layer in ("dns", "llmnr") if layer in frame.stack.tail), "mdns")
    owners, types = frame.values("dns.resp.name"), frame.values("dns.resp.type")
    if len(owners) != len(types):
        return
    asked = frame.values("dns.qry.name")[:1] if frame.values("dns.cname") else []
    named = {wanted: [o for o, t in zip(owners, types, strict=True) if t == wanted] for wanted in (_A, _AAAA, _PTR)}
    for wanted, field in ((_A, "dns.a"), (_AAAA, "dns.aaaa")):
        for owner, address in zip(named[wanted], frame.values(field), strict=False):
            for name in (owner, *asked):
                yield Said(name.rstrip("."), kind, address)
    for owner, name in zip(named[_PTR], frame.values("dns.ptr.domain_name"), strict=False):
        if address := reverse_address(owner):
            yield Said(name.rstrip("."), kind, address)


def _nbns(frame: Frame, source: str) -> Iterator[Said]:
    """A registration or a positive answer ties one name to addresses; a node status lists the sender's own names."""
    if frame.values("nbns.flags.rcode")[:1] not in ([], ["0"], ["0x0000"], ["0x00"]):
        return
    names = {found["name"].strip() for text in frame.values("nbns.name") if (found := _NETBIOS.match(text))}
    if len(names) == 1:
        name = names.pop()
        for address, group in zip(frame.values("nbns.addr"), frame.values("nbns.nb_flags.group"), strict=False):
            if not _is_true(group):
                yield Said(name, "nbns", address)
    owned, groups = frame.values("nbns.netbios_name"), frame.values("nbns.name_flags.group")
    unique = [name for name, group in zip(owned, groups, strict=False) if not _is_true(group)]
    for name in unique[:1]:  # the computer's; users' follow, and the field has no suffix that would tell them apart
        yield Said(name.strip(), "nbns", source)


def _machines(frame: Frame, source: str, destination: str) -> Iterator[Said]:
    """Computer names in logins and datagrams."""
    if frame.values("nbdgm.src.ip")[:1] in ([], [source]):  # else a relay or translator has sent it on
        for text in frame.values("nbdgm.source_name"):
            if found := _NETBIOS.match(text):
                yield Said(found["name"].strip(), "nbdgm", source)
        if frame.text("browser.command") in _HOST_ANNOUNCEMENTS:
            for name in frame.values("browser.server"):
                yield Said(name.strip(), "nbdgm", source)
    for field in (
        "ntlmssp.challenge.target_info.dns_computer_name", "ntlmssp.challenge.target_info.nb_computer_name",
        "ntlmssp.auth.hostname", "ntlmssp.negotiate.callingworkstation",
    ):  # fmt: skip
        for name in frame.values(field):
            yield Said(name, "ntlmssp", source)  # each side names itself in its own message
    for name in frame.values("rdp.client.name"):
        yield Said(name, "rdp", source)
    _, source_port, destination_port = frame.ports()
    client = {destination_port: source, source_port: destination}.get(_KERBEROS_PORT)
    if client is not None:
        for text in frame.values("kerberos.CNameString"):
            if text.endswith("$"):  # a machine account; others are people's
                yield Said(text[:-1], "kerberos", client)
        for text in frame.values("kerberos.addr_nb"):
            yield Said(text.partition("<")[0].strip(), "kerberos", client)
    for name in frame.values("syslog.hostname"):
        yield Said(name, "syslog", source)


def _services(frame: Frame, source: str, destination: str) -> Iterator[Said]:
    for name in frame.values("tls.handshake.extensions_server_name"):
        yield Said(name, "tls_sni", destination)
    for name in frame.values("http.host") + frame.values("http2.headers.authority"):
        yield Said(_without_port(name), "http_host", destination)
    for name in frame.values("ssh.protocol"):
        yield Said(name, "ssh_banner", source)
    for name in frame.values("http.server"):
        yield Said(name, "http_server", source)
    if frame.ports()[2] in _SMB_PORTS:
        for path in frame.values("smb2.tree"):
            if path.startswith("\\\\"):
                yield Said(path[2:].partition("\\")[0], "smb2_tree", destination)


_LLDP_FORWARDING = 0x04 | 0x08 | 0x10
"""Bridge, WLAN access point, router among the capabilities of IEEE 802.1AB 8.5.8.1."""


def neighbor_in(frame: Frame) -> tuple[str, str, str, str, bool | None] | None:
    """System name, port, platform, protocol and "it forwards" of a frame of LLDP, CDP or spanning tree; else None."""

    def first(*fields: str) -> str:
        return next((value for field in fields for value in frame.values(field)[:1] if value), "")

    protocol = next((name for name in ("lldp", "cdp", "stp") if name in frame.stack.names), "")
    if protocol == "lldp":
        name, port = first("lldp.tlv.system.name", "lldp.chassis.id.mac"), first("lldp.port.id", "lldp.port.id.mac")
        enabled = first("lldp.tlv.enable_system_cap")
        forwards = bool(int(enabled, 0) & _LLDP_FORWARDING) if enabled else None
        return name, port, first("lldp.tlv.system.desc"), protocol, forwards
    if protocol == "cdp":
        return first("cdp.deviceid"), first("cdp.portid"), first("cdp.platform"), protocol, None
    if protocol == "stp":
        return first("stp.bridge.hw"), first("stp.port"), "", protocol, True
    return None


def is_address(name: str) -> bool:
    """An address in place of a name (a request by address) names nobody."""
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def reverse_address(owner: str) -> str:
    """The address that the owner of a pointer record stands for (RFC 1035 3.5, RFC 3596 2.5); "" for any other."""
    owner = owner.lower().rstrip(".")
    try:
        if owner.endswith(_REVERSE_V4):
            return str(ipaddress.IPv4Address(".".join(reversed(owner.removesuffix(_REVERSE_V4).split(".")))))
        if owner.endswith(_REVERSE_V6):
            digits = "".join(reversed(owner.removesuffix(_REVERSE_V6).split(".")))
            return str(ipaddress.IPv6Address(bytes.fromhex(digits))) if len(digits) == 32 else ""
    except ValueError:
        pass
    return ""


def mac_of(text: str) -> int:
    """48 bits of tshark's ``aa:bb:cc:dd:ee:ff``; -1 for anything else."""
    return int(text.replace(":", ""), 16) if len(text) == 17 else -1


def _is_true(text: str) -> bool:
    return text in ("1", "True")


def _without_port(host: str) -> str:
    head, colon, tail = host.rpartition(":")
    return head if colon and tail.isdigit() else host
