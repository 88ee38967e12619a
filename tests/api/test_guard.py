"""Who is let in: token, Host, cross-site requests, body sizes and the headers of every answer."""

from __future__ import annotations

import contextlib
import http.client

import httpx
import pytest
from fastapi.routing import APIRoute

from flowmap.api.auth import WrongTries
from flowmap.api.guard import HEADERS as SECURITY_HEADERS
from flowmap.settings import Settings
from tests.api.servers import TOKEN, running


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """One for all tests that leave it as it was; the address of ``fresh`` was not opened yet."""
    with running(Settings(data_dir=tmp_path_factory.mktemp("data"), min_free_bytes=0)) as found:
        yield found


@pytest.fixture
def fresh(settings):
    with running(settings) as found:
        yield found


CHANGING = ("POST", "PUT", "PATCH", "DELETE")


def routes(app):
    """Every (method, path) with something in the place of parameters, static files apart."""
    found = []
    for router in app.routes:
        for route in getattr(getattr(router, "original_router", None), "routes", [router]):
            if isinstance(route, APIRoute) and route.path != "/{path:path}":
                path = route.path
                for name in ("map_id", "name:path", "pair:path", "format"):
                    path = path.replace("{" + name + "}", "x")
                found += [(method, path) for method in route.methods]
    return found


