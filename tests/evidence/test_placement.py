"""Who places an endpoint, and how old the inventory's rows are against the capture."""

from __future__ import annotations

import pytest

from flowmap.evidence.placement import age_of
from flowmap.packets import NO_TIME
from flowmap.settings import Settings
from flowmap.views import find_edge, pair_detail
from tests.locality.two_hosts import APP, WEB, Lab, switched
from tests.network import SECOND, START_NS, record

FIRST_NS, LAST_NS, DAY_S = START_NS, START_NS + 60 * SECOND, 86_400


@pytest.mark.parametrize(
    ("observed_ns", "age", "freshness"),
    [
        (FIRST_NS - 2 * 3600 * SECOND, "2 h before the capture's first packet", "fresh"),
        (FIRST_NS - 119 * 60 * SECOND, "1 h before the capture's first packet", "fresh"),
        (FIRST_NS - 59 * SECOND, "59 s before the capture's first packet", "fresh"),
        (FIRST_NS - 1, "less than 1 s before the capture's first packet", "fresh"),
        (FIRST_NS, "during the capture", "fresh"),
        (LAST_NS, "during the capture", "fresh"),
        (LAST_NS + 90 * SECOND, "1 min after the capture's last packet", "fresh"),
        (FIRST_NS - DAY_S * SECOND, "1 d before the capture's first packet", "fresh"),
        (FIRST_NS - DAY_S * SECOND - 1, "1 d before the capture's first packet", "stale"),
        (LAST_NS + 400 * DAY_S * SECOND, "400 d after the capture's last packet", "stale"),
        (None, "age unknown", "unknown"),
    ],
)
def test_the_age_of_a_row(observed_ns, age, freshness):
    assert age_of(observed_ns, FIRST_NS, LAST_NS, DAY_S) == (age, freshness)


def test_a_capture_without_times_gives_no_age():
    assert age_of(FIRST_NS, NO_TIME, NO_TIME, DAY_S) == ("age unknown, the capture has no times", "unknown")


def placement(*records):
    """The placements of web and app, who talk on host-a."""
    lab = Lab()
    lab.chatter()
    switched(lab)
    flow_map = lab.network.map(*records)
    detail = pair_detail(flow_map, *find_edge(flow_map, WEB.ip, APP.ip), Settings())
    ends = {WEB.ip: None, APP.ip: None}
    for end in ("source", "target"):
        (ip,) = detail[end]["ips"]
        ends[ip] = detail["placement"][end]
    return ends[WEB.ip], ends[APP.ip]


def test_an_inventory_row_is_named_with_what_it_says():
    web, _ = placement(
        record(WEB, "host-a", vlan=10, network="pg-web", row=7, interface="vnet0"), record(APP, "host-a")
    )
    assert (web["host"], web["how"], web["point"], web["matched_by"]) == ("host-a", "inventory", None, "MAC")
    (row,) = web["rows"]
    assert (row["source"], row["row"], row["vm"], row["host"]) == ("inventory.yaml", 7, "vm-1", "host-a")
    assert (row["vswitch"], row["network"], row["vlan"], row["interface"]) == ("vSwitch0", "pg-web", 10, "vnet0")
    assert (row["mac"], row["observed_at"]) == ("00:50:56:80:00:01", "2023-11-14T22:13:20Z")
    assert (row["age"], row["freshness"]) == ("during the capture", "fresh")


def test_an_old_row_is_stale_and_a_row_without_a_time_of_unknown_age():
    old = START_NS - 3 * DAY_S * SECOND
    web, app = placement(record(WEB, "host-a", observed_at_ns=old), record(APP, "host-a", observed_at_ns=None))
    assert (web["rows"][0]["age"], web["rows"][0]["freshness"]) == ("3 d before the capture's first packet", "stale")
    assert (app["rows"][0]["age"], app["rows"][0]["freshness"]) == ("age unknown", "unknown")


def test_a_port_that_places_a_machine_is_named():
    web, _ = placement()
    assert (web["host"], web["how"], web["point"]) == ("host-a", "capture point", "a.pcapng:vnet0")
    assert web["rows"] == [] and web["matched_by"] is None


def test_a_contradiction_is_said():
    web, _ = placement(record(WEB, "host-b"), record(APP, "host-a"))
    assert "vm-1" in web["conflict"] and "host-b" in web["conflict"]
