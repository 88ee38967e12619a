"""Hairpins: pairs on one host whose traffic left and came back, where it turned, and what would keep it inside."""

from __future__ import annotations

from flowmap.report.content import Block, Bullets, Heading, Paragraph, Section, Table
from flowmap.report.source import ROWS_SHOWN, Source, first_proof, left_out, services_of
from flowmap.report.wording import count, percent

_WORDS = {"hairpin_routed": "routed outside", "hairpin_reflected": "reflected"}
_WAYS_IN = {
    "hairpin_routed": (
        "Routed outside (hairpin_routed): the ends are in different segments, and their gateway is outside the host.",
        "A distributed router of the hypervisors (NSX, OVN, Neutron DVR) would route inside each host.",
        "A router or firewall VM on the same host would do so too, as long as it and both ends stay there together.",
        "Both ends in the same segment of the same vSwitch would need no router.",
    ),
    "hairpin_reflected": (
        "Reflected (hairpin_reflected): the ends are in one segment, and the adjacent switch sent the frames back, or "
        "they came back by the uplink of another vSwitch.",
        "VEPA or reflective relay turned off, in favour of switching in the host (VEB, macvtap in bridge mode), would "
        "keep it inside.",
        "Both ends on the same vSwitch would do so where the inventory shows two.",
    ),
}


def hairpins(source: Source) -> Section:
    """Pairs with hairpin bytes, most first, and the ways in for the kinds that occur."""
    pairs = source.ranked("hairpin_bytes")
    if not pairs:
        text = "No traffic was found that left its host and came back to it."
        return Section("hairpins", "Hairpins", (Paragraph(text),))
    left = source.shares["left_bytes"]
    rows = tuple(
        (
            str(rank), source.pair(edge), source.hosts_of(edge), services_of(edge), count(edge["hairpin_bytes"]),
            percent(edge["hairpin_bytes"], left), str(_WORDS.get(edge["verdict"], edge["verdict"])),
            edge["grade"] or "–", first_proof(edge),
        )
        for rank, edge in enumerate(pairs[:ROWS_SHOWN], 1)
    )  # fmt: skip
    columns = ("No.", "Pair", "Host", "Services", "Hairpin bytes", "Of all that left", "How", "Grade",
               "Where it turned")  # fmt: skip
    blocks: list[Block] = [
        Paragraph(
            "Traffic of two ends on one host that went out by an uplink and came back. It used the uplink twice, and "
            "devices on its way outside could see it."
        ),
        Table("Pairs that left and came back", columns, rows, (0, 4, 5), left_out(pairs, "hairpin_bytes", "pairs")),
        Heading("What would keep it inside"),
    ]
    kinds = {edge["verdict"] for edge in pairs}
    for verdict, (what, *ways) in _WAYS_IN.items():
        if verdict in kinds or not kinds <= _WAYS_IN.keys():
            blocks += [Paragraph(what), Bullets(tuple(ways))]
    blocks.append(
        Paragraph(
            "Each of these relieves the uplink and moves the traffic into the blind spot: a firewall or sensor that "
            "sees it outside today would not see it any more."
        )
    )
    return Section("hairpins", "Hairpins", tuple(blocks))
