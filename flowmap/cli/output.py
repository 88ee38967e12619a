"""Where results go and captures come from: files, standard output and input, and the progress bar."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from flowmap.errors import CaptureError, LimitError, UsageError
from flowmap.export import FORMATS, format_of, write
from flowmap.settings import Settings

if TYPE_CHECKING:
    from flowmap.graph import FlowGraph
    from flowmap.reading import Progress

Target = tuple[Path | None, str]
"""A path, None for standard output, and the format."""


def check_outputs(outputs: list[str], wanted: str | None) -> list[Target]:
    """Paths and formats of ``-o``, checked before anything is read.

    Raises
    ------
    UsageError
        For an unknown suffix, or a folder that does not exist.
    """
    targets: list[Target] = []
    for text in outputs or (["-"] if wanted else []):
        path = None if text == "-" else Path(text)
        if path is not None and not path.parent.is_dir():
            raise UsageError(f"The folder {path.parent} for -o {text} does not exist.")
        targets.append((path, wanted or ("json" if path is None else format_of(path))))
    return targets


def write_outputs(graph: FlowGraph, targets: list[Target], *, anonymize: bool = False) -> None:
    """Write the graph to every target; anonymised, each target gets pseudonyms of its own."""
    for path, name in targets:
        if path is None:
            if FORMATS[name].media_type == "application/zip" and sys.stdout.isatty():
                raise UsageError(f"{name} is binary; give a file with -o.")
            write(graph, sys.stdout.buffer, name, anonymize=anonymize)
            sys.stdout.buffer.flush()
        else:
            try:
                write(graph, path, name, anonymize=anonymize)
            except OSError as error:
                raise CaptureError(f"{path} cannot be written: {error.strerror}.") from error


def check_report_output(output: Path | None) -> Path | None:
    """The file that a report goes to, checked before anything is read; None is standard output, as Markdown.

    Raises
    ------
    UsageError
        For an unknown suffix, or a folder that does not exist.
    """
    from flowmap.report import format_of as report_format_of

    if output is None or str(output) == "-":
        return None
    report_format_of(output)
    if not output.parent.is_dir():
        raise UsageError(f"The folder {output.parent} for -o {output} does not exist.")
    return output


def write_report_output(graph: FlowGraph, target: Path | None) -> None:
    """Write the report of a graph to a file, or as Markdown to standard output."""
    from flowmap.export import document
    from flowmap.report import FORMATS as REPORT_FORMATS
    from flowmap.report import make_report, write_report

    made = make_report(document(graph))
    if target is None:
        sys.stdout.buffer.write(REPORT_FORMATS["md"].text_of(made).encode())
        sys.stdout.buffer.flush()
    else:
        write_report(made, target)


@contextmanager
def capture_paths(captures: list[str]) -> Iterator[list[Path]]:
    """The captures as files; ``-`` is copied from standard input to a temporary one."""
    if captures.count("-") > 1:
        raise UsageError("Standard input (-) can be read once only.")
    if "-" not in captures:
        yield [Path(capture) for capture in captures]
        return
    with tempfile.TemporaryDirectory(prefix="flowmap-") as folder:
        spooled = Path(folder) / "standard-input"
        limit, size = Settings().max_upload_bytes, 0
        with spooled.open("wb") as file:
            while chunk := sys.stdin.buffer.read(1 << 20):
                size += len(chunk)
                if size > limit:
                    raise LimitError(f"Standard input is larger than {limit} bytes; save it to a file first.")
                file.write(chunk)
        yield [spooled if capture == "-" else Path(capture) for capture in captures]


@contextmanager
def progress_bar() -> Iterator[Progress | None]:
    """A progress bar on a terminal's standard error, nothing elsewhere."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[packets]:,} packets"),
        TimeElapsedColumn(),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("reading", total=1.0, packets=0)

        def report(what: str, packets: int, share: float | None) -> None:
            bar.update(task, description=what, completed=share, packets=packets, total=None if share is None else 1.0)

        yield report
