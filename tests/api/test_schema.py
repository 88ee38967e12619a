"""Requests that schemathesis makes from the API's own schema: no 5xx, and no answer that the schema does not know."""

from __future__ import annotations

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance

from flowmap.api.app import create_app
from flowmap.settings import Settings
from tests.api.frames import pcap, two_talks
from tests.api.servers import HEADERS, TOKEN, running, wait_for

CHECKS = [not_a_server_error, content_type_conformance, response_schema_conformance]
EXAMPLES = 10


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server with one finished map, so that not everything is a 404."""
    with running(Settings(data_dir=tmp_path_factory.mktemp("data"), min_free_bytes=0, max_maps=50)) as found:
        found.map_id, _ = found.analysed(("a.pcap", pcap(two_talks())))
        with requests.Session() as found.session:
            yield found


def operations_of(app):
    """What can be asked, by the schema of the running application; production serves none."""
    api = schemathesis.openapi.from_dict(app.openapi()).exclude(path_regex="/events$|^/api/maps/sample$")
    return [found.ok() for found in api.get_all_operations()]


def test_no_request_breaks_the_server(server):
    operations = operations_of(server.app)
    assert len(operations) > 20
    for operation in operations:

        @settings(max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
        @given(operation.as_strategy(), st.booleans())
        def ask(case, of_the_map):
            ends_the_map = case.method == "DELETE" or case.path.endswith("/live")
            if of_the_map and "map_id" in (case.path_parameters or {}) and not ends_the_map:
                case.path_parameters["map_id"] = server.map_id
            answer = case.call(base_url=server.url, headers=HEADERS, session=server.session)
            case.validate_response(answer, checks=CHECKS)

        ask()


def test_the_schema_names_every_route_and_its_errors(tmp_path):
    app = create_app(Settings(data_dir=tmp_path), token=TOKEN)
    document = app.openapi()
    operations = [row for path in document["paths"].values() for row in path.values()]
    assert len(operations) > 20
    for row in operations:
        (media_type,) = row["responses"]["default"]["content"]
        assert media_type == "application/problem+json" and row["description"]


def test_the_server_is_well_afterwards(server):
    assert server.stranger.get("/healthz").status_code == 200
    map_id, status = server.analysed(("b.pcap", pcap(two_talks())))
    assert status["state"] == "done"
    wait_for(lambda: server.status(map_id)["revision"])
