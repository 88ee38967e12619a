"""The JSON document: read back by networkx, held against its schema, and its sums."""

import copy
import json
import math
import unicodedata
from enum import StrEnum

import jsonschema
import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowmap.export.node_link import check_identities, document, dumps, schema
from tests.export.graphs import FULL_64_BIT, HOSTILE, make_graph, named_graph


def validator() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(schema())


def read_back(text: str) -> nx.DiGraph:
    return nx.node_link_graph(json.loads(text), edges="edges")


def test_networkx_reads_the_document_back_equal():
    graph = make_graph()
    back = read_back(dumps(document(graph)))
    assert isinstance(back, nx.DiGraph) and not back.is_multigraph()
    assert nx.utils.graphs_equal(back, graph)
    assert list(back.nodes) == list(graph.nodes)
    assert back.nodes["vm:web-01"]["wire_bytes"] == FULL_64_BIT


def test_hostile_names_read_back_equal_and_stay_out_of_the_text():
    graph = named_graph(HOSTILE)
    text = dumps(document(graph))
    assert nx.utils.graphs_equal(read_back(text), graph)
    assert not any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") for c in text)
    assert "\\u202egpj.exe" in text and "\\u0000" in text


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=4, unique=True))
def test_any_names_read_back_equal(texts):
    graph = named_graph(texts)
    made = document(graph)
    assert nx.utils.graphs_equal(read_back(dumps(made)), graph)
    assert json.loads(dumps(made)) == made
    validator().validate(made)


def test_the_document_shares_nothing_with_the_graph():
    graph = make_graph()
    before = copy.deepcopy(document(graph))
    made = document(graph)
    made["nodes"][0]["names"].clear()
    made["graph"]["totals"]["packets"] = 0
    made["edges"][0]["evidence"][0]["frames"].append(5)
    assert document(graph) == before


def test_numbers_and_words_of_other_types_become_plain_json():
    class Kind(StrEnum):
        VM = "vm"

    graph = make_graph()
    graph.nodes["vm:web-01"].update(packets=np.int64(2**62), kind=Kind.VM, ips=("10.0.0.1",))
    graph.graph["complete"] = np.bool_(True)
    graph.graph["points"][0].update(one_way_share=np.float64(0.5), truncated_share=math.nan, copies_per_packet=math.inf)
    made = json.loads(dumps(document(graph)))
    web = made["nodes"][0]
    assert (web["packets"], web["kind"], web["ips"]) == (2**62, "vm", ["10.0.0.1"])
    assert made["graph"]["complete"] is True
    point = made["graph"]["points"][0]
    assert (point["one_way_share"], point["truncated_share"], point["copies_per_packet"]) == (0.5, None, None)


def test_a_value_that_json_has_not_is_named():
    graph = make_graph()
    graph.nodes["vm:web-01"]["ips"] = {"10.0.0.1"}
    with pytest.raises(TypeError, match="a set has no place"):
        document(graph)


def test_nan_never_reaches_the_text():
    with pytest.raises(ValueError, match="JSON compliant"):
        dumps({"share": math.nan})


def test_schema_is_a_schema_and_every_field_is_described():
    jsonschema.Draft202012Validator.check_schema(schema())
    for name, definition in schema()["$defs"].items():
        for field, said in definition.get("properties", {}).items():
            # a field that is an object of its own is described there
            target = schema()["$defs"][said["$ref"].rpartition("/")[2]] if "$ref" in said else {}
            assert {"title", "description"} <= (said.keys() | target.keys()), f"{name}.{field}"


def test_schema_requires_every_field_and_no_other():
    for name, definition in schema()["$defs"].items():
        if "properties" in definition:
            assert definition["additionalProperties"] is False, name
            assert sorted(definition["required"]) == sorted(definition["properties"]), name


