"""The commands. Heavy modules are imported where they are used, so that ``--help`` is quick."""

from __future__ import annotations

import gc
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from flowmap.capture.points import Statements
    from flowmap.inventory import Inventory
    from flowmap.pipeline import FlowMap
    from flowmap.reading import Reading

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Which VM-to-VM traffic never left its host, told from captures of vSwitch mirror ports.",
)


class Format(StrEnum):
    """Document formats of ``-o``."""

    json = "json"
    graphml = "graphml"
    gexf = "gexf"
    csv = "csv"
    parquet = "parquet"
    html = "html"


class Reader(StrEnum):
    """Ways to read packets."""

    auto = "auto"
    header = "header"
    pyshark = "pyshark"


class LeftHost(StrEnum):
    """The plain words above the verdicts."""

    stayed = "stayed"
    left = "left"
    mixed = "mixed"
    undetermined = "undetermined"


Captures = Annotated[
    list[str],
    typer.Argument(
        help="Capture files (pcap, pcapng, also .gz and .zst), or - for standard input.", metavar="CAPTURE..."
    ),
]
InventoryFiles = Annotated[
    list[Path] | None,
    typer.Option(
        "--inventory",
        help="Which VM is on which host: RVTools, PowerCLI, govc, virsh, ovs-vsctl, CSV, YAML, JSON... Repeatable.",
        metavar="FILE",
    ),
]
PointsFile = Annotated[
    Path | None, typer.Option("--points", help="What the capture points are (flowmap-points.yaml).", metavar="FILE")
]
PointOptions = Annotated[
    list[str] | None,
    typer.Option("--point", help="One capture point: FILE:IFACE=host:NAME,role:ROLE. Repeatable.", metavar="POINT"),
]
ReaderOption = Annotated[
    Reader,
    typer.Option(
        "--reader", help="How packets are read: auto chooses header, our own kernels, wherever they know the file."
    ),
]


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version and leave.", is_eager=True)] = False,
) -> None:
    if version:
        from flowmap import __version__

        print(f"flowmap {__version__}")
        raise typer.Exit


@app.command()
def analyze(
    captures: Captures,
    inventory: InventoryFiles = None,
    points: PointsFile = None,
    point: PointOptions = None,
    output: Annotated[
        list[str] | None,
        typer.Option(
            "-o",
            "--output",
            help="Where the graph goes; the suffix chooses the format, - is standard output. Repeatable.",
            metavar="OUT",
        ),
    ] = None,
    format: Annotated[
        Format | None, typer.Option("--format", help="The format, where the suffix does not tell.")
    ] = None,
    reader: ReaderOption = Reader.auto,
    hash: Annotated[bool, typer.Option("--hash", help="Note the SHA-256 of each capture in the document.")] = False,
) -> None:
    """Make the map of some captures: a summary here, the graph in files."""
    from flowmap.cli.output import check_outputs, write_outputs

    targets = check_outputs(output or [], format.value if format else None)
    flow_map = _map(captures, inventory, points, point, reader=reader.value, hash_files=hash)
    from flowmap.cli.summary import print_summary

    write_outputs(flow_map.graph, targets)
    print_summary(flow_map, file=sys.stderr if any(path is None for path, _ in targets) else sys.stdout)
    _leave_with(flow_map.reading)


@app.command()
def pairs(
    captures: Captures,
    left_host: Annotated[LeftHost | None, typer.Option("--left-host", help="Only pairs with this answer.")] = None,
    top: Annotated[int, typer.Option("--top", min=1, help="Pairs shown, most bytes first.")] = 50,
    format: Annotated[str, typer.Option("--format", help="table or json.", metavar="table|json")] = "table",
    inventory: InventoryFiles = None,
    points: PointsFile = None,
    point: PointOptions = None,
    reader: ReaderOption = Reader.auto,
) -> None:
    """List who talks to whom, and whether it left the host."""
    from flowmap.errors import UsageError

    if format not in ("table", "json"):
        raise UsageError(f"--format '{format}' is not known here; it may be table or json.")
    flow_map = _map(captures, inventory, points, point, reader=reader.value)
    from flowmap.cli.summary import edges_by_bytes, print_json, print_pairs

    edges = edges_by_bytes(flow_map.graph, left_host.value if left_host else None)
    if format == "json":
        print_json([{"source": source, "target": target, **edge} for source, target, edge in edges[:top]])
    else:
        print_pairs(flow_map.graph, edges, top)
    _leave_with(flow_map.reading)


