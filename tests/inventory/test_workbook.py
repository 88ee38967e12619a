"""Excel workbooks: written by openpyxl in RVTools' layout, and by hand where no program would write such a thing."""

import datetime
import io
import zipfile

import openpyxl
import pytest

from flowmap.errors import InventoryError
from flowmap.inventory import InventoryFile, join_files, parse_inventory_file, xlsx
from tests.inventory.rvtools_tabs import SITE, VNETWORK, tab, vnic_of

MARCH_4_NOON_NS = 1_772_625_600 * 10**9


def workbook(sheets: dict[str, list[list[object]]]) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def parsed(data: bytes, **options) -> InventoryFile:
    return parse_inventory_file(data, name="RVTools.xlsx", **options)


def refused(data: bytes) -> str:
    with pytest.raises(InventoryError) as caught:
        parsed(data)
    message = str(caught.value)
    assert message.startswith("RVTools.xlsx") and message.endswith(".") and "\n" not in message
    return message


def changed(data: bytes, part: str, content: bytes) -> bytes:
    """The workbook with one part replaced."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for info in old.infolist():
            if info.filename != part:
                new.writestr(info.filename, old.read(info))
        new.writestr(part, content)
    return file.getvalue()


@pytest.mark.parametrize("prefix", ["", "tab"])
def test_a_workbook_of_rvtools_is_all_its_tabs_joined(prefix):
    file = parsed(workbook({prefix + name: rows for name, rows in SITE.items()}), modified_ns=1)
    assert (file.format, file.warnings) == ("xlsx", [])
    inventory = join_files([file])
    by_name = {record.vm: record for record in inventory.records}
    web, sealed = by_name["web"], by_name["sealed"]
    assert list(by_name) == ["web", "db", "app", "sealed"]
    assert (web.mac, web.ips, web.host, web.vlan) == (0x005056800001, ("10.0.10.1",), "esx-01.corp.example", 10)
    assert (sealed.has_uplink, by_name["app"].has_uplink) == (False, True)
    assert (web.source, web.row, web.format) == (f"RVTools.xlsx ({prefix}vNetwork)", 2, "rvtools-vnetwork")
    assert inventory.hypervisors[0].uplinks == ("vmnic0", "vmnic2")
    # vMetaData says when the export was made.
    assert {(r.observed_at_ns, r.observed_how) for r in inventory.records} == {(MARCH_4_NOON_NS, "header")}
    assert (file.exported_ns, file.exported_how) == (MARCH_4_NOON_NS, "header")


@pytest.mark.parametrize("written", ["3/4/2026 12:00:00 PM", "", None, 5.5])
def test_without_a_time_that_means_one_moment_the_files_time_counts(written):
    rows = [["RVTools version", "xlsx creation datetime"], ["4.7", written]]
    file = parsed(workbook({"vNetwork": SITE["vNetwork"], "vMetaData": rows}), modified_ns=7)
    assert {(r.observed_at_ns, r.observed_how) for r in file.records} == {(7, "file time")}


def test_a_date_cell_is_a_time_too():
    rows = [["xlsx creation datetime"], [datetime.datetime(2026, 3, 4, 12)]]
    file = parsed(workbook({"vNetwork": SITE["vNetwork"], "vMetaData": rows}))
    assert file.exported_ns == MARCH_4_NOON_NS


def test_other_tabs_of_rvtools_give_no_rows():
    cpu = [["VM", "Powerstate", "CPUs", "Host"], ["web", "poweredOn", 2, "esx-99"]]
    file = parsed(workbook({"vCPU": cpu, "vNetwork": SITE["vNetwork"]}))
    assert [record.host for record in file.records if record.host == "esx-99"] == []


def test_a_tab_without_its_titles_is_named():
    file = parsed(workbook({"vNetwork": SITE["vNetwork"], "vNIC": [["Host", "Nothing"], ["esx-01", 1]]}))
    assert any("sheet vNIC does not have the titles" in warning for warning in file.warnings)
    assert len(file.records) == 4


def test_warnings_name_the_sheet_and_the_row():
    rows = tab(VNETWORK, vnic_of("web", "no-mac", "PG", "sw", "esx-01"))
    (warning,) = parsed(workbook({"vNetwork": rows})).warnings
    assert warning.startswith("RVTools.xlsx (vNetwork), row 2, column 'Mac Address': 'no-mac' is no MAC address")


def test_any_sheet_that_is_an_inventory_by_its_titles_is_read():
    rows = [
        ["# exported_at: 2026-03-04T12:00:00Z"],
        [],
        ["VM", "MAC", "VLAN", "Host", "Passthrough"],
        ["web", "52:54:00:00:00:01", 20, "kvm-1", True],
        [None, None, 20.0, None, None],
    ]
    file = parsed(workbook({"Notes": [["just", "text"]], "Machines": rows}))
    (record,) = file.records
    assert (record.vm, record.vlan, record.host, record.passthrough) == ("web", 20, "kvm-1", True)
    assert (record.source, record.row, record.observed_at_ns) == ("RVTools.xlsx (Machines)", 4, MARCH_4_NOON_NS)


def test_a_mapping_above_a_sheet():
    rows = [
        ["# mapping: vm=Server Name; mac=HW; host=Box"],
        ["Server Name", "HW", "Box"],
        ["web", "525400000001", "k1"],
    ]
    (record,) = parsed(workbook({"Sheet1": rows})).records
    assert (record.vm, record.mac, record.host) == ("web", 0x525400000001, "k1")


def test_formulas_are_not_calculated():
    rows = tab(VNETWORK, vnic_of("=1+1", "00:50:56:80:00:01", "=HYPERLINK(1)", "sw", "esx-01"))
    assert parsed(workbook({"vNetwork": rows})).records[0].vm == ""


def test_a_workbook_without_an_inventory_names_its_sheets():
    assert "none of its sheets (Budget) is an inventory" in refused(workbook({"Budget": [["a", "b"], [1, 2]]}))
    assert "none with a header" in refused(workbook({"Empty": []}))


def test_hostile_names_in_sheets_and_cells():
    rows = tab(VNETWORK, vnic_of("<script>\u202e", "00:50:56:80:00:01", "a" * 9000, "sw", "esx-01"))
    file = parsed(workbook({"vNetwork": rows, "<b>&'": [["x", "y"]]}))
    (record,) = file.records
    assert record.vm == "<script>\ufffd" and len(record.network or "") == 255


def test_more_rows_than_allowed_is_an_error():
    rows = tab(VNETWORK, *[vnic_of(f"vm{n}", "00:50:56:80:00:01", "PG", "sw", "esx-01") for n in range(30)])
    with pytest.raises(InventoryError, match="more than 20 rows"):
        parsed(workbook({"vNetwork": rows}), max_rows=20)


GOOD = workbook({"vNetwork": SITE["vNetwork"]})
SHEET = "xl/worksheets/sheet1.xml"
MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'


def sheet_xml(rows: str, before: str = "") -> bytes:
    return f"{before}<worksheet {MAIN}><sheetData>{rows}</sheetData></worksheet>".encode()


def header_row() -> str:
    cells = "".join(f'<c t="inlineStr"><is><t>{title}</t></is></c>' for title in VNETWORK)
    return f'<row r="1">{cells}</row>'


def test_the_parts_written_by_hand_are_read():
    vm = '<row r="3"><c r="A3" t="inlineStr"><is><t>web</t></is></c></row>'
    assert [r.row for r in parsed(changed(GOOD, SHEET, sheet_xml(header_row() + vm))).records] == [3]


LAUGHS = (
    "<!DOCTYPE x [<!ENTITY a 'ha'><!ENTITY b '"
    + "&a;" * 9
    + "'>"
    + "".join(f"<!ENTITY {chr(99 + n)} '{f'&{chr(98 + n)};' * 9}'>" for n in range(9))
    + "]>"
)


@pytest.mark.parametrize(
    "part", [SHEET, "xl/workbook.xml", "xl/sharedStrings.xml", "[Content_Types].xml", "docProps/core.xml"]
)
def test_document_types_and_entities_are_refused(part):
    assert "cannot be read as one" in refused(changed(GOOD, part, f"{LAUGHS}<x>&k;</x>".encode()))


@pytest.mark.parametrize(
    "content",
    [
        sheet_xml(header_row(), LAUGHS).decode().encode("utf-16"),
        sheet_xml(header_row(), LAUGHS).decode().encode("utf-16-le"),
        b"\xef\xbb\xbf" + sheet_xml(header_row(), LAUGHS),
        b"<?xml version='1.0' encoding='utf-7'?>+ADwAIQ-DOCTYPE x+AD4-",
        b"  \n" + sheet_xml("<!-- <row> -->"),
        sheet_xml("<![CDATA[ <row> ]]>"),
        b"<worksheet",
        b"",
        b"\x00\x01\x02",
    ],
)
def test_parts_in_other_encodings_comments_and_junk_are_refused(content):
    refused(changed(GOOD, SHEET, content))


def test_openpyxl_itself_parses_with_defusedxml():
    from openpyxl.xml import DEFUSEDXML

    assert DEFUSEDXML is True


def test_a_part_that_unpacks_to_gigabytes_is_not_unpacked():
    # 130 MiB of blanks pack into 130 kB.
    bomb = changed(GOOD, SHEET, b" " * (xlsx.MAX_PART_BYTES + 1))
    assert len(bomb) < 1 << 20
    assert "unpacks to more than FlowMap reads" in refused(bomb)


@pytest.mark.parametrize(
    "rows",
    [
        "<row/>" * (xlsx.MAX_ITEMS + 2),
        f"<row>{'<c/>' * (xlsx.MAX_TAGS_OF_ITEM + 1)}</row>",
        "<c/>" * (xlsx.MAX_TAGS_OF_ITEM + 1),
    ],
)
def test_elements_are_counted_before_they_are_made(rows):
    assert "unpacks to more than FlowMap reads" in refused(changed(GOOD, SHEET, sheet_xml(rows)))


def test_many_parts_are_refused():
    file = io.BytesIO(GOOD)
    with zipfile.ZipFile(file, "a") as archive:
        for number in range(xlsx.MAX_PARTS):
            archive.writestr(f"xl/media/{number}", b"")
    assert "unpacks to more than FlowMap reads" in refused(file.getvalue())


@pytest.mark.parametrize(
    "rows",
    [
        '<row r="999999999999"><c r="A999999999999"><v>1</v></c></row>',
        '<row r="2"><c r="XFDXFD2"><v>1</v></c></row>',
        f'<row r="{"9" * 5000}"/>',
        '<row r="x"/>',
        '<row r="2"><c r="A2" t="s"><v>99999</v></c></row>',
        '<row r="2"><c r="A2" t="s"><v>-1</v></c></row>',
        '<row r="2"><c r="A2" t="d"><v>yesterday</v></c></row>',
        f'<row r="2"><c r="A2"><v>{"9" * 5000}</v></c></row>',
        '<row r="2"><c r="A2"><v>1e999</v></c></row>',
        '<row r="2"><c r="A2" s="99999"><v>1</v></c></row>',
        "<row><row><row>",
    ],
)
def test_impossible_cells_are_a_sentence_or_nothing(rows):
    try:
        file = parsed(changed(GOOD, SHEET, sheet_xml(header_row() + rows)), max_rows=1000)
    except InventoryError as problem:
        assert str(problem).startswith("RVTools.xlsx") and str(problem).endswith(".")
    else:
        assert len(file.records) <= 1


@pytest.mark.parametrize("end", ["5", "100", "half", "-10"])  # a workbook's length depends on the second it is made in
def test_a_workbook_cut_short(end):
    assert "cannot be read as one" in refused(GOOD[: len(GOOD) // 2 if end == "half" else int(end)])


def test_a_zip_of_something_else():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("RVTools_tabvNetwork.csv", "VM,Host\n")
    assert "zip archive, not an Excel workbook; unpack it first" in refused(file.getvalue())


def test_an_encrypted_part_is_refused():
    data = bytearray(GOOD)
    # Bit 0 of the flags says "encrypted", in the local header and in the directory.
    at = data.find(b"PK\x01\x02")
    while at >= 0:
        data[at + 8] |= 1
        at = data.find(b"PK\x01\x02", at + 4)
    assert "cannot be read as one" in refused(bytes(data))
