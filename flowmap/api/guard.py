"""The one gate before every route: head, Host, cross-site, token, body size; and the security headers of every answer.

A pure ASGI middleware that denies by default. Only ``/healthz`` and the static files are free, and they hold no data.
It also answers bugs, so that even a 500 carries the headers and no traceback gets out.
See reference reliability 2 (threats 18 to 21, 32) and 6.1.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Collection

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from flowmap.api.auth import Access, WrongTries
from flowmap.api.problems import Problem, fault_response, problem_response
from flowmap.settings import Settings

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data: blob:",
        "connect-src 'self'", "font-src 'self'", "worker-src 'self'", "form-action 'none'", "base-uri 'none'",
        "frame-ancestors 'none'", "require-trusted-types-for 'script'",
    )
)  # fmt: skip

HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cache-Control": "no-store",
}

MAX_HEAD_BYTES = 16 << 10
MAX_JSON_BYTES = 64 << 10
MAX_POINTS_BYTES = 4 << 20
SAFE_METHODS = ("GET", "HEAD")
FORM_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data", "text/plain")
"""What the forms of any page can send."""
_AUTHORITY = re.compile(r"(?P<host>\[[0-9a-f:.]+\]|[a-z0-9._-]+?)\.?(?::\d{1,5})?")
_UPLOAD = re.compile(r"/api/maps/[^/]+/(captures|inventory)/")
_POINTS = re.compile(r"/api/maps/[^/]+/points")


class Guard:
    """Wrap an application.

    Parameters
    ----------
    app : ASGI application
    access : Access
        The token.
    settings : Settings
        ``allowed_hosts`` and ``upload_stall_s``.
    free_paths : collection of str
        Exact paths that need no token.
    """

    def __init__(self, app: ASGIApp, access: Access, settings: Settings, free_paths: Collection[str]) -> None:
        self._app, self._access = app, access
        self._hosts = frozenset(host.lower() for host in settings.allowed_hosts)
        self._stall_s = settings.upload_stall_s
        self._free = frozenset(free_paths)
        self._wrong_tries = WrongTries()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await self._http(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            answer = self._refusal(scope)
            if answer is None:
                receive = await self._bounded(scope, receive)
                await self._app(scope, receive, send_with_headers)
                return
        except Problem as problem:
            answer = problem_response(problem.status, problem.detail)
        except Exception as error:
            answer = fault_response(error)
        if not started:
            await answer(scope, receive, send_with_headers)

    def _refusal(self, scope: Scope) -> Response | None:
        """The answer that ends the request here, or None to let it through."""
        headers, method = Headers(scope=scope), scope["method"]
        if _head_bytes(scope) > MAX_HEAD_BYTES:
            return problem_response(
                431,
                f"Address and headers of the request are larger than {MAX_HEAD_BYTES >> 10} KiB; ask for less at once, "
                "or delete the cookies that other servers on this host have set.",
            )
        hosts = headers.getlist("host")
        if len(hosts) != 1 or self._host_of(hosts[0]) not in self._hosts:
            return problem_response(
                421,
                "This server does not answer to that host name; add it to FLOWMAP_ALLOWED_HOSTS if it is right.",
            )
        if _is_cross_site(headers, method, hosts[0]):
            return problem_response(403, "Another site's page sent this request, so it was refused.")
        bearer = self._access.has_bearer(headers)
        if method not in SAFE_METHODS and not bearer and headers.get("x-flowmap") != "1":
            return problem_response(403, "A request that changes something needs the header X-FlowMap: 1.")
        if method not in SAFE_METHODS and not bearer and _is_form(headers):
            return problem_response(403, "FlowMap takes no forms; send JSON, or a file as it is.")
        return self._stranger(scope, headers, let_in=bearer or self._access.has_cookie(headers))

    def _stranger(self, scope: Scope, headers: Headers, *, let_in: bool) -> Response | None:
        """The answer to a request that brings no right secret where one is needed, and to the one-time address."""
        opening = self._access.open_address(scope["query_string"], headers) if _opens(scope) else None
        if opening is not None and (let_in or opening.status_code < 400):
            return opening
        if let_in or (opening is None and scope["path"] in self._free and scope["method"] in SAFE_METHODS):
            return None
        address = (scope.get("client") or ("", 0))[0]
        wrong = self._access.has_wrong_secret(scope["query_string"], headers)
        if wrong and not self._wrong_tries.one_more(address):
            sentence = "Too many wrong tokens came from this address; wait a minute."
            return problem_response(429, sentence, headers={"Retry-After": "60"})
        return opening or problem_response(
            401,
            "Open the address that 'flowmap serve' printed, or send its token as 'Authorization: Bearer'.",
            headers={"WWW-Authenticate": "Bearer"},
        )

    @staticmethod
    def _host_of(authority: str) -> str | None:
        match = _AUTHORITY.fullmatch(authority.lower())
        return match["host"] if match else None

    async def _bounded(self, scope: Scope, receive: Receive) -> Receive:
        """Read a small body whole, within size and time; uploads are streamed and count for themselves."""
        if scope["method"] in SAFE_METHODS or (scope["method"] == "PUT" and _UPLOAD.match(scope["path"])):
            return receive
        limit = MAX_POINTS_BYTES if _POINTS.fullmatch(scope["path"]) else MAX_JSON_BYTES
        body, more = bytearray(), True
        while more:
            try:
                message = await asyncio.wait_for(receive(), self._stall_s)
            except TimeoutError:
                raise Problem(408, "The body of the request did not arrive in time; send it again.") from None
            if message["type"] != "http.request":
                break
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > limit:
                raise Problem(413, f"The body of the request is larger than {limit >> 10} KiB.")
        return _replay(bytes(body), receive)


def _head_bytes(scope: Scope) -> int:
    """Size of a head. uvicorn bounds one that comes in pieces; when it is whole at once it lets far larger ones in."""
    address = len(scope.get("raw_path", b"")) + len(scope["query_string"])
    return address + sum(len(name) + len(value) + len(b": \r\n") for name, value in scope["headers"])


def _is_cross_site(headers: Headers, method: str, host: str) -> bool:
    """A page of another origin asks: Fetch Metadata where the browser sends it, Origin in any case.

    Another port of the same host is another origin too, although cookies and ``SameSite`` do not see it.
    """
    origins = headers.getlist("origin")
    if any(origin.lower().partition("://")[2] != host.lower() for origin in origins):
        return True
    if headers.get("sec-fetch-site", "none") in ("none", "same-origin"):
        return False
    return not (method in SAFE_METHODS and headers.get("sec-fetch-mode") == "navigate")


def _opens(scope: Scope) -> bool:
    """The address that ``flowmap serve`` prints leads to the page itself."""
    return bool(scope["path"] == "/" and scope["method"] == "GET")


def _is_form(headers: Headers) -> bool:
    return headers.get("content-type", "").partition(";")[0].strip().lower() in FORM_TYPES


def _replay(body: bytes, receive: Receive) -> Receive:
    first: Callable[[], Message] | None = lambda: {"type": "http.request", "body": body, "more_body": False}  # noqa: E731

    async def replayed() -> Message:
        nonlocal first
        if first is not None:
            message, first = first(), None
            return message
        return await receive()

    return replayed
