"""Which cluster a host belongs to, as each format tells it, and how it reaches the graph document."""

from __future__ import annotations

import json

import jsonschema
import pytest

from flowmap.capture.points import HostStatement, Statements
from flowmap.export import document, schema
from flowmap.inventory import join_files, parse_inventory_file
from flowmap.pipeline import make_map
from flowmap.reading import read_captures
from flowmap.settings import Settings
from tests.api.frames import pcap, two_talks

VNETWORK = (
    '"VM","Powerstate","NIC label","Switch","Network","Starts Connected","Mac Address","IPv4 Address","Cluster","Host"'
)


def read(content, name="file", **options):
    return parse_inventory_file(content, name=name, **options)


def clusters(*contents):
    return join_files([read(content, f"file-{n}") for n, content in enumerate(contents)]).clusters


FORMATS = {
    "our own CSV": "vm,mac,host,Cluster\nweb,00:50:56:00:00:01,esx-01,Rack A\ndb,00:50:56:00:00:02,esx-02,\n",
    "our own YAML": "vms:\n- {vm: web, mac: '00:50:56:00:00:01', host: esx-01, cluster: Rack A}\n"
    "- {vm: db, mac: '00:50:56:00:00:02', host: esx-02}\n",
    "YAML of one host": "host: esx-01\ncluster: Rack A\nvms:\n- {vm: web, mac: '00:50:56:00:00:01'}\n",
    "a comment above a table": "# host: esx-01\n# cluster: Rack A\nvm,mac\nweb,00:50:56:00:00:01\n",
    "RVTools vNetwork": f'{VNETWORK}\n"web","poweredOn","Network adapter 1","dvs","lan","True","00:50:56:00:00:01",'
    '"10.0.0.1","Rack A","esx-01"\n',
    "RVTools vInfo": "VM,Powerstate,Primary IP Address,Cluster,Host\nweb,poweredOn,10.0.0.1,Rack A,esx-01\n",
    "RVTools vHost": "Host,Datacenter,Cluster,ESX Version,Object ID\nesx-01,DC,Rack A,8.0,host-12\n",
    "RVTools vNIC": "Host,Datacenter,Cluster,Network Device,MAC,Switch,Speed\n"
    "esx-01,DC,Rack A,vmnic0,00:1b:21:00:00:01,dvs,10000\n",
    "PowerCLI": "Parent,Name,NetworkName,MacAddress,VMHost,Cluster\n"
    "web,Network adapter 1,lan,00:50:56:00:00:01,esx-01,Rack A\n",
}


@pytest.mark.parametrize("name", FORMATS)
def test_each_format_tells_the_cluster(name):
    assert clusters(FORMATS[name]) == {"esx-01": "Rack A"}


def govc(parent):
    return json.dumps({"hostSystems": [{"name": "esx-01", "self": {"value": "host-12"}, "parent": parent}]})


def test_govc_tells_a_reference_which_any_name_replaces():
    reference = govc({"type": "ClusterComputeResource", "value": "domain-c8"})
    assert clusters(reference) == {"esx-01": "domain-c8"}
    assert clusters(reference, FORMATS["our own CSV"]) == {"esx-01": "Rack A"}
    assert clusters(govc({"type": "ComputeResource", "value": "domain-s7"})) == {}


def test_spellings_of_a_host_are_one_and_a_contradiction_is_told():
    csv = "vm,mac,host,cluster\nweb,00:50:56:00:00:01,ESX-01,Rack A\ndb,00:50:56:00:00:02,esx-01.lan,Rack B\n"
    found = join_files([read(csv)])
    assert found.clusters == {"esx-01.lan": "Rack A"}
    assert [text for text in found.warnings if "two clusters" in text] == [
        "Host esx-01.lan is in two clusters, Rack A and Rack B; Rack A counts."
    ]


def test_a_cluster_keeps_no_rows_apart():
    """Two rows about one vNIC still become one record when only one of them names the cluster."""
    one = "vm,mac,host,cluster\nweb,00:50:56:00:00:01,esx-01,Rack A\n"
    other = "mac,ip,host\n00:50:56:00:00:01,10.0.0.1,esx-01\n"
    found = join_files([read(other, "a.csv"), read(one, "b.csv")])
    assert len(found.records) == 1 and found.clusters == {"esx-01": "Rack A"}


def test_the_document_names_the_cluster_of_every_host(tmp_path):
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap(two_talks()))
    hosts = "vm,mac,ip,host,cluster\nweb,00:50:56:00:00:01,10.0.0.1,esx-01,<b>Rack A\n"
    hosts += "idle,00:50:56:00:00:77,10.0.0.77,esx-02,Rack B\n"
    reading = read_captures([path], Settings(), names=False)
    stated = Statements(hosts={"esx-09": HostStatement(("vmnic0",), True)})
    made = document(make_map(reading, join_files([read(hosts)]), stated, Settings(), "test").graph)
    jsonschema.validate(made, schema())
    assert {row["host"]: row["cluster"] for row in made["graph"]["hosts"]} == {
        "esx-01": "<b>Rack A", "esx-02": "Rack B", "esx-09": None,
    }  # fmt: skip
