"""Every format with values of the wrong kind everywhere: a sentence or a warning comes out, never anything else."""

import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowmap.errors import InventoryError
from flowmap.inventory import Inventory, join_files, parse_inventory_file
from tests.inventory.rvtools_tabs import SITE, as_csv
from tests.inventory.test_govc import COLLECTED, HOSTS, VMS, capitals
from tests.inventory.test_powercli import ADAPTER

SOME_VMS = {"virtualMachines": [VMS["virtualMachines"][0], VMS["virtualMachines"][3]]}
DOCUMENTS = {
    "vm.info": SOME_VMS,
    "vm.info of old": capitals(SOME_VMS),
    "host.info": HOSTS,
    "collect": [COLLECTED],
    "powercli": [ADAPTER | {"Parent": {"Name": "web", "VMHost": {"Name": "esx-01"}}}],
    "mapping": {
        "mapping": {"vm": "Name", "ip": ["A", "B"]},
        "vms": [{"Name": "web", "A": "10.0.0.1", "B": "10.0.0.2"}],
    },
}
HOSTILE = [
    None,
    True,
    -1,
    10**300,
    1e308,
    "",
    "<img src=x onerror=alert(1)>",
    "\u202e\x1b[2J\x00\ud800",
    "A" * 100_000,
    "00:50:56:80:00:01",
    [],
    {},
    [[[[[]]]]],
    {"value": {"value": {}}},
    [None, 5, "x", {"name": ["y"]}],
    {"Name": 3, "name": {"name": "z"}},
]


def read(content: str | bytes) -> Inventory | None:
    try:
        file = parse_inventory_file(content, name="i", modified_ns=1, max_rows=1000)
    except InventoryError as problem:
        assert str(problem).startswith("i") and str(problem).endswith(".") and "\x1b" not in str(problem)
        return None
    inventory = join_files([file])
    for told in [
        *inventory.warnings,
        *(record.vm for record in inventory.records),
        *(h.host for h in inventory.hypervisors),
    ]:
        assert "\x1b" not in told and "\u202e" not in told and "\ud800" not in told
    assert all(len(record.vm) <= 255 and len(record.host or "") <= 255 for record in inventory.records)
    return inventory


def places(value: object, path: tuple = ()) -> list[tuple]:
    """The path to every value of a document."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path] * bool(path) + [found for key, part in inner for found in places(part, (*path, key))]


def replaced(document: object, path: tuple, value: object) -> object:
    result = copy.deepcopy(document)
    target = result
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = value
    return result


@pytest.mark.parametrize("name", sorted(DOCUMENTS))
def test_each_value_of_a_document_replaced_by_each_hostile_one(name):
    document = DOCUMENTS[name]
    assert read(json.dumps(document)) is not None
    for path in places(document):
        for value in HOSTILE[:: 1 if len(path) < 5 else 3]:
            read(json.dumps(replaced(document, path, value)))


@given(st.sampled_from(sorted(DOCUMENTS)), st.data())
def test_several_values_replaced_at_once(name, data):
    document = DOCUMENTS[name]
    for _ in range(data.draw(st.integers(1, 4))):
        path = data.draw(st.sampled_from(places(document) or [()]))
        if path:
            document = replaced(
                document, path, data.draw(st.sampled_from(HOSTILE) | st.text(max_size=5) | st.integers())
            )
    read(json.dumps(document))


@pytest.mark.parametrize("name", [name for name in SITE if name != "vMetaData"])
def test_each_column_of_a_tab_with_hostile_text(name):
    titles, first, *_ = SITE[name]
    for position in range(len(titles)):
        for value in HOSTILE:
            text = value if isinstance(value, str) else str(value)
            row = [*first[:position], text, *first[position + 1 :]]
            read(as_csv([titles, row, first, row[:position]]).encode("utf-8", "replace"))


@pytest.mark.parametrize("name", sorted(DOCUMENTS))
def test_deep_nesting_is_one_sentence(name):
    text = json.dumps(DOCUMENTS[name])
    assert read(text[:-1] + ', "x": ' * (text[-1] == "}") + ", " * (text[-1] == "]") + "[" * 200_000) is None


def test_a_host_with_very_many_addresses_is_bounded():
    host = copy.deepcopy(HOSTS)
    nics = host["hostSystems"][0]["config"]["network"]["vnic"]
    nics += [{"spec": {"ip": {"ipAddress": f"10.{n >> 8}.{n & 255}.1"}}} for n in range(10_000)] * 2
    (one,) = read(json.dumps({"hostSystems": host["hostSystems"] * 2})).hypervisors
    assert len(one.ips) <= 4096
