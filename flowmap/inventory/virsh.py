"""`virsh dumpxml`: one or many <domain> elements, in a row or inside <domains>.

The host is not in it; it comes from another file, or from what the user states about capture points.
Elements as in libvirt's "Domain XML format", section "Network interfaces", with port isolation since 6.1.0.
"""

from __future__ import annotations

from xml.etree.ElementTree import Element

from flowmap.inventory.cells import clean_name, parse_ip, parse_mac, parse_vlan
from flowmap.inventory.documents import Document, XmlDocument
from flowmap.inventory.reading import Reading

_BYPASS_MODES = frozenset({"vepa", "private", "passthrough"})
"""macvtap modes in which the host's network driver never hands a frame from one VM to another."""


def matches(document: Document) -> bool:
    """XML whose root is <domain> or <domains>."""
    return isinstance(document, XmlDocument) and bool(_domains(document))


def read(document: Document, reading: Reading) -> None:
    """Add each interface of each domain; the row is the number of the domain in the file."""
    assert isinstance(document, XmlDocument)
    for row, domain in reading.numbered(_domains(document)):
        name = clean_name(domain.findtext("name") or "")
        if not name:
            reading.skip(row, "they have no <name>")
            continue
        interfaces: list[Element | None] = list(domain.findall("devices/interface"))
        for interface in interfaces or [None]:
            _add_interface(domain, interface, name, reading, row)


def _domains(document: XmlDocument) -> list[Element]:
    found = []
    for root in document.roots:
        found += [root] if root.tag == "domain" else root.findall("domain") if root.tag == "domains" else []
    return found


def _add_interface(domain: Element, interface: Element | None, name: str, reading: Reading, row: int) -> None:
    vlan = None
    mac = None
    ips: list[str] = []
    vswitch = network = None
    passthrough = False
    if interface is not None:
        if (address := _attribute(interface, "mac", "address")) is not None:
            mac = reading.take(parse_mac, address, row, "mac/@address")
        for element in interface.findall("ip")[:64]:
            ip = reading.take(parse_ip, element.get("address", ""), row, "ip/@address")
            ips += [ip] if ip is not None else []
        vlan = _access_vlan(interface, reading, row)
        vswitch, network, passthrough = _attachment(interface)
    reading.add_vnic(
        row,
        vm=name,
        vm_id=clean_name(domain.findtext("uuid") or "") or None,
        nic=_attribute(interface, "alias", "name"),
        mac=mac,
        ips=tuple(ips),
        vswitch=vswitch,
        network=network,
        vlan=vlan,
        segment_type="vlan" if vlan else None,
        passthrough=passthrough,
        isolated=_isolated(interface),
        interface=_attribute(interface, "target", "dev"),
        # Only a domain that runs has a number.
        power_state="running" if domain.get("id", "").isdigit() else None,
    )


def _attachment(interface: Element) -> tuple[str | None, str | None, bool]:
    """(vSwitch, network, passthrough) from the kind of interface and its <source>."""
    kind = interface.get("type", "")
    bridge = _attribute(interface, "source", "bridge")
    if kind == "bridge":
        return bridge, bridge, False
    if kind == "network":
        network = _attribute(interface, "source", "network")
        portgroup = _attribute(interface, "source", "portgroup")
        # The bridge behind the network stands only in the XML of a running domain.
        return bridge, f"{network}/{portgroup}" if network and portgroup else network, False
    if kind == "direct":
        device = _attribute(interface, "source", "dev") or "?"
        mode = (_attribute(interface, "source", "mode") or "vepa").casefold()  # libvirt's default
        if mode in _BYPASS_MODES:
            return None, f"macvtap {mode} on {device}", True
        return f"macvtap on {device}", f"macvtap {mode} on {device}", False
    return None, None, kind in ("hostdev", "vdpa")


def _isolated(interface: Element | None) -> bool:
    """`<port isolated="yes"/>`, or macvtap in private mode: frames reach no other isolated port of the host."""
    if interface is None:
        return False
    mode = (_attribute(interface, "source", "mode") or "").casefold() if interface.get("type") == "direct" else ""
    return mode == "private" or _attribute(interface, "port", "isolated") == "yes"


def _access_vlan(interface: Element, reading: Reading, row: int) -> int | None:
    vlan = interface.find("vlan")
    if vlan is None or vlan.get("trunk") == "yes":
        return None
    tags = vlan.findall("tag")
    if len(tags) != 1:
        return None
    return reading.take(parse_vlan, tags[0].get("id", ""), row, "vlan/tag/@id") or None


def _attribute(parent: Element | None, child: str, attribute: str) -> str | None:
    element = None if parent is None else parent.find(child)
    value = None if element is None else element.get(attribute)
    return clean_name(value) or None if value else None
