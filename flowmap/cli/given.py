"""What a command is given, read and judged: captures, inventory files and statements about capture points.

Every import that takes time stands where it is needed: ``flowmap --help`` must not wait for it.
"""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from flowmap.capture.points import Statements
    from flowmap.inventory import Inventory
    from flowmap.pipeline import FlowMap
    from flowmap.reading import Reading


def map_of(
    captures: list[str],
    inventory: list[Path] | None,
    points: Path | None,
    point: list[str] | None,
    **options: Any,
) -> FlowMap:
    """Read and judge; inventory and points are checked first, so that a typing mistake costs no reading."""
    from flowmap.settings import Settings

    known, statements = inventory_of(inventory), statements_of(points, point)
    reading = reading_of(captures, counted=_load_the_rest, **options)
    from flowmap.pipeline import make_map

    return make_map(reading, known, statements, Settings(), ", ".join(info.file for info, _ in reading.captures))


def reading_of(captures: list[str], **options: Any) -> Reading:
    """Read the captures, with a progress bar on a terminal."""
    from flowmap.cli.output import capture_paths, progress_bar
    from flowmap.reading import read_captures
    from flowmap.settings import Settings
    from flowmap.warm import prepare_kernels

    gc.set_threshold(200_000, 20, 20)  # a short life: walking every leg again and again is not worth it
    if options.get("reader") != "pyshark":
        prepare_kernels(lambda text: print(f"flowmap: {text}", file=sys.stderr, flush=True))
    with capture_paths(captures) as paths, progress_bar() as progress:
        return read_captures(paths, Settings(), progress=progress, **options)


def _load_the_rest(reading: object) -> None:
    """Import what judging and printing need while tshark looks for names: it takes as long."""
    import flowmap.cli.summary
    import flowmap.export.node_link
    import flowmap.pipeline  # noqa: F401


def inventory_of(files: list[Path] | None) -> Inventory:
    """The inventory files, joined; an empty one when none is given."""
    from flowmap.inventory import Inventory, read_inventory
    from flowmap.settings import Settings

    settings = Settings()
    if not files:
        return Inventory([])
    return read_inventory(files, max_bytes=settings.max_inventory_bytes, max_rows=settings.max_inventory_rows)


def statements_of(points: Path | None, options: list[str] | None) -> Statements:
    """What the points file and the options of ``--point`` state, in this order."""
    from flowmap.capture.points import Statements, parse_point_option, parse_points
    from flowmap.errors import InventoryError

    statements = Statements()
    if points is not None:
        try:
            text = points.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            raise InventoryError(f"The points file {points} cannot be read: {reason}.") from error
        statements = parse_points(text, str(points))
    statements.points += [parse_point_option(text) for text in options or []]
    return statements


def leave_with(reading: Reading) -> None:
    """Exit 3 with the sentence of each capture that is damaged."""
    for sentence in reading.damage:
        print(f"flowmap: {sentence}", file=sys.stderr)
    if not reading.complete:
        raise typer.Exit(3)