@app.command()
def explain(
    captures: Captures,
    pair: Annotated[
        tuple[str, str], typer.Option("--pair", help="Two VMs, by name, address, MAC or node id.", metavar="A B")
    ],
    format: Annotated[str, typer.Option("--format", help="text or json.", metavar="text|json")] = "text",
    inventory: InventoryFiles = None,
    points: PointsFile = None,
    point: PointOptions = None,
    reader: ReaderOption = Reader.auto,
) -> None:
    """Show the evidence for the verdict of one pair."""
    flow_map = _map(captures, inventory, points, point, reader=reader.value)
    from flowmap.cli.explanation import print_explanation
    from flowmap.cli.summary import print_json
    from flowmap.settings import Settings
    from flowmap.views import find_edge, pair_detail

    detail = pair_detail(flow_map, *find_edge(flow_map, *pair), Settings())
    if format == "json":
        print_json(detail)
    else:
        print_explanation(detail)
    _leave_with(flow_map.reading)


@app.command()
def report(
    captures: Captures,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            help="Where it goes: .md, .html (one file, for a browser or a printer) or .json; - is standard output.",
            metavar="FILE",
        ),
    ] = None,
    inventory: InventoryFiles = None,
    points: PointsFile = None,
    point: PointOptions = None,
    reader: ReaderOption = Reader.auto,
    hash: Annotated[bool, typer.Option("--hash", help="Note the SHA-256 of each capture in the report.")] = False,
) -> None:
    """Write the blind-spot report: what was not seen, the figures, what stayed, hairpins, and the evidence."""
    from flowmap.cli.output import check_report_output, write_report_output

    target = check_report_output(output)
    flow_map = _map(captures, inventory, points, point, reader=reader.value, hash_files=hash)
    write_report_output(flow_map.graph, target)
    _leave_with(flow_map.reading)


@app.command()
def conversations(
    captures: Captures,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="All of them as CSV; - is standard output.", metavar="OUT")
    ] = None,
    top: Annotated[int, typer.Option("--top", min=1, help="Conversations shown, most bytes first.")] = 20,
    reader: ReaderOption = Reader.auto,
) -> None:
    """List the conversations, each packet counted once, without names and verdicts: the quickest look."""
    from flowmap.cli.conversations import show_conversations

    reading = _read(captures, names=False, reader=reader.value)
    show_conversations(reading, output, top)
    _leave_with(reading)


@app.command()
def inventory(
    files: Annotated[list[Path], typer.Argument(help="Inventory files.", metavar="FILE...")],
) -> None:
    """Show what is recognised in inventory files, with its age: conflicts first, then row by row."""
    from flowmap.cli.inventory import print_inventory
    from flowmap.inventory import inventory_files, join_files
    from flowmap.settings import Settings

    settings = Settings()
    read = inventory_files(files, max_bytes=settings.max_inventory_bytes, max_rows=settings.max_inventory_rows)
    print_inventory(read, join_files(read))


@app.command()
def serve(
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="Port; the next free one if it is taken, 0 for any.")
    ] = 8080,
    data_dir: Annotated[
        Path | None, typer.Option("--data-dir", help="Where maps and captures are kept.", metavar="DIR")
    ] = None,
    open_captures: Annotated[
        list[Path] | None,
        typer.Option("--open", help="A capture that is open on the page at once. Repeatable.", metavar="CAPTURE"),
    ] = None,
    inventory: InventoryFiles = None,
    points: PointsFile = None,
    point: PointOptions = None,
    allow_remote: Annotated[
        bool, typer.Option("--allow-remote", help="Allow an address other than loopback; put TLS before it.")
    ] = False,
) -> None:
    """Serve the page: upload a capture, see the map, capture live."""
    from flowmap.api.serve import serve as run
    from flowmap.settings import Settings

    settings = Settings().model_copy(update={"data_dir": data_dir} if data_dir else {})
    run(
        settings, host, port, open_paths=open_captures or [], inventory=inventory or [],
        statements=_statements(points, point), allow_remote=allow_remote, say=lambda text: print(text, flush=True),
    )  # fmt: skip