def ask(port, method, path, **headers):
    """A request whose headers are exactly these."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    for name, value in headers.items():
        for item in value if isinstance(value, list) else [value]:
            connection.putheader(name.replace("_", "-"), item)
    connection.endheaders()
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer, body


def test_the_walk_finds_the_routes(server):
    found = routes(server.app)
    assert ("PUT", "/api/maps/x/captures/x") in found and ("GET", "/metrics") in found
    assert len(found) > 20


def test_every_route_needs_the_token(server):
    for method, path in routes(server.app):
        answer = server.stranger.request(method, path, headers={"X-FlowMap": "1"})
        assert answer.status_code == (200 if path == "/healthz" else 401), (method, path)
        assert "traceback" not in answer.text.lower()


def test_an_unknown_address_tells_nothing_without_the_token(server):
    assert server.stranger.get("/api/nothing").status_code == 401
    assert server.client.get("/api/nothing").status_code == 404


@pytest.mark.parametrize("value", ["Bearer", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", TOKEN])
def test_other_authorizations_are_none(server, value):
    assert server.stranger.get("/api/maps", headers={"Authorization": value}).status_code == 401


@pytest.mark.parametrize(
    "host", ["evil.test", "127.0.0.1.evil.test", "evil.test:80", "", "127.0.0.1@evil.test", "[::2]"]
)
def test_every_route_refuses_another_host_even_with_the_token(server, host):
    for method, path in [*routes(server.app), ("GET", "/"), ("OPTIONS", "/api/maps")]:
        answer, _ = ask(server.port, method, path, Host=host, Authorization=f"Bearer {TOKEN}")
        assert answer.status == 421, (method, path)


def test_an_empty_allowed_host_allows_nobody(tmp_path):
    with running(Settings(data_dir=tmp_path, min_free_bytes=0, allowed_hosts=("127.0.0.1", ""))) as server:
        for host in ("", "!evil.test", "evil~.test:80", "a b"):
            assert ask(server.port, "GET", "/healthz", Host=host)[0].status == 421, host


def test_a_second_host_header_is_refused(server):
    # h11 refuses it itself with 400 before the guard would.
    answer, _ = ask(server.port, "GET", "/healthz", Host=["127.0.0.1", "evil.test"])
    assert answer.status in (400, 421)


@pytest.mark.parametrize("host", ["127.0.0.1", "LOCALHOST:8080", "localhost.", "[::1]:1"])
def test_the_allowed_hosts_are_answered_on_any_port(server, host):
    answer, _ = ask(server.port, "GET", "/healthz", Host=host)
    assert answer.status == 200


def test_a_foreign_origin_is_refused_everywhere(server):
    host = f"127.0.0.1:{server.port}"
    for origin in ("http://evil.test", "null", "http://127.0.0.1:1", f"https://evil.test?{host}"):
        for method, path in routes(server.app):
            headers = {"Host": host, "Origin": origin, "Authorization": f"Bearer {TOKEN}", "X-FlowMap": "1"}
            answer, _ = ask(server.port, method, path, **headers)
            assert answer.status == 403, (origin, method, path)


def test_the_own_origin_is_let_in(server):
    answer = server.client.post("/api/maps", headers={"Origin": server.url})
    assert answer.status_code == 201


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_requests_of_other_sites_pages_are_refused(server, site):
    for method, path in routes(server.app):
        answer = server.client.request(method, path, headers={"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "no-cors"})
        assert answer.status_code == 403, (method, path)


def test_a_link_on_another_site_may_lead_to_the_page(server):
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert server.stranger.get("/", headers=headers).status_code == 200
    assert server.client.post("/api/maps", headers=headers).status_code == 403


@contextlib.contextmanager
def with_cookie(server):
    """A browser that opened the one-time address."""
    with httpx.Client(base_url=server.url) as browser:
        assert browser.get(f"/?token={TOKEN}").status_code == 303
        yield browser


def test_a_cookie_alone_changes_nothing(fresh):
    with with_cookie(fresh) as browser:
        for method, path in routes(fresh.app):
            if method in CHANGING:
                assert browser.request(method, path).status_code == 403, (method, path)
        assert browser.get("/api/maps").json()["maps"] == []
        assert browser.post("/api/maps", headers={"X-FlowMap": "1"}).status_code == 201


def test_the_address_gives_a_strict_cookie_once(fresh):
    first = fresh.stranger.get(f"/?token={TOKEN}&map=abc123")
    assert first.status_code == 303 and first.headers["location"] == "/?map=abc123"
    cookie = first.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=strict" in cookie and TOKEN.lower() not in cookie
    second = httpx.get(f"{fresh.url}/?token={TOKEN}")
    assert second.status_code == 401 and "once" in second.json()["detail"]
    assert httpx.get(f"{fresh.url}/api/maps", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200


def test_the_browser_that_has_the_cookie_may_open_the_address_again(fresh):
    with with_cookie(fresh) as browser:
        again = browser.get(f"/?token={TOKEN}")
        assert again.status_code == 303 and again.headers["location"] == "/"


def test_a_wrong_token_does_not_use_the_address_up(fresh):
    assert fresh.stranger.get("/?token=wrong").status_code == 401
    assert fresh.stranger.get(f"/?token={TOKEN}").status_code == 303


@pytest.mark.parametrize(
    "other", ['seen={"x": 1}', "version=1", "path=/x", 'a="b', "a=b c", "=x", "a=\xe9", "a=1,2", "nothing"]
)
def test_cookies_of_other_servers_on_this_machine_shut_nobody_out(fresh, other):
    with with_cookie(fresh) as browser:
        (own,) = (f"{name}={value}" for name, value in browser.cookies.items())
    for sent in (f"{other}; {own}", f"{own}; {other}"):
        cookie = {"Cookie": sent.encode("latin-1")}
        assert fresh.stranger.get("/api/maps", headers=cookie).status_code == 200


@pytest.mark.parametrize("media_type", ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain"])
def test_no_form_changes_anything_even_with_cookie_and_header(fresh, media_type):
    with with_cookie(fresh) as browser:
        for method, path in routes(fresh.app):
            if method in CHANGING:
                headers = {"X-FlowMap": "1", "Content-Type": f"{media_type}; charset=utf-8"}
                answer = browser.request(method, path, headers=headers, content=b"name=x")
                assert answer.status_code == 403, (method, path)


def test_the_eleventh_wrong_token_of_a_minute_is_429_and_the_right_one_is_let_in(fresh):
    def status(**more):
        return fresh.stranger.get("/api/maps", **more).status_code

    wrong = {"headers": {"Authorization": "Bearer wrong"}}
    assert [status() for _ in range(20)] == [401] * 20  # nothing was tried
    assert [status(**wrong) for _ in range(10)] == [401] * 10
    answer = fresh.stranger.get("/api/maps", **wrong)
    assert answer.status_code == 429 and answer.headers["retry-after"] == "60"
    assert answer.headers["content-security-policy"] and "wait" in answer.json()["detail"]
    assert fresh.stranger.get("/?token=wrong").status_code == 429
    cookie = {"headers": {"Cookie": f"{fresh.app.state.access.cookie}=wrong"}}
    assert status(**cookie) == 429
    assert fresh.stranger.get("/").status_code == fresh.stranger.get("/healthz").status_code == 200
    assert fresh.client.get("/api/maps").status_code == 200
    assert fresh.stranger.get(f"/?token={TOKEN}").status_code == 303


def test_wrong_tries_are_counted_by_address_within_a_minute_and_in_bounded_memory():
    now_s = 1_000.0
    tries = WrongTries(lambda: now_s)
    assert [tries.one_more("10.0.0.1") for _ in range(12)] == [True] * 10 + [False] * 2
    assert tries.one_more("10.0.0.2")
    for last in range(10):
        assert tries.one_more(f"2001:db8:0:1::{last}")
    assert not tries.one_more("2001:db8:0:1:ffff::") and tries.one_more("2001:db8:0:2::")
    now_s += 59.9
    assert not tries.one_more("10.0.0.1")
    now_s += 0.2
    assert tries.one_more("10.0.0.1")
    for number in range(5_000):
        tries.one_more(f"10.1.{number >> 8}.{number & 255}")
    assert len(tries._times) == tries.ADDRESSES


def test_behind_tls_the_cookie_is_for_https_and_this_host_alone(tmp_path):
    with running(Settings(data_dir=tmp_path, min_free_bytes=0, behind_tls=True)) as server:
        cookie = server.stranger.get(f"/?token={TOKEN}").headers["set-cookie"]
        assert cookie.startswith("__Host-flowmap-") and "domain" not in cookie.lower()
        assert {"secure", "httponly", "samesite=strict", "path=/"} <= set(cookie.lower().split("; "))
        value = cookie.partition(";")[0]
        assert server.stranger.get("/api/maps", headers={"Cookie": value}).status_code == 200


@pytest.mark.parametrize("map_id", ["//evil.test", "%0d%0aX-Evil:1", "../x", "a" * 100, "javascript:1"])
def test_the_redirect_leads_nowhere_else(fresh, map_id):
    answer = fresh.stranger.get(f"/?token={TOKEN}&map={map_id}")
    assert answer.status_code == 303 and answer.headers["location"] == "/"
    assert "x-evil" not in answer.headers


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/healthz", 200),
        ("GET", "/api/maps", 200),
        ("GET", "/api/maps/none", 404),
        ("PUT", "/api/maps", 405),
        ("POST", "/api/maps/none/live", 422),
        ("GET", "/api/none", 404),
    ],
)
def test_every_answer_has_the_security_headers_and_errors_are_problems(server, method, path, status):
    answer = server.client.request(method, path)
    assert answer.status_code == status
    assert {name: answer.headers[name] for name in SECURITY_HEADERS} == SECURITY_HEADERS
    if status >= 400:
        assert answer.headers["content-type"] == "application/problem+json"
        problem = answer.json()
        assert problem["status"] == status and problem["title"] and problem["detail"].endswith(".")


def test_refusals_and_unchanged_answers_have_the_security_headers(server):
    etag = server.stranger.get("/").headers["etag"]
    answers = {
        401: server.stranger.get("/api/maps"),
        403: server.stranger.post("/api/maps"),
        421: server.client.get("/", headers={"Host": "evil.test"}),
        304: server.stranger.get("/", headers={"If-None-Match": etag}),
        413: server.client.post("/api/maps", content=b"x" * 70_000),
    }
    for status, answer in answers.items():
        assert answer.status_code == status
        kept = {"Cache-Control"} if status == 304 else set()  # the page itself may be kept, and asked for again
        for name in SECURITY_HEADERS.keys() - kept:
            assert answer.headers[name] == SECURITY_HEADERS[name], (status, name)


def test_the_policy_runs_the_own_scripts_and_nothing_else(server):
    """By its words: the other tests hold answers against the constant, which a change would take along."""
    headers = server.stranger.get("/").headers
    rules = dict((*rule.split(" ", 1), "")[:2] for rule in headers["content-security-policy"].split("; "))
    assert rules == {
        "default-src": "'none'", "script-src": "'self'", "style-src": "'self'", "img-src": "'self' data: blob:",
        "connect-src": "'self'", "font-src": "'self'", "worker-src": "'self'", "form-action": "'none'",
        "base-uri": "'none'", "frame-ancestors": "'none'", "require-trusted-types-for": "'script'",
    }  # fmt: skip
    assert (headers["x-content-type-options"], headers["referrer-policy"]) == ("nosniff", "no-referrer")
    assert headers["cross-origin-opener-policy"] == headers["cross-origin-resource-policy"] == "same-origin"
    document = server.client.get("/api/maps").headers
    assert document["content-type"] == "application/json" and document["cache-control"] == "no-store"


def test_every_route_answers_with_the_security_headers(server):
    for method, path in routes(server.app):
        answer = server.client.request(method, path)
        assert answer.headers.items() >= {name.lower(): value for name, value in SECURITY_HEADERS.items()}.items(), path


def test_a_bug_is_answered_with_an_id_and_told_to_the_log_alone(fresh, settings):
    @fresh.app.get("/api/bug")
    def bug():
        raise RuntimeError("secret detail")

    # The catch-all of the static files was there first.
    fresh.app.router.routes.insert(0, fresh.app.router.routes.pop())
    answer = fresh.client.get("/api/bug")
    problem = answer.json()
    assert answer.status_code == 500 and "secret" not in answer.text and problem["id"] in problem["detail"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    logged = (settings.data_dir / "server.log").read_text()
    assert problem["id"] in logged and "RuntimeError" in logged and "test_guard.py" in logged
    assert "secret" not in logged


def test_json_bodies_are_small(server):
    map_id = server.new_map()
    assert server.client.patch(f"/api/maps/{map_id}", json={"name": "x" * 70_000}).status_code == 413

    def without_length():
        yield b'{"name": "'
        yield b"x" * 70_000

    assert server.client.patch(f"/api/maps/{map_id}", content=without_length()).status_code == 413
    assert server.client.post("/api/maps", content=b"{").status_code == 422
    assert server.client.post("/api/maps", content=b"[" * 60_000).status_code in (400, 422)


@pytest.mark.parametrize("path", ["/healthz", "/", "/api/maps", "/vendor/d3.min.js"])
def test_address_and_headers_are_small(server, path):
    token, length = f"Bearer {TOKEN}", 16 * 1024
    length -= len(path) + sum(len(line) for line in ("Host: localhost..", f"Authorization: {token}..", "X-Large: .."))
    for extra, status in ((0, 200), (1, 431)):
        for address, padding in ((path, "x" * (length + extra)), (f"{path}?" + "x" * (length + extra), "")):
            answer, body = ask(server.port, "GET", address, Host="localhost", Authorization=token, X_Large=padding)
            assert answer.status == status, body[:200]
            assert status == 200 or (b"larger than 16 KiB" in body and answer.headers["X-Content-Type-Options"])


def test_static_files_need_no_token_and_have_their_types(server):
    table = server.state.static
    assert {"/", "/index.html", "/vendor/d3.min.js"} <= table.keys()
    for path, file in table.items():
        answer = server.stranger.get(path)
        assert answer.status_code == 200 and answer.content == file.content
        assert answer.headers["content-type"] == file.media_type
        again = server.stranger.get(path, headers={"If-None-Match": answer.headers["etag"]})
        assert again.status_code == 304 and not again.content
        assert server.stranger.get(path, headers={"Range": "bytes=0-1"}).status_code == 200


@pytest.mark.parametrize(
    "path", ["/../pyproject.toml", "/%2e%2e/pyproject.toml", "/js/../../pyproject.toml", "/js//d3.js", "/.git"]
)
def test_no_address_becomes_a_path(server, path):
    answer, body = ask(server.port, "GET", path, Host="localhost", Authorization=f"Bearer {TOKEN}")
    assert answer.status == 404 and b"hatchling" not in body


def test_scripts_and_schema_pages_of_the_framework_are_off(server):
    for path in ("/docs", "/redoc", "/openapi.json"):
        assert server.client.get(path).status_code == 404
