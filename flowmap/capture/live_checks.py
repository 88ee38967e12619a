"""What can be said before a live capture starts: whether these interfaces and this filter can be captured here."""

from __future__ import annotations

from collections.abc import Sequence

from flowmap.capture.filters import check_words, try_on_interface
from flowmap.capture.interfaces import check_interface, interfaces
from flowmap.capture.labels import neutral
from flowmap.capture.sources import STANDARD_INPUT
from flowmap.errors import CaptureError, ToolError, UsageError
from flowmap.settings import Settings


def check_live(names: Sequence[str], filter: str | None, settings: Settings) -> None:
    """Check interfaces and filter as far as that goes without starting to capture.

    Parameters
    ----------
    names : sequence of str
        Interfaces, or ``-`` alone for standard input.
    filter : str or None
        A capture filter, see :mod:`flowmap.capture.filters`.
    settings : Settings

    Raises
    ------
    UsageError
        No interface, one twice, too many, or one beside standard input; a filter that is too long, has words that
        would be looked up, or is no filter.
    CaptureError
        An interface that is unknown or down.
    ToolError
        dumpcap is missing, or may not capture.
    """
    text = (filter or "").strip()
    check_words(text, settings)
    if not names:
        raise UsageError("A live capture needs an interface; 'flowmap interfaces' lists them.")
    if len(names) > settings.max_live_interfaces:
        raise UsageError(
            f"{len(names)} interfaces at once are more than the limit of {settings.max_live_interfaces} "
            "(FLOWMAP_MAX_LIVE_INTERFACES); 'any' captures on all of them."
        )
    twice = next((name for number, name in enumerate(names) if name in names[:number]), None)
    if twice is not None:
        raise UsageError(f"The interface '{neutral(twice[:64])}' is named twice; name it once.")
    if STANDARD_INPUT in names:
        if len(names) > 1:
            raise UsageError("Standard input (-) cannot be captured together with an interface; choose one of them.")
        if text:
            raise UsageError("A capture filter needs an interface; filter standard input where it is captured.")
        return
    for name in names:
        check_interface(name)
    for name in names:
        try_on_interface(text, name, settings)


def capture_problem(settings: Settings) -> str | None:
    """Why nothing can be captured on this machine, in one sentence; None when it can."""
    try:
        try_on_interface("", _some_interface(), settings)
    except ToolError as error:
        return str(error)
    except CaptureError:
        return None  # this interface is in no state to tell
    return None


def _some_interface() -> str:
    usable = [interface["name"] for interface in interfaces() if interface["up"]]
    if not usable:
        raise CaptureError("There is no interface that is up.")
    return usable[0]
