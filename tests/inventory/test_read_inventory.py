"""Opening files: the only place where the inventory touches the disk."""

import os
import threading

import pytest

from flowmap.errors import InventoryError
from flowmap.inventory import read_inventory

CSV = "vm,mac,host\nweb,525400000001,kvm-1\n"


def test_files_are_read_joined_and_dated(tmp_path):
    (tmp_path / "a.csv").write_text(CSV)
    (tmp_path / "b.json").write_text('[{"mac": "525400000001", "ip": "10.0.0.1"}]')
    os.utime(tmp_path / "a.csv", ns=(1, 1_700_000_000_000_000_000))
    (record,) = read_inventory([tmp_path / "a.csv", str(tmp_path / "b.json")]).records
    assert (record.host, record.ips, record.source) == ("kvm-1", ("10.0.0.1",), "a.csv")
    assert (record.observed_at_ns, record.observed_how) == (1_700_000_000_000_000_000, "file time")


def test_no_files_are_an_empty_inventory():
    inventory = read_inventory([])
    assert (inventory.records, inventory.conflicts, inventory.warnings, inventory.hosts()) == ([], [], [], [])


def test_files_of_one_name_keep_their_folders(tmp_path):
    for folder, host in (("east", "kvm-1"), ("west", "kvm-2")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "vms.csv").write_text(CSV.replace("kvm-1", host))
    inventory = read_inventory([tmp_path / "east" / "vms.csv", tmp_path / "west" / "vms.csv"])
    assert {source for source, _ in inventory.conflicts[0].rows} == {
        str(tmp_path / "east" / "vms.csv"),
        str(tmp_path / "west" / "vms.csv"),
    }


def test_what_cannot_be_opened(tmp_path):
    for path, problem in (
        (tmp_path / "none.csv", "none.csv does not exist"),
        (tmp_path, "is a folder"),
        (tmp_path / ("n" * 300), "cannot be opened"),
        (tmp_path / "nul\0.csv", "cannot be opened"),
    ):
        with pytest.raises(InventoryError, match=problem):
            read_inventory([path])


def test_a_file_that_may_not_be_read(tmp_path):
    (tmp_path / "a.csv").write_text(CSV)
    (tmp_path / "a.csv").chmod(0)
    user = os.geteuid()
    if user == 0:  # root may read everything
        os.seteuid(65534)
    try:
        with pytest.raises(InventoryError, match=r"a\.csv may not be read"):
            read_inventory([tmp_path / "a.csv"])
    finally:
        os.seteuid(user)


def test_the_size_limit(tmp_path):
    (tmp_path / "a.csv").write_text(CSV)
    assert len(read_inventory([tmp_path / "a.csv"], max_bytes=len(CSV)).records) == 1
    with pytest.raises(InventoryError, match="larger than"):
        read_inventory([tmp_path / "a.csv"], max_bytes=len(CSV) - 1)


def test_an_endless_file_ends_at_the_limit():
    with pytest.raises(InventoryError, match="zero is larger than 1 MiB"):
        read_inventory(["/dev/zero"], max_bytes=1 << 20)


def test_a_pipe_has_no_file_time(tmp_path):
    # As in: flowmap analyze ... --inventory <(virsh dumpxml web)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_text(CSV))
    writer.start()
    (record,) = read_inventory([pipe]).records
    writer.join()
    assert (record.vm, record.observed_at_ns, record.observed_how) == ("web", None, None)


def test_one_bad_file_among_good_ones_is_named(tmp_path):
    (tmp_path / "good.csv").write_text(CSV)
    (tmp_path / "bad.csv").write_bytes(b"\x00\x01")
    with pytest.raises(InventoryError, match=r"^bad\.csv is a binary file"):
        read_inventory([tmp_path / "good.csv", tmp_path / "bad.csv"])


XML = "<domain id='1'><name>web</name></domain>"
JSON = '[{"vm": "web", "mac": "52:54:00:00:00:01"}]'
OVS = '{"headings": ["name", "external_ids"], "data": [["p", ["map", [["vm-name", "web"]]]]]}'


@pytest.mark.parametrize(
    "text", [XML, JSON, OVS, "vm,mac\nweb,52:54:00:00:00:01\n", "- vm: web\n  mac: 52:54:00:00:00:01"]
)
def test_a_line_above_the_content_names_the_host(tmp_path, text):
    path = tmp_path / "a.txt"
    path.write_text(f"# made by hand\n\n# host: kvm-1\n{text}\n")
    assert [(r.vm, r.host) for r in read_inventory([path]).records] == [("web", "kvm-1")]


@pytest.mark.parametrize("text", [XML, JSON, OVS])
def test_what_was_stated_beats_the_line_above_the_content(tmp_path, text):
    path = tmp_path / "a.txt"
    path.write_text(f"# host: kvm-1\n{text}\n")
    assert [r.host for r in read_inventory([f"kvm-2={path}"]).records] == ["kvm-2"]


def test_an_error_below_such_a_line_names_the_true_line(tmp_path):
    (tmp_path / "a.json").write_text("# host: kvm-1\n\n[1,\n 2,\n x]")
    with pytest.raises(InventoryError, match="at line 5, column 2"):
        read_inventory([tmp_path / "a.json"])


def test_several_json_documents_are_no_list_of_machines(tmp_path):
    (tmp_path / "a.json").write_text(JSON + JSON)
    with pytest.raises(InventoryError, match="lists no VMs"):
        read_inventory([tmp_path / "a.json"])
