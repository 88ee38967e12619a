"""One line of ``flowmap doctor``."""

from __future__ import annotations

from dataclasses import dataclass

OK, NOTE, MISSING = "ok", "note", "missing"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    ``state`` is ok, note (FlowMap works without it) or missing; ``found`` is what there is, ``remedy`` what to do,
    empty where nothing is to do.
    """

    name: str
    state: str
    found: str
    remedy: str = ""
