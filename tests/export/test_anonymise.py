"""A map with pseudonyms: nothing of the original is left in any format, and the figures are the same."""

from __future__ import annotations

import base64
import html
import io
import ipaddress
import json
import re
import tempfile
import zipfile
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowmap.export import FORMATS, check_identities, document, schema
from flowmap.export.anonymise import anonymised
from flowmap.export.anonymise_addresses import AddressPseudonyms
from flowmap.export.anonymise_text import TextPseudonyms, own_words
from flowmap.export.parquet import read_parquet
from tests.export.graphs import HOSTILE, make_graph, named_graph
from tests.export.page_parts import PageParts
from tests.lab import TRUTH, lab_map

KEY = bytes(range(32))
V4, V6 = st.integers(0, 2**32 - 1), st.integers(0, 2**128 - 1)


def shared_bits(one, other, bits):
    """How many leading bits two integers have in common."""
    return bits - (one ^ other).bit_length()


@pytest.mark.parametrize(
    ("numbers", "address", "bits"), [(V4, ipaddress.IPv4Address, 32), (V6, ipaddress.IPv6Address, 128)]
)
def test_prefixes_are_as_equal_as_before_and_no_longer(numbers, address, bits):
    @settings(max_examples=150, deadline=None)
    @given(numbers, st.integers(0, bits - 1), numbers)
    def check(one, place, noise):
        other = one ^ (1 << place) ^ (noise & ((1 << place) - 1))  # they part at a bit of our choice
        pseudonyms = AddressPseudonyms(KEY)
        mapped = [int(address(pseudonyms.ip(str(address(number))))) for number in (one, other)]
        assert shared_bits(*mapped, bits) == shared_bits(one, other, bits) == bits - 1 - place

    check()


def test_every_address_of_a_network_gets_another_one_of_the_same_network():
    pseudonyms = AddressPseudonyms(KEY)
    found = {pseudonyms.ip(f"10.1.2.{last}") for last in range(256)}
    assert len(found) == 256
    assert {str(ipaddress.ip_network(f"{ip}/24", strict=False)) for ip in found} == {pseudonyms.network("10.1.2.0/24")}


def test_keys_have_nothing_in_common():
    one, other = AddressPseudonyms(KEY), AddressPseudonyms(KEY[::-1])
    addresses = [f"10.0.{number}.1" for number in range(64)]
    assert sum(one.ip(ip) == other.ip(ip) for ip in addresses) == 0
    assert one.mac("00:50:56:00:00:01") != other.mac("00:50:56:00:00:01")


