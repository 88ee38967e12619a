"""Who may ask: one token for each start of the server, shown as an address that works once.

The address gives the browser a cookie; scripts send the same token as ``Authorization: Bearer``. The token is never
in a log, and the redirect takes it out of the browser's address bar and history.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from starlette.datastructures import Headers
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
    """

    def __init__(self, token: str | None = None) -> None:
        self.token = token or secrets.token_urlsafe(TOKEN_BYTES)
        self._session = secrets.token_urlsafe(TOKEN_BYTES)
        self._address_used = False
        # Cookies of one host are shared by all its ports, so two servers need two names.
        self.cookie = "flowmap-" + hashlib.sha256(self.token.encode()).hexdigest()[:8]

    def has_bearer(self, headers: Headers) -> bool:
        """The request carries the token as a script sends it."""
        scheme, _, value = headers.get("authorization", "").partition(" ")
        return scheme.lower() == "bearer" and _equal(value.strip(), self.token)

    def has_cookie(self, headers: Headers) -> bool:
        """The request comes from the browser that opened the one-time address."""
        try:
            cookies = SimpleCookie(headers.get("cookie", ""))
        except CookieError:
            return False
        return self.cookie in cookies and _equal(cookies[self.cookie].value, self._session)

    def open_address(self, query: bytes, headers: Headers) -> Response | None:
        """The answer to ``/?token=...``: a cookie and a redirect, once; None when the query has no token."""
        values = parse_qs(query[:MAX_QUERY_CHARS].decode("latin-1"))
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
        answer.set_cookie(self.cookie, self._session, path="/", httponly=True, samesite="strict")
        return answer


def _equal(given: str, expected: str) -> bool:
    """Compare without telling by time how much was right."""
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), expected.encode())
