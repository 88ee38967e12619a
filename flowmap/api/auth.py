"""Who may ask: one token for each start of the server, shown as an address that works once.

The address gives the browser a cookie; scripts send the same token as ``Authorization: Bearer``. The token is never
in a log, and the redirect takes it out of the browser's address bar and history.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
import secrets
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from urllib.parse import parse_qs

from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.responses import RedirectResponse, Response

from flowmap.api.problems import problem_response

TOKEN_BYTES = 32
MAX_QUERY_CHARS = 1024
_MAP_ID = re.compile(r"[0-9a-f]{1,64}")


class Access:
    """The token of this server, its one-time address and the browser's session.

    Parameters
    ----------
    token : str, optional
        A random one of 32 bytes when not given.
    https : bool
        Browsers come by TLS: the cookie is for https and for this host name alone (``__Host-``, RFC 6265bis 4.1.3).
    """

    def __init__(self, token: str | None = None, *, https: bool = False) -> None:
        self.token = token or secrets.token_urlsafe(TOKEN_BYTES)
        self._session = secrets.token_urlsafe(TOKEN_BYTES)
        self._address_used = False
        # Cookies of one host are shared by all its ports, so two servers need two names.
        name = "flowmap-" + hashlib.sha256(self.token.encode()).hexdigest()[:8]
        self.cookie, self._https = f"__Host-{name}" if https else name, https

    def has_bearer(self, headers: Headers) -> bool:
        """The request carries the token as a script sends it."""
        scheme, _, value = headers.get("authorization", "").partition(" ")
        return scheme.lower() == "bearer" and _equal(value.strip(), self.token)

    def has_cookie(self, headers: Headers) -> bool:
        """The request comes from the browser that opened the one-time address."""
        # Beside ours stand those of every other server of this host, in whatever form it gave them.
        cookies = cookie_parser(headers.get("cookie", ""))
        return self.cookie in cookies and _equal(cookies[self.cookie], self._session)

    def has_wrong_secret(self, query: bytes, headers: Headers) -> bool:
        """Something that is meant to open came with a request that nothing lets in: a token or our cookie."""
        tokens = _query(query).get("token", [])
        return (
            headers.get("authorization", "").lower().startswith("bearer ")
            or self.cookie + "=" in headers.get("cookie", "")
            or not all(_equal(token, self.token) for token in tokens)
        )

    def open_address(self, query: bytes, headers: Headers) -> Response | None:
        """The answer to ``/?token=...``: a cookie and a redirect, once; None when the query has no token."""
        values = _query(query)
        if "token" not in values:
            return None
        map_id = values.get("map", [""])[0]
        target = f"/?map={map_id}" if _MAP_ID.fullmatch(map_id) else "/"
        if self.has_cookie(headers):
            return RedirectResponse(target, 303)
        if self._address_used or not _equal(values["token"][0], self.token):
            return problem_response(
                401,
                "This address works once; use the browser that opened it, or start the server again for a new one.",
            )
        self._address_used = True
        answer = RedirectResponse(target, 303)
        answer.set_cookie(self.cookie, self._session, path="/", httponly=True, samesite="strict", secure=self._https)
        return answer


class WrongTries:
    """Wrong secrets of the last minute, counted for each address; a bounded number of addresses is remembered.

    Nothing is ever refused for it that brings the right secret: 32 random bytes cannot be guessed, and behind a proxy
    all share one address. It keeps those who try from being answered, and the answers cheap.
    """

    PER_MINUTE = 10
    ADDRESSES = 1_024

    def __init__(self, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._clock_s = clock_s
        self._times: OrderedDict[str, deque[float]] = OrderedDict()

    def one_more(self, address: str) -> bool:
        """Count one, unless there were too many within a minute: then False."""
        source, now = _source(address), self._clock_s()
        times = self._times.setdefault(source, deque(maxlen=self.PER_MINUTE))
        self._times.move_to_end(source)
        if len(self._times) > self.ADDRESSES:
            self._times.popitem(last=False)
        if len(times) == self.PER_MINUTE and now - times[0] < 60:
            return False
        times.append(now)
        return True


def _source(address: str) -> str:
    """Whoever has one IPv6 address usually has a /64 of them."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    return str(found) if found.version == 4 else str(ipaddress.ip_network(f"{found}/64", strict=False))


def _query(query: bytes) -> dict[str, list[str]]:
    return parse_qs(query[:MAX_QUERY_CHARS].decode("latin-1"))


def _equal(given: str, expected: str) -> bool:
    """Compare without telling by time how much was right."""
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), expected.encode())
