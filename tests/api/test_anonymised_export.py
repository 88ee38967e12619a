"""The export with pseudonyms, asked of the server and of the command line."""

from __future__ import annotations

import json

import pytest

from flowmap.export import FORMATS
from flowmap.settings import Settings
from tests.api.frames import CLIENT, DATABASE, WEB, named_talks, pcap
from tests.api.servers import running
from tests.cli.command_line import flowmap
from tests.export.test_anonymise import text_of

MISTYPED = ["00:50:56:00:00:0", "10.0.0.300", "010.000.000.005", "10-9-8-7"]
INVENTORY = (
    b"vm,mac,ip,host\nweb,00:50:56:00:00:01,10.0.0.1,esx-01\nweb,00:50:56:00:00:0,,\n"
    b"web,,10.0.0.300,\nweb,,010.000.000.005,\nweb,,10-9-8-7,\n"
)
ORIGINALS = ["esx-01", "web.corp", "secret.pcap", "the secret map", *WEB, *DATABASE, *CLIENT, *MISTYPED]


@pytest.fixture(scope="module")
def exports(tmp_path_factory):
    """The address of the exports of one map, and a client."""
    with running(Settings(data_dir=tmp_path_factory.mktemp("data"), min_free_bytes=0)) as server:
        map_id, _ = server.analysed(("secret.pcap", pcap(named_talks())), inventory=[("vms.csv", INVENTORY)])
        server.client.patch(f"/api/maps/{map_id}", json={"name": "the secret map"})
        yield server.client, f"/api/maps/{map_id}/export"


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_can_be_had_with_pseudonyms(exports, name):
    client, base = exports
    answer = client.get(f"{base}/{name}", params={"anonymize": 1})
    assert answer.status_code == 200
    assert "secret" not in answer.headers["content-disposition"]
    found = text_of(name, answer.content)
    assert [text for text in ORIGINALS if text in found or text.encode() in answer.content] == []
    plain = text_of(name, client.get(f"{base}/{name}").content)
    assert all(text in plain for text in ("esx-01", *WEB)), "what is looked for would be found"


def test_each_request_has_pseudonyms_of_its_own_and_none_unless_asked(exports):
    client, base = exports
    one, other = (client.get(f"{base}/json", params={"anonymize": 1}).json() for _ in range(2))
    assert one["graph"]["totals"] == other["graph"]["totals"]
    assert not {ip for node in one["nodes"] for ip in node["ips"]} & {
        ip for node in other["nodes"] for ip in node["ips"]
    }
    plain = client.get(f"{base}/json").text
    assert all(text in plain for text in (WEB[1], *MISTYPED))
    assert client.get(f"{base}/json", params={"anonymize": 0}).text == plain
    assert client.get(f"{base}/json", params={"anonymize": "yes"}).status_code == 422


def test_the_command_line_writes_pseudonyms(tmp_path):
    capture, inventory = tmp_path / "secret.pcap", tmp_path / "vms.csv"
    capture.write_bytes(pcap(named_talks()))
    inventory.write_bytes(INVENTORY)
    outputs = [tmp_path / "map.json", tmp_path / "map.graphml", tmp_path / "map.csv.zip"]
    options = [part for path in outputs for part in ("-o", path)]
    done = flowmap("analyze", capture, "--inventory", inventory, "--anonymize", *options)
    assert done.returncode == 0, done.stderr
    assert WEB[1] in done.stdout.decode() or "web" in done.stdout.decode()  # the terminal is the operator's own
    for path, name in zip(outputs, ("json", "graphml", "csv"), strict=True):
        assert [text for text in ORIGINALS if text in text_of(name, path.read_bytes())] == []
    assert json.loads(outputs[0].read_text())["graph"]["name"] == "anonymised map"
