"""govc `vm.info -json`: virtual machines with their network cards, and what VMware Tools tell of the guest.

Properties as in the vSphere Web Services API (VirtualMachine, VirtualEthernetCard, GuestNicInfo); the samples in the
tests are made in that layout. The host is a reference like host-123: `govc host.info -json` gives its name.
"""

from __future__ import annotations

from flowmap.inventory.cells import clean_name, parse_ip, parse_mac
from flowmap.inventory.documents import DataDocument, Document
from flowmap.inventory.managed_objects import items, number, prop, text
from flowmap.inventory.reading import Reading
from flowmap.inventory.rows import MAX_IPS_OF_NIC

_DISTRIBUTED_SUMMARY = "DVSwitch:"
"""How vCenter begins the summary of a card on a distributed switch; the rest is the switch's UUID."""


def matches(document: Document) -> bool:
    """JSON with the list virtualMachines."""
    value = document.value if isinstance(document, DataDocument) else None
    return isinstance(prop(value, "virtualMachines"), list)


def read(document: Document, reading: Reading) -> None:
    """Add each network card, or the VM alone where it has none; the row is the number of the VM in the file."""
    assert isinstance(document, DataDocument)
    for row, vm in reading.numbered(items(document.value, "virtualMachines")):
        name = clean_name(text(vm, "name") or text(vm, "config", "name"))
        if not name:
            reading.skip(row, "they have no name")
            continue
        if prop(vm, "config", "template") is True:
            reading.skip(row, "they are templates, which never run")
            continue
        cards = [card for card in items(vm, "config", "hardware", "device") if text(card, "macAddress")]
        for card in cards or [None]:
            _add_card(vm, card, name, reading, row, only=len(cards) <= 1)


def _add_card(vm: object, card: object, name: str, reading: Reading, row: int, *, only: bool) -> None:
    mac = reading.take(parse_mac, text(card, "macAddress"), row, "macAddress") if card is not None else None
    guest_nic = _guest_nic(vm, card, mac)
    network, vswitch, segment_type = _attachment(card, guest_nic)
    reading.add_vnic(
        row,
        vm=name,
        vm_id=clean_name(text(vm, "config", "instanceUuid") or text(vm, "config", "uuid")) or None,
        nic=clean_name(text(card, "deviceInfo", "label")) or None,
        mac=mac,
        ips=_addresses(vm, guest_nic, reading, row, only=only),
        host=clean_name(text(vm, "runtime", "host", "value")) or None,
        vswitch=vswitch,
        network=network,
        segment_type=segment_type,
        passthrough=_bypasses(vm, card),
        power_state=clean_name(text(vm, "runtime", "powerState")) or None,
        guest_name=clean_name(text(vm, "guest", "hostName")) or None,
    )


def _guest_nic(vm: object, card: object, mac: int | None) -> object:
    """What the guest tells of a card, by the card's key; a NIC that the guest made itself has the key -1."""
    key = number(card, "key")
    for nic in items(vm, "guest", "net"):
        if key is not None and key >= 0 and number(nic, "deviceConfigId") == key:
            return nic
        if number(nic, "deviceConfigId") is None and mac is not None and _mac_or_none(text(nic, "macAddress")) == mac:
            return nic
    return None


def _mac_or_none(written: str) -> int | None:
    try:
        return parse_mac(written)
    except ValueError:
        return None


def _attachment(card: object, guest_nic: object) -> tuple[str | None, str | None, str | None]:
    """(network, vSwitch, segment type) of a card.

    A card on a distributed switch knows its port group's and its switch's identifiers only; the name of the port
    group is what the guest's NIC tells.
    """
    backing = prop(card, "backing")
    told = clean_name(text(guest_nic, "network"))
    standard = clean_name(text(backing, "deviceName"))
    if standard:
        return standard, None, None
    port = prop(backing, "port")
    if isinstance(port, dict):
        summary = text(card, "deviceInfo", "summary")
        named = "" if summary.startswith(_DISTRIBUTED_SUMMARY) else clean_name(summary)
        group = told or named or clean_name(text(port, "portgroupKey"))
        return group or None, clean_name(text(port, "switchUuid")) or None, None
    opaque = clean_name(text(backing, "opaqueNetworkId"))
    if opaque:
        # NSX networks. Most are overlays; one on a VLAN is called that in the name of its type.
        kind = text(backing, "opaqueNetworkType").casefold()
        return told or opaque, None, None if "vlan" in kind else "overlay"
    return told or None, None, None


def _bypasses(vm: object, card: object) -> bool:
    """Whether the card's frames pass by the vSwitch: SR-IOV, or DirectPath I/O of the second generation in use."""
    if isinstance(prop(card, "sriovBacking"), dict) or "sriov" in text(card, "_typeName").casefold():
        return True
    key = number(card, "key")
    return key is not None and any(
        number(device, "key") == key and prop(device, "runtimeState", "vmDirectPathGen2Active") is True
        for device in items(vm, "runtime", "device")
    )


def _addresses(vm: object, guest_nic: object, reading: Reading, row: int, *, only: bool) -> tuple[str, ...]:
    """Addresses of the guest's NIC; the VM's first address if the guest lists no NICs and it has one card at most."""
    told = [ip for ip in items(guest_nic, "ipAddress") if isinstance(ip, str)]
    told += [text(ip, "ipAddress") for ip in items(guest_nic, "ipConfig", "ipAddress")]
    if not told and only and not items(vm, "guest", "net"):
        told = [text(vm, "guest", "ipAddress")]
    ips: dict[str, None] = {}
    for ip in told[:MAX_IPS_OF_NIC]:
        if ip and (parsed := reading.take(parse_ip, ip, row, "ipAddress")) is not None:
            ips[parsed] = None
    return tuple(ips)
