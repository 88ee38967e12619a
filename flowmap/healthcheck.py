"""Ask a server on this machine how it is: ``python -m flowmap.healthcheck [ADDRESS]``, for containers and timers.

Exit 0: it is well. 1: it is not, or nobody answers; the sentence is on standard output. It imports nothing else of
FlowMap and takes no token.
"""

from __future__ import annotations

import http.client
import json
import os
import sys
from urllib.parse import urlsplit

ADDRESS = "http://127.0.0.1:8080"
WITHIN_S = 2.5
MOST_BYTES = 4096


def ask(address: str) -> str | None:
    """What is wrong, in one sentence; None when the server is well."""
    parts = urlsplit(address)
    try:
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=WITHIN_S)
        connection.request("GET", "/healthz", headers={"Host": _host() or parts.netloc})
        answer = connection.getresponse()
        body = answer.read(MOST_BYTES)
    except (OSError, http.client.HTTPException, ValueError) as error:
        return f"No server answers at {address} ({type(error).__name__}); start it, or name another address."
    if answer.status == 200:
        return None
    try:
        return str(json.loads(body)["detail"])
    except (ValueError, KeyError, TypeError):
        return f"The server at {address} answers with status {answer.status}; is it FlowMap?"


def _host() -> str:
    """A name that the server answers to, where its allowed hosts leave out the address itself."""
    try:
        names = json.loads(os.environ.get("FLOWMAP_ALLOWED_HOSTS", "[]"))
        return str(names[0]) if names else ""
    except (ValueError, LookupError, TypeError):
        return ""


def main() -> None:
    """Entry of the process."""
    problem = ask(sys.argv[1] if len(sys.argv) > 1 else ADDRESS)
    sys.stdout.write((problem or "The server is well.") + "\n")
    sys.exit(1 if problem else 0)


if __name__ == "__main__":
    main()
