"""``flowmap doctor``: what is there, what is missing, and how to get it."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

from rich.console import Console
from rich.text import Text

from flowmap.cli.check import MISSING, NOTE, OK, Check
from flowmap.cli.checks import all_checks
from flowmap.cli.console import plain, wide_console
from flowmap.settings import Settings

_MARKS = {OK: ("ok", "green"), NOTE: ("note", "yellow"), MISSING: ("MISSING", "bold red")}


def run_doctor(*, as_json: bool, live: bool) -> bool:
    """Print the checks; True when nothing that is needed is missing."""
    checks = list(all_checks(live=live))
    well = all(check.state != MISSING for check in checks)
    if as_json:
        print(json.dumps({"ok": well, "checks": [asdict(check) for check in checks]}, indent=2))
        return well
    console = wide_console(sys.stdout)
    for check in checks:
        _print(console, check)
    console.print()
    console.print(Text(_conclusion(checks)))
    return well


def _print(console: Console, check: Check) -> None:
    word, style = _MARKS[check.state]
    line = Text.assemble((f"{word:<8}", style), f"{check.name:<17}", plain(check.found))
    console.print(line, soft_wrap=True)
    if check.remedy:
        console.print(Text(f"{'':<8}{'':<17}-> {plain(check.remedy)}"), soft_wrap=True)


def _conclusion(checks: list[Check]) -> str:
    missing = [check.name for check in checks if check.state == MISSING]
    notes = [check.name for check in checks if check.state == NOTE]
    if missing:
        return f"FlowMap cannot do its work before this is there: {', '.join(missing)}."
    if notes:
        return f"FlowMap works; the notes above tell what could be better: {', '.join(notes)}."
    return "FlowMap has all it needs."


def print_settings() -> None:
    """Every setting: the variable, its value here, and what it is."""
    settings = Settings()
    for name, field in Settings.model_fields.items():
        value = getattr(settings, name)
        shown = json.dumps(list(value)) if isinstance(value, tuple) else str(value)
        print(f"FLOWMAP_{name.upper()}={plain(shown)}\n    {field.description}")
