"""From the bytes of a file to one of the shapes that inventories come in: XML, JSON, a table, YAML.

Nothing here knows what the content means. Every loader is bounded in memory and refuses what only an attack
needs: document types and entities in XML, aliases in YAML.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from xml.etree.ElementTree import Element, ParseError

import defusedxml.ElementTree
from defusedxml import DefusedXmlException

from flowmap.errors import InventoryError
from flowmap.inventory.cells import quoted
from flowmap.inventory.yaml_events import load_yaml

MAX_NODES = 4_000_000
"""Elements of one XML or JSON document: a few hundred bytes each once parsed."""
MAX_RECORD_CHARS = 1 << 20
"""Characters of one row of a table, quoted line breaks included."""

DELIMITERS = ",;\t"

_NOT_TEXT = (
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook", "save the sheet (RVTools: vNetwork) as CSV"),
    (b"\x1f\x8b", "a gzip file", "unpack it first"),
    (b"\x28\xb5\x2f\xfd", "a zstd file", "unpack it first"),
    (b"\x0a\x0d\x0d\x0a", "a packet capture", "give it as a capture, not as an inventory"),
    (b"\xd4\xc3\xb2\xa1", "a packet capture", "give it as a capture, not as an inventory"),
    (b"\xa1\xb2\xc3\xd4", "a packet capture", "give it as a capture, not as an inventory"),
    (b"\x4d\x3c\xb2\xa1", "a packet capture", "give it as a capture, not as an inventory"),
    (b"\xa1\xb2\x3c\x4d", "a packet capture", "give it as a capture, not as an inventory"),
    (b"\x7fELF", "a program", "give an inventory export"),
    (b"%PDF", "a PDF document", "give an inventory export"),
)
_XML_DECLARATION = re.compile(r"<\?xml\s[^>]*\?>")
_YAML_START = re.compile(r"---|%YAML|-( |$)|[^,;\t:#]{1,80}:( |$)")
_JSON_GAP = re.compile(r"\s*")
_PREAMBLE = re.compile(r"#\s*(?P<key>[A-Za-z_ ]{1,40})\s*[:=]\s*(?P<value>.*)")


@dataclass(frozen=True)
class XmlDocument:
    """The top-level elements of a file; `virsh dumpxml` in a loop writes several roots into one file."""

    roots: list[Element]


@dataclass(frozen=True)
class DataDocument:
    """What JSON or YAML held: mappings, lists, and scalars (YAML: text only, see `yaml_events`)."""

    value: object
    syntax: str
    """"json", "yaml", or "json sequence" where `value` is a list of several documents of one file."""


@dataclass(frozen=True)
class Table:
    """A table with a header line.

    `rows` can be walked once; it raises InventoryError where the file is broken.
    """

    header: list[str]
    header_row: int
    """1-based, so that row numbers agree with what a spreadsheet shows."""
    rows: Iterator[list[str]]
    preamble: dict[str, str]
    """`# key: value` lines above the header, keys casefolded."""


@dataclass(frozen=True)
class Lines:
    """A text as its lines: what programs print for people."""

    text: str

    def __iter__(self) -> Iterator[str]:
        for line in io.StringIO(self.text):
            yield line.rstrip()

    def first(self, count: int = 400) -> Iterator[str]:
        """The first lines, cut to a length that no real one has; enough to recognise a format."""
        return (line[:500] for line in islice(self, count))


@dataclass(frozen=True)
class Workbook:
    """The sheets of an Excel file that hold a table, by name, in their order."""

    sheets: list[tuple[str, Table]]


Document = XmlDocument | DataDocument | Table | Workbook | Lines


def decode(data: bytes | str, name: str) -> tuple[str, bool]:
    """Text without byte order mark, and whether its bytes had to be read as Windows-1252.

    Raises
    ------
    InventoryError
        If the file is empty, or no text at all.
    """
    if isinstance(data, str):
        # A lone surrogate, which only a str can hold, would fail much later at writing.
        text, guessed = data.encode("utf-8", "replace").decode(), False
    else:
        for magic, what, way_out in _NOT_TEXT:
            if data.startswith(magic):
                raise InventoryError(f"{name} is {what}, not an inventory in text; {way_out}.")
        text, guessed = _decode_bytes(data)
    text = text.removeprefix("\ufeff")
    if not text.strip():
        raise InventoryError(f"{name} is empty; export the inventory again.")
    if "\0" in text:
        raise InventoryError(f"{name} is a binary file, not an inventory in text; export it as CSV, JSON or YAML.")
    return text, guessed


def _decode_bytes(data: bytes) -> tuple[str, bool]:
    # PowerShell's > and Excel's "Unicode text" write UTF-16 with a byte order mark.
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", "replace"), False
    try:
        return data.decode("utf-8"), False
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace"), True


def load_xml(text: str, name: str) -> XmlDocument:
    """Parse one or several XML documents that follow each other.

    Raises
    ------
    InventoryError
        If it is not well-formed, declares a document type or entities, or has more than `MAX_NODES` tags.
    """
    if text.count("<") > MAX_NODES:
        raise InventoryError(f"{name} holds more than {MAX_NODES:,} XML tags; export fewer VMs at a time.")
    # One root around everything, without line breaks, so that line numbers in errors stay true.
    wrapped = f"<files>{_XML_DECLARATION.sub('', text)}</files>"
    try:
        return XmlDocument(list(defusedxml.ElementTree.fromstring(wrapped, forbid_dtd=True)))
    except (ParseError, DefusedXmlException) as problem:
        if "<!DOCTYPE" in text or isinstance(problem, DefusedXmlException):
            raise InventoryError(
                f"{name} declares an XML document type, which no inventory does; export it again."
            ) from None
        line = problem.position[0]
        raise InventoryError(f"{name} is not well-formed XML at line {line}; export it again.") from None


def load_json(text: str, name: str) -> DataDocument:
    """Parse one JSON document, or several in a row (ovs-vsctl, govc collect, jq -c: then a list).

    NaN and Infinity become null.

    Raises
    ------
    InventoryError
        If it is not JSON, names a key twice in one object, or is too large or too deep.
    """
    if text.count(",") + text.count("[") + text.count("{") > MAX_NODES:
        raise InventoryError(f"{name} holds more than {MAX_NODES:,} JSON values; export fewer VMs at a time.")
    try:
        values = list(_json_values(text))
    except json.JSONDecodeError as problem:
        raise InventoryError(
            f"{name} is not valid JSON at line {problem.lineno}, column {problem.colno}; export it again."
        ) from None
    except _DuplicateKeyError as problem:
        raise InventoryError(f"{name} names {problem} twice in one JSON object; keep the true one.") from None
    except RecursionError:
        raise InventoryError(f"{name} is nested too deeply for an inventory; export it again.") from None
    except ValueError:
        raise InventoryError(f"{name} holds a JSON number of absurd length; export it again.") from None
    return DataDocument(values[0], "json") if len(values) == 1 else DataDocument(values, "json sequence")


def _json_values(text: str) -> Iterator[object]:
    """Each document of a text: `ovs-vsctl -- list Bridge -- list Port` prints one after the other."""
    decoder = json.JSONDecoder(parse_constant=lambda _: None, object_pairs_hook=_object_without_duplicates)
    position = 0
    while (gap := _JSON_GAP.match(text, position)) and (position == 0 or gap.end() < len(text)):
        value, position = decoder.raw_decode(text, gap.end())
        yield value


class _DuplicateKeyError(Exception):
    """A key stands twice in one object; which one is true, the file does not say."""


def _object_without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    result = dict(pairs)
    if len(result) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise _DuplicateKeyError(quoted(key))
            seen.add(key)
    return result


def looks_like_yaml(text: str) -> bool:
    """Whether the first line that says something starts a list, a mapping or a document."""
    for line in io.StringIO(text):
        bare = line.strip()
        if bare and not bare.startswith("#"):
            return _YAML_START.match(bare) is not None
    return False


def load_yaml_document(text: str, name: str, max_nodes: int = MAX_NODES // 2) -> DataDocument:
    """Parse one YAML document. Raises InventoryError as `yaml_events.load_yaml` does."""
    return DataDocument(load_yaml(text, name, max_nodes), "yaml")


def without_notes(text: str) -> tuple[str, dict[str, str]]:
    """The text with the comments above its content blanked, so that line numbers stay true, and what these say.

    Keys of the notes are casefolded.
    """
    notes: dict[str, str] = {}
    lines = io.StringIO(text, newline="")
    above = count = 0
    for line in lines:
        bare = line.strip()
        if is_comment(bare):
            add_to_preamble(bare, notes)
        elif bare and not re.fullmatch(r"sep=.", bare, re.IGNORECASE):  # Excel's
            break
        above += len(line)
        count += 1
    return "\n" * count + text[above:], notes


def tables(body: str, notes: dict[str, str], name: str) -> Iterator[Table]:
    """A text `without_notes` as a table, once for each delimiter that gives its header line two columns or more."""
    lines = io.StringIO(body, newline="")
    header_row = 0
    line = ""
    for line in lines:
        header_row += 1
        if line.strip():
            break
    body_start = lines.tell() - len(line)
    for delimiter in DELIMITERS:
        if delimiter not in line:
            continue
        rows = _rows(body[body_start:], name, delimiter, header_row)
        try:
            header = next(rows, [])
        except InventoryError:  # YAML may have quotes where a table cannot
            continue
        if len(header) > 1:
            yield Table(header, header_row, rows, notes)


def is_comment(line: str) -> bool:
    """Whether a line above the content is a comment; a spreadsheet may have put it into quotes."""
    # "#TYPE ..." is Windows PowerShell's.
    return line.startswith(("#", '"#'))


def add_to_preamble(line: str, preamble: dict[str, str]) -> None:
    """Keep what a comment line says. A second `# mapping:` goes on where the first one ended."""
    # A spreadsheet fills a line up with the delimiters of empty cells.
    note = _PREAMBLE.fullmatch(line.strip('"' + DELIMITERS).strip())
    if note is None or len(preamble) >= 20:
        return
    key = note["key"].strip().casefold()
    if key == "mapping" and key in preamble:
        preamble[key] += f"; {note['value']}"
    else:
        preamble[key] = note["value"]


def _rows(text: str, name: str, delimiter: str, first_row: int) -> Iterator[list[str]]:
    lines = _BoundedLines(text)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    row = first_row
    while True:
        lines.start_record()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            raise InventoryError(
                f"{name}, row {row}: a quoted cell is not closed, or a cell or row is longer than any export"
                " writes; repair that row."
            ) from None
        yield cells
        row += 1


class _BoundedLines:
    """Lines for csv.reader, which at an open quote would take the rest of the file into one record."""

    def __init__(self, text: str) -> None:
        self._lines = io.StringIO(text, newline="")
        self._record_chars = 0

    def start_record(self) -> None:
        self._record_chars = 0

    def __iter__(self) -> _BoundedLines:
        return self

    def __next__(self) -> str:
        line = self._lines.readline(MAX_RECORD_CHARS + 1)
        self._record_chars += len(line)
        if self._record_chars > MAX_RECORD_CHARS:
            raise csv.Error("record too long")
        if not line:
            raise StopIteration
        return line
