"""The commands. Heavy modules are imported where they are used, so that ``--help`` is quick."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flowmap.cli.given import inventory_of, leave_with, map_of, reading_of, statements_of

if TYPE_CHECKING:
    pass

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
    anonymize: Annotated[
        bool, typer.Option("--anonymize", help="Pseudonyms for addresses and names in what -o writes.")
    ] = False,
) -> None:
    """Make the map of some captures: a summary here, the graph in files."""
    from flowmap.cli.output import check_outputs, write_outputs

    targets = check_outputs(output or [], format.value if format else None)
    flow_map = map_of(captures, inventory, points, point, reader=reader.value, hash_files=hash)
    from flowmap.cli.summary import print_summary

    write_outputs(flow_map.graph, targets, anonymize=anonymize)
    print_summary(flow_map, file=sys.stderr if any(path is None for path, _ in targets) else sys.stdout)
    leave_with(flow_map.reading)


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
    flow_map = map_of(captures, inventory, points, point, reader=reader.value)
    from flowmap.cli.summary import edges_by_bytes, print_json, print_pairs

    edges = edges_by_bytes(flow_map.graph, left_host.value if left_host else None)
    if format == "json":
        print_json([{"source": source, "target": target, **edge} for source, target, edge in edges[:top]])
    else:
        print_pairs(flow_map.graph, edges, top)
    leave_with(flow_map.reading)


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
    flow_map = map_of(captures, inventory, points, point, reader=reader.value)
    from flowmap.cli.explanation import print_explanation
    from flowmap.cli.summary import print_json
    from flowmap.settings import Settings
    from flowmap.views import find_edge, pair_detail

    detail = pair_detail(flow_map, *find_edge(flow_map, *pair), Settings())
    if format == "json":
        print_json(detail)
    else:
        print_explanation(detail)
    leave_with(flow_map.reading)


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
    flow_map = map_of(captures, inventory, points, point, reader=reader.value, hash_files=hash)
    write_report_output(flow_map.graph, target)
    leave_with(flow_map.reading)


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

    reading = reading_of(captures, names=False, reader=reader.value)
    show_conversations(reading, output, top)
    leave_with(reading)


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
    allowed_host: Annotated[
        list[str] | None,
        typer.Option(
            "--allowed-host", help="A name that browsers may ask for, such as a proxy's. Repeatable.", metavar="NAME"
        ),
    ] = None,
    behind_tls: Annotated[
        bool, typer.Option("--behind-tls", help="A proxy with TLS stands before it: the cookie is for https alone.")
    ] = False,
) -> None:
    """Serve the page: upload a capture, see the map, capture live."""
    from flowmap.api.serve import serve as run
    from flowmap.settings import Settings

    stated: dict[str, Any] = {"data_dir": data_dir} if data_dir else {}
    run(
        Settings().model_copy(update=stated | ({"behind_tls": True} if behind_tls else {})), host, port,
        open_paths=open_captures or [], inventory=inventory or [], statements=statements_of(points, point),
        allow_remote=allow_remote, allowed_hosts=allowed_host or [], say=lambda text: print(text, flush=True),
    )  # fmt: skip


@app.command()
def live(
    interface: Annotated[
        list[str],
        typer.Option(
            "-i",
            "--interface",
            help="Interface to capture on, repeatable; or - for a pcap or pcapng stream on standard input.",
            metavar="IFACE",
        ),
    ],
    filter: Annotated[
        str, typer.Option("--filter", help="Capture filter, as tcpdump takes it, without host names.", metavar="BPF")
    ] = "",
    seconds: Annotated[
        int | None, typer.Option("--seconds", min=1, help="End after so many seconds, a day (86400) at most.")
    ] = None,
    packets: Annotated[int | None, typer.Option("--packets", min=1, help="End after so many packets.")] = None,
    keep: Annotated[
        Path | None,
        typer.Option("--keep", help="Folder in which the last packets are kept, as a ring of files.", metavar="DIR"),
    ] = None,
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
    """Capture on interfaces and print the map at the end (Ctrl-C ends it, too)."""
    from flowmap.capture.live import LiveLimits
    from flowmap.cli.live import run_live
    from flowmap.cli.output import check_outputs
    from flowmap.errors import UsageError
    from flowmap.settings import MOST_LIVE_S, Settings

    if seconds and seconds > MOST_LIVE_S:
        raise UsageError(f"A live capture lasts a day (--seconds {MOST_LIVE_S}) at most; start the next one after it.")
    settings = Settings()
    limits = LiveLimits(seconds or settings.live_seconds, settings.live_bytes, packets or settings.live_packets)
    targets = check_outputs(output or [], format.value if format else None)
    run_live(interface, filter, limits, keep, targets, inventory_of(inventory), statements_of(points, point))


@app.command()
def interfaces() -> None:
    """List the interfaces that can be captured on."""
    from flowmap.capture.interfaces import interfaces as list_interfaces
    from flowmap.cli.summary import print_interfaces

    print_interfaces(list_interfaces())


@app.command()
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="The same for programs.")] = False,
    live: Annotated[bool, typer.Option("--live", help="Count the right to capture among what is needed.")] = False,
    settings: Annotated[bool, typer.Option("--settings", help="List every setting and its value instead.")] = False,
) -> None:
    """Say what is missing on this machine and how to get it; exit 1 when something that is needed is."""
    from flowmap.cli.doctor import print_settings, run_doctor

    if settings:
        print_settings()
    elif not run_doctor(as_json=as_json, live=live):
        raise typer.Exit(1)
