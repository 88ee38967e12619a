"""What a person says of single machines on the page: ``{"placed_by_hand": true, "vms": [{vm, mac, ip, host, kind}]}``.

It outranks the exports, because whoever corrects one has looked. It never outranks packets or a live forwarding table,
and has no time: a person says where a VM was during the capture, and may be wrong.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

from flowmap.inventory import yaml_json
from flowmap.inventory.documents import DataDocument, Document
from flowmap.inventory.reading import Reading
from flowmap.inventory.records import BY_HAND, VnicRecord, given_name

KEY = "placed_by_hand"


def matches(document: Document) -> bool:
    """JSON that says so itself; other programs do not write this key."""
    value = document.value if isinstance(document, DataDocument) and document.syntax == "json" else None
    return isinstance(value, dict) and value.get(KEY) is True and isinstance(value.get("vms"), list)


def read(document: Document, reading: Reading) -> None:
    """Add its rows, without the file's time."""
    reading.modified_ns = reading.exported_ns = None
    yaml_json.read(document, reading)


def corrected(records: list[VnicRecord], by_hand: Iterable[VnicRecord], warnings: list[str]) -> list[VnicRecord]:
    """The joined rows of the exports with host and kind as a person corrected them.

    A correction is about the vNIC with its MAC (without one, with its addresses) and about the other vNICs of that VM.
    What the exports tell besides stays; what depends on the host they named goes with it. Where several tenants have
    that MAC or address and no name tells which is meant, nothing is changed and ``warnings`` says so.
    """
    moved: dict[int, VnicRecord] = {}
    added: list[VnicRecord] = []
    places: dict[tuple[str, object], list[int]] = defaultdict(list)
    for number, record in enumerate(records):
        for key in _keys(record):
            places[key].append(number)
    for hand in by_hand:
        own = places["mac", hand.mac] if hand.mac is not None else [n for ip in hand.ips for n in places["ip", ip]]
        own = own or [n for n in places["name", given_name(hand)] if records[n].mac is None]
        meant = _of_one_tenant(own, records, hand)
        if own and not meant:
            warnings.append(f"By hand, {hand.vm} may be a machine of several tenants, so that statement is not used.")
            continue
        own = meant
        ids = {records[n].vm_id for n in own} - {None}
        also = [n for vm_id in ids for n in places["id", vm_id]]
        if any(n in moved and moved[n].host != hand.host for n in own):
            warnings.append(f"{hand.vm} was placed on several hosts by hand; the last of them counts.")
        moved.update(dict.fromkeys((*own, *also), hand))
        if not own or (hand.mac is not None and all(records[n].mac is None for n in own)):
            added.append(replace(hand, vm_id=next(iter(ids)) if len(ids) == 1 else None))
    return [_moved(record, moved[n]) if n in moved else record for n, record in enumerate(records)] + added


def _of_one_tenant(numbers: list[int], records: list[VnicRecord], hand: VnicRecord) -> list[int]:
    """The rows that are meant: all of them, or those of the name where tenants use one MAC or address twice."""
    if len({records[n].domain for n in numbers} - {None}) < 2:
        return numbers
    named = [n for n in numbers if given_name(records[n]) == given_name(hand)]
    return named if len({records[n].domain for n in named}) == 1 else []


def _keys(record: VnicRecord) -> Iterable[tuple[str, object]]:
    if record.mac is not None:
        yield "mac", record.mac
    if record.vm_id is not None:
        yield "id", record.vm_id
    if (name := given_name(record)) is not None:
        yield "name", name
    for ip in record.ips:
        yield "ip", ip


def _moved(record: VnicRecord, hand: VnicRecord) -> VnicRecord:
    host = hand.host or record.host
    said = replace(
        record, host=host, kind=hand.kind, distributed=record.distributed and hand.kind == "router",
        source=hand.source, row=hand.row, format=BY_HAND, observed_at_ns=None, observed_how=None,
    )  # fmt: skip
    return said if host == record.host else replace(said, vswitch=None, interface=None, has_uplink=None)
