"""Names from packets by the addresses they were given to, and which of them are no machine's."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from flowmap.capture.names import NameRecord
from flowmap.identity.bindings import Bindings
from flowmap.identity.endpoint import order_of


def names_of_groups(names: Iterable[NameRecord], bindings: Bindings) -> set[tuple[str, str]]:
    """(casefolded name, source) of what several machines are called: a cluster, a round robin, a proxy's client.

    A DHCP client's name is its own, however many were cloned with it. A machine may have an address of each IP version,
    of which packets showed no MAC.
    """
    owners: dict[tuple[str, str, int], set[object]] = defaultdict(set)
    for record in names:
        if record.ip and not record.source.startswith("dhcp"):
            macs = {mac for domain in bindings.domains_of.get(record.ip, ())
                    for mac in bindings.macs_of[domain, record.ip]}  # fmt: skip
            owner = macs.pop() if len(macs) == 1 else record.ip
            owners[record.name.casefold(), record.source, order_of(record.ip)[0]].add(owner)
    return {(name, source) for (name, source, _), found in owners.items() if len(found) > 1}


def names_by_address(names: Iterable[NameRecord]) -> dict[int | str, dict[tuple[str, str], None]]:
    """MAC or IP to (name, source), in order of appearance and without repetition."""
    result: dict[int | str, dict[tuple[str, str], None]] = defaultdict(dict)
    for record in names:
        for key in (record.mac, record.ip):
            if key not in (-1, ""):
                result[key][record.name, record.source] = None
    return result