@app.command()
def live(
    interface: Annotated[
        str,
        typer.Option(
            "-i", "--interface", help="Interface to capture on, - for a capture on standard input.", metavar="IFACE"
        ),
    ],
    filter: Annotated[
        str, typer.Option("--filter", help="Capture filter, as tcpdump takes it, without host names.", metavar="BPF")
    ] = "",
    seconds: Annotated[int | None, typer.Option("--seconds", min=1, help="End after so many seconds.")] = None,
    output: Annotated[
        list[str] | None, typer.Option("-o", "--output", help="Where the graph goes at the end.", metavar="OUT")
    ] = None,
    format: Annotated[
        Format | None, typer.Option("--format", help="The format, where the suffix does not tell.")
    ] = None,
    inventory: InventoryFiles = None,
    points: PointsFile = None,
    point: PointOptions = None,
) -> None:
    """Capture on an interface and print the map at the end (Ctrl-C ends it, too)."""
    from flowmap.cli.live import run_live
    from flowmap.cli.output import check_outputs

    targets = check_outputs(output or [], format.value if format else None)
    run_live(interface, filter, seconds, targets, _inventory(inventory), _statements(points, point))


@app.command()
def interfaces() -> None:
    """List the interfaces that can be captured on."""
    from flowmap.capture.interfaces import interfaces as list_interfaces
    from flowmap.cli.summary import print_interfaces

    print_interfaces(list_interfaces())


def _map(
    captures: list[str],
    inventory: list[Path] | None,
    points: Path | None,
    point: list[str] | None,
    **options: Any,
) -> FlowMap:
    """Read and judge; inventory and points are checked first, so that a typing mistake costs no reading."""
    from flowmap.settings import Settings

    known, statements = _inventory(inventory), _statements(points, point)
    reading = _read(captures, counted=_load_the_rest, **options)
    from flowmap.pipeline import make_map

    return make_map(reading, known, statements, Settings(), ", ".join(info.file for info, _ in reading.captures))


def _read(captures: list[str], **options: Any) -> Reading:
    """Read the captures, with a progress bar on a terminal."""
    from flowmap.cli.output import capture_paths, progress_bar
    from flowmap.reading import read_captures
    from flowmap.settings import Settings
    from flowmap.warm import prepare_kernels

    gc.set_threshold(200_000, 20, 20)  # a short life: walking every leg again and again is not worth it
    if options.get("reader") != Reader.pyshark.value:
        prepare_kernels(lambda text: print(f"flowmap: {text}", file=sys.stderr, flush=True))
    with capture_paths(captures) as paths, progress_bar() as progress:
        return read_captures(paths, Settings(), progress=progress, **options)


def _load_the_rest(reading: object) -> None:
    """Import what judging and printing need while tshark looks for names: it takes as long."""
    import flowmap.cli.summary
    import flowmap.export.node_link
    import flowmap.pipeline  # noqa: F401


def _inventory(files: list[Path] | None) -> Inventory:
    from flowmap.inventory import Inventory, read_inventory
    from flowmap.settings import Settings

    settings = Settings()
    if not files:
        return Inventory([])
    return read_inventory(files, max_bytes=settings.max_inventory_bytes, max_rows=settings.max_inventory_rows)


def _statements(points: Path | None, options: list[str] | None) -> Statements:
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


def _leave_with(reading: Reading) -> None:
    """Exit 3 with the sentence of each capture that is damaged."""
    for sentence in reading.damage:
        print(f"flowmap: {sentence}", file=sys.stderr)
    if not reading.complete:
        raise typer.Exit(3)