def test_a_mac_loses_its_vendor_and_stays_one_machine():
    pseudonyms = AddressPseudonyms(KEY)
    macs = [f"00:50:56:00:{number >> 8:02x}:{number & 255:02x}" for number in range(2_000)]
    found = [pseudonyms.mac(mac) for mac in macs]
    assert len(set(found)) == len(macs) and found == [pseudonyms.mac(mac) for mac in macs]
    assert {mac[:2] for mac in found} == {"02"}  # locally administered, one machine: RFC 7042 section 2.1
    assert len({mac[:8] for mac in found}) > 1_000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Seen at both ports of esx-01.", "Seen at both ports of host-7."),
        ("Routed by 10.0.0.1, a VM on the same host esx-01.", "Routed by <10.0.0.1>, a VM on the same host host-7."),
        ("Left by 00:50:56:00:00:01: a router.", "Left by <00:50:56:00:00:01>: a router."),
        ("the uplink 0050.5600.0001 of esx-01", "the uplink <00:50:56:00:00:01> of host-7"),
        ("A router translated 10.0.0.1 to fe80::1; on", "A router translated <10.0.0.1> to <fe80::1>; on"),
        ("the uplinks of 10.1.2.0/24.", "the uplinks of 12.34.5.0/24."),
        ("web-01 and web-011 on esx-01", "vm-3 and name-1 on host-7"),
        ("Web Server (prod) is on esx-01.", "vm-4 is on host-7."),
        ("secret-customer is on SECRET.example.com.", "name-1 is on name-2."),
        ("at 2026-11-29 10:00:00.123456 UTC", "at 2026-11-29 10:00:00.123456 UTC"),
        ("row 3: '00:50:56:00:00:0' is no MAC address", "row 3: 'name-1' is no MAC address"),
        ("row 3: '00-50-56-00-00-5' is no MAC address", "row 3: 'name-1' is no MAC address"),
        ("row 3: '0050.5600.001' is no MAC address", "row 3: 'name-1' is no MAC address"),
        ("row 3: '10.0.0.300' is no IP address", "row 3: 'name-1' is no IP address"),
        ("row 3: '010.000.000.005' is no IP address", "row 3: 'name-1' is no IP address"),
        ("row 3: '10-9-8-7' is no IP address", "row 3: 'name-1' is no IP address"),
        ("row 3: 'fe80:::5' is no IP address", "row 3: 'name-1' is no IP address"),
        ("of 005056000001", "of name-1"),
        ("from 00:50:56:00:00:01-00:50:56:00:00:02", "from <00:50:56:00:00:01>-name-1"),
        ("61% of it, VLAN 10, TTL 64", "61% of it, VLAN 10, TTL 64"),
        ("", ""),
    ],
)  # fmt: skip
def test_sentences(text, expected):
    addresses = AddressPseudonyms(KEY)
    names = {"esx-01": "host-7", "web-01": "vm-3", "Web Server (prod)": "vm-4", "web": "vm-9"}

    def mapped(found):
        return addresses.mac(found[1]) if found[1].count(":") == 5 else addresses.ip(found[1])

    expected = re.sub("<(.*?)>", mapped, expected).replace("12.34.5.0/24", addresses.network("10.1.2.0/24"))
    assert TextPseudonyms(addresses, names)(text) == expected


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=40))
def test_of_any_text_only_numbers_and_own_words_are_left(text):
    rewritten = TextPseudonyms(AddressPseudonyms(KEY), {})(text)
    assert rewritten.isascii() and rewritten.isprintable()
    left = {word.lower() for word in re.findall(r"\w+(?:[-.@+/\\]\w+)*", rewritten)}
    foreign = {
        word for word in left - own_words() if not re.fullmatch(r"name-\d+|[\d.:/-]+|[0-9a-f:.]+|[a-z-]+\d+", word)
    }
    assert not foreign


def test_own_words_are_those_of_sentences():
    assert {"routed", "uplink", "vswitch", "inventory", "capture", "stated"} <= own_words()
    assert not {"10.0.0.5", "secret"} & own_words()


# --- whole documents


@pytest.fixture(scope="module", params=["vlan", "floating_ip", "migration", "overlay"])
def original(request):
    """All captures of one scenario of the lab, judged with its points file and inventories."""
    return document(lab_map(tuple(TRUTH["scenarios"][request.param]["files"]), True, True).graph)


@pytest.fixture(scope="module")
def changed(original):
    return anonymised(original)


def numbers_of(value):
    """Everything in a document that is no text, in its order."""
    if isinstance(value, dict):
        return [found for name in sorted(value) for found in numbers_of(value[name])]
    if isinstance(value, list):
        return [found for item in value for found in numbers_of(item)]
    return [] if isinstance(value, str) or value is None else [value]


def test_it_fits_the_schema_and_has_the_same_figures(original, changed):
    jsonschema.validate(changed, schema())
    assert check_identities(changed) == []
    assert numbers_of(changed) == numbers_of(original)
    assert [edge["verdict"] for edge in changed["edges"]] == [edge["verdict"] for edge in original["edges"]]
    assert [node["kind"] for node in changed["nodes"]] == [node["kind"] for node in original["nodes"]]


def test_what_was_one_thing_is_one_thing(original, changed):
    for field in ("host", "vswitch"):
        pairs = {(old[field], new[field]) for old, new in zip(original["nodes"], changed["nodes"], strict=True)}
        assert len(pairs) == len({old for old, _ in pairs}) == len({new for _, new in pairs})
    for old, new in zip(original["nodes"], changed["nodes"], strict=True):
        networks = [ipaddress.ip_network(f"{ip}/24", strict=False) for ip in new["ips"] if "." in ip]
        assert len(set(networks)) == len({ip.rpartition(".")[0] for ip in old["ips"] if "." in ip})
    hosts = {row["host"] for row in changed["graph"]["hosts"]}
    assert {node["host"] for node in changed["nodes"] if node["host"]} <= hosts and all(
        re.fullmatch(r"host-\d+", host) for host in hosts
    )
    assert {end for edge in changed["edges"] for end in (edge["source"], edge["target"])} <= {
        node["id"] for node in changed["nodes"]
    }
    texts = [row["text"] for edge in changed["edges"] for row in edge["evidence"]]
    assert any(re.search(r"\bhost-\d+\b", text) for text in texts)
    assert {name for edge in changed["edges"] for row in edge["evidence"] for name in row["points"]} <= {
        point["id"] for point in changed["graph"]["points"]
    }


