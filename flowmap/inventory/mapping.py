"""An explicit mapping: the user says which column is what, where the titles themselves do not.

# mapping: vm=Server Name; mac=HW Addr; ip=Address 1; ip=Address 2       above a table
mapping: {vm: Server Name, mac: HW Addr, ip: [Address 1, Address 2]}     beside the list of JSON or YAML

It stands in the file, so that the command line, an upload and a file read again next year mean the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from flowmap.errors import InventoryError
from flowmap.inventory.cells import clean_name, quoted
from flowmap.inventory.rows import SYNONYMS, columns_of, columns_titled, heading

Fields = Mapping[str, Sequence[str]]
"""For each field of `rows.SYNONYMS` the titles of its columns, as the user wrote them."""

KEY = "mapping"
MAX_TITLES_NAMED = 20


def mapping_from_text(text: str, name: str) -> Fields:
    """The mapping of `field=column; field=column`.

    Raises
    ------
    InventoryError
        If a part has no "=", or its field is not known.
    """
    pairs = []
    for part in text.split(";"):
        field, separator, title = part.partition("=")
        if separator:
            pairs.append((field, title.strip()))
        elif part.strip():
            raise InventoryError(
                f"{name}: {quoted(part.strip())} in the mapping has no '='; write it like vm=Server Name; mac=HW Addr."
            )
    return _fields(pairs, name)


def mapping_from_value(value: object, name: str) -> Fields:
    """The mapping of a JSON or YAML object, or of the same text that a comment line holds.

    Raises
    ------
    InventoryError
        If it is neither, or a field is not known.
    """
    if isinstance(value, str):
        return mapping_from_text(value, name)
    pairs = []
    if isinstance(value, dict):
        for field, titles in value.items():
            pairs += [(str(field), title) for title in (titles if isinstance(titles, list) else [titles])]
    if not pairs or not all(isinstance(title, str) for _, title in pairs):
        raise InventoryError(
            f"{name}: the mapping must give the name of a column for each field, like {{vm: Server Name, mac: HW}}."
        )
    return _fields([(field, str(title)) for field, title in pairs], name)


def mapped_columns(titles: Sequence[str], fields: Fields) -> dict[str, tuple[int, ...]]:
    """Which values tell which field: the mapped ones, and by their titles those that the mapping leaves free.

    Mapped columns that are not there are left out (see `missing_titles`).
    """
    mapped = {field: [heading(title) for title in several] for field, several in fields.items()}
    taken = {title for several in mapped.values() for title in several}
    free = ["" if heading(title) in taken else title for title in titles]
    by_title = {field: found for field, found in columns_of(free).items() if field not in fields}
    return by_title | columns_titled(titles, mapped)


def missing_titles(titles: Iterable[str], fields: Fields) -> list[str]:
    """The mapped columns that are not among the titles."""
    there = {heading(title) for title in titles}
    return [title for several in fields.values() for title in several if heading(title) not in there]


def unknown_column(missing: Sequence[str], titles: Iterable[str], name: str) -> InventoryError:
    """What to raise when the mapping names columns that the file does not have."""
    known = [clean_name(title)[:40] for title in titles if title.strip()]
    more = f" and {len(known) - MAX_TITLES_NAMED:,} more" if len(known) > MAX_TITLES_NAMED else ""
    return InventoryError(
        f"{name}: the mapping names the column {quoted(missing[0])}, which the file does not have; its columns are"
        f" {', '.join(known[:MAX_TITLES_NAMED])}{more}."
    )


def _fields(pairs: Sequence[tuple[str, str]], name: str) -> Fields:
    fields: dict[str, list[str]] = {}
    for told, title in pairs:
        field = _field_named(told)
        if field is None:
            raise InventoryError(
                f"{name}: the mapping names the field {quoted(told.strip())}, which FlowMap does not know; the fields"
                f" are {', '.join(sorted(SYNONYMS))}."
            )
        fields.setdefault(field, []).append(title)
    return fields


def _field_named(told: str) -> str | None:
    """The field of a name: its own, or else a title that FlowMap takes for it."""
    name = heading(told)
    own = {heading(field): field for field in SYNONYMS}
    return own.get(name) or next((field for field, synonyms in SYNONYMS.items() if name in synonyms), None)