@pytest.mark.parametrize("graph", [make_graph(), named_graph(HOSTILE)], ids=["realistic", "hostile"])
def test_good_documents_fit_the_schema(graph):
    validator().validate(document(graph))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["multigraph"], True),
        (["extra"], 1),
        (["graph", "schema"], "flowmap-graph/2"),
        (["graph", "complete"], "yes"),
        (["graph", "totals", "packets"], -1),
        (["graph", "totals", "packets"], 1.5),
        (["graph", "totals", "frame_bytes"], 2**63),
        (["graph", "totals", "first_seen_ns"], "2024-01-01"),
        (["graph", "totals", "skipped"], {"too_deep": "1"}),
        (["graph", "captures", 0, "sha256"], "ABC"),
        (["graph", "points", 0, "role"], "trunk"),
        (["graph", "points", 0, "one_way_share"], 1.5),
        (["graph", "warnings", 0], {"code": "x"}),
        (["nodes", 0, "id"], "web-01"),
        (["nodes", 0, "kind"], "VM"),
        (["nodes", 0, "macs"], ["52-54-00-00-00-01"]),
        (["nodes", 0, "names"], ["web-01"]),
        (["nodes", 0, "colour"], "red"),
        (["edges", 0, "left_host"], "no"),
        (["edges", 0, "verdict"], "INTER_HOST"),
        (["edges", 0, "grade"], "certain"),
        (["edges", 0, "initiator"], "source"),
        (["edges", 0, "services", 0, "port"], 65_536),
        (["edges", 0, "evidence", 0, "frames"], [0]),
        (["edges", 0, "evidence", 0, "supports"], None),
    ],
)
def test_bad_documents_do_not_fit(path, value):
    made = document(make_graph())
    parent = made
    for step in path[:-1]:
        parent = parent[step]
    parent[path[-1]] = value
    # where a combinator hides it, the deepest error names the place
    places = [list(error.absolute_path) for error in validator().iter_errors(made)]
    assert places, "accepted"
    assert all(place == path[: len(place)] or place[: len(path)] == path for place in places)


@pytest.mark.parametrize("field", ["left_host", "source", "evidence", "conversations"])
def test_a_missing_field_does_not_fit(field):
    made = document(make_graph())
    del made["edges"][0][field]
    assert [error.validator for error in validator().iter_errors(made)] == ["required"]


def test_the_identities_hold_in_a_right_document():
    assert check_identities(document(make_graph())) == []


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (["graph", "totals", "unique_bytes"], 2_041, "sum to 2040, unique_bytes is 2041"),
        (
            ["edges", 0, "stayed_bytes"],
            999,
            "stayed_bytes + left_bytes + undetermined_bytes = 999, wire_bytes is 1000",
        ),
        (["edges", 0, "source_to_target_bytes"], 1_000, "target_to_source_bytes = 1250, wire_bytes is 1000"),
        (["edges", 0, "target"], "vm:gone", "edge 'vm:web-01' - 'vm:gone': 'vm:gone' is no node"),
        (["nodes", 5, "id"], "vm:web-01", "node 'vm:web-01' stands 2 times"),
        (
            ["graph", "shares", "switched_bytes"],
            1,
            "switched + routed + path_unknown = 911, east_west = 1910",
        ),
        (
            ["graph", "shares", "internet_bytes"],
            91,
            "stayed + left + undetermined = 2000, internet + east_west = 2001",
        ),
        (["graph", "shares", "vm_vm_bytes"], 1_911, "vm_vm = 1911 is more than east_west = 1910"),
        (["graph", "shares", "within_host_bytes"], 1_851, "within_host = 1851 is more than vm_vm = 1850"),
        (["graph", "shares", "within_host_bytes"], 1_001, "within_host = 1001 is more than stayed = 1000"),
        (["graph", "shares", "hairpin_bytes"], 891, "hairpin = 891 is more than left = 890"),
        (["graph", "grades", "left", "strong_bytes"], 291, "grades: the grades of left sum to 891, left_bytes is 890"),
        (["graph", "grades", "stayed", "ungraded_bytes"], 1, "grades: stayed has bytes without a grade"),
        (["graph", "grades", "undetermined", "weak_bytes"], 110, "the grades of undetermined sum to 220"),
        (["graph", "grades", "undetermined", "ungraded_bytes"], 0, "undetermined has bytes with a grade"),
        (["graph", "hosts", 1, "wire_bytes"], 251, "host 'esx-02': stayed + left + undetermined = 250, wire_bytes"),
        (["graph", "hosts", 0, "routed_bytes"], 1, "host 'esx-01': switched + routed + path_unknown = 1251"),
        (["graph", "hosts", 1, "by_grade", "vm_vm", "strong_bytes"], 0, "the grades of vm_vm sum to 50"),
        (["graph", "services", 0, "left_bytes"], 891, "services: left_bytes sum to 891, shares have 890"),
        (["graph", "services", 0, "stayed_by_grade", "weak_bytes"], 1, "the grades do not sum to stayed_bytes"),
    ],
)
def test_a_broken_identity_is_named(path, value, said):
    made = document(make_graph())
    parent = made
    for step in path[:-1]:
        parent = parent[step]
    parent[path[-1]] = value
    assert any(said in sentence for sentence in check_identities(made))


def test_a_second_edge_of_a_pair_is_named():
    made = document(make_graph())
    reverse = {**made["edges"][0], "source": "vm:app-01", "target": "vm:web-01"}
    made["edges"].append(reverse)
    made["graph"]["totals"]["unique_bytes"] += reverse["wire_bytes"]
    assert check_identities(made) == ["2 edges between 'vm:app-01' and 'vm:web-01'"]