def test_two_exports_have_no_pseudonym_of_an_address_in_common(original, changed):
    other = anonymised(original)
    first, second = (
        {ip for node in found["nodes"] for ip in (*node["ips"], *node["macs"])} for found in (changed, other)
    )
    assert first and not first & second


def secrets_of(original):
    """Addresses and names of a document."""
    graph, nodes = original["graph"], original["nodes"]
    addresses = {address for node in nodes for address in (*node["ips"], *node["macs"])}
    names = {node["label"] for node in nodes if node["kind"] != "group"}
    names |= {row["name"] for node in nodes for row in node["names"]}
    names |= {node[field] for node in nodes for field in ("host", "vswitch") if node[field]}
    names |= {row["host"] for row in graph["hosts"]} | {name for row in graph["hosts"] for name in row["uplinks"]}
    names |= {row["file"] for row in (*graph["captures"], *graph["inventory"])}
    names |= {point["interface"] for point in graph["points"]}
    segments = {
        name for node in nodes for name in node["segments"] if not re.fullmatch(r"(vlan|vxlan|geneve)\d+", name)
    }
    return addresses, (names | segments) - addresses - {""}


def encodings(address):
    """One address in the ways that a file may hold it."""
    if address.count(":") == 5 and len(address) == 17:
        packed = bytes.fromhex(address.replace(":", ""))
        spelled = {
            address,
            address.replace(":", "-"),
            packed.hex(),
            packed[:3].hex(":"),
            str(int.from_bytes(packed, "big")),
        }
    else:
        found = ipaddress.ip_address(address)
        packed = found.packed
        spelled = {address, found.exploded, found.reverse_pointer, packed.hex(), packed.hex(":"), str(int(found))}
    spelled |= {base64.b64encode(address.encode()).decode().rstrip("="), address.encode().hex()}
    return {text.lower() for text in spelled}


def text_of(name, content):
    """What a file says, unpacked and unescaped."""
    if name == "parquet":
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            whole = archive.read("graph.json").decode()
        return whole + json.dumps(tables(content), ensure_ascii=False)
    if name == "csv":
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return "".join(archive.read(member).decode() for member in archive.namelist())
    if name == "html":
        page = PageParts(content.decode())
        return page.script("application/json") + page.text
    return html.unescape(content.decode())


def tables(content):
    """Nodes and edges of a zip of Parquet."""
    with tempfile.TemporaryDirectory() as made:
        path = Path(made) / "map.parquet.zip"
        path.write_bytes(content)
        graph = read_parquet(path)
    return [list(graph.nodes(data=True)), list(graph.edges(data=True))]


@pytest.mark.parametrize("name", FORMATS)
def test_no_format_holds_an_original_address_or_name(original, changed, name):
    found = {}
    for key, made in (("original", original), ("changed", changed)):
        stream = io.BytesIO()
        FORMATS[name].write(made, stream)
        found[key] = text_of(name, stream.getvalue()).lower()
    addresses, names = secrets_of(original)
    assert len(addresses) > 5 and len(names) > 5
    assert all(address in found["original"] for address in addresses)  # the search finds what is there
    assert [text for address in addresses for text in encodings(address) if text in found["changed"]] == []
    for secret in names:
        assert not re.search(rf"(?<!\w){re.escape(secret.lower())}(?!\w)", found["changed"]), secret


def test_hostile_names_leave_nothing_and_break_nothing():
    texts = [text for text in HOSTILE if text.strip() and not re.fullmatch(r"[\W_]*|null|None", text)]
    original = document(named_graph(texts))
    changed = anonymised(original)
    assert numbers_of(changed) == numbers_of(original)
    whole = json.dumps(changed["nodes"])
    assert not [text for text in texts if json.dumps(text)[1:-1] in whole]


def test_a_document_without_packets():
    original = document(make_graph()) | {"nodes": [], "edges": []}
    assert anonymised(original)["nodes"] == []
    assert anonymised(original)["graph"]["captures"][0]["sha256"] is None
