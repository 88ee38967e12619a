"""Every limit and option once: name with its unit, default and help.

The environment variable of a setting is ``FLOWMAP_`` and its name in capitals
(``FLOWMAP_TSHARK_MEMORY_BYTES``); the command line and the documentation are made from this table.
"""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any, Literal, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

MOST_LIVE_S = 86_400
"""A live capture that everybody has forgotten ends after a day at the latest, whoever asked for it."""

_PREFIX = "FLOWMAP_"


def _default_data_dir() -> Path:
    """The folder for maps: ``$XDG_DATA_HOME/flowmap``, else ``~/.local/share/flowmap``."""
    base = os.environ.get("XDG_DATA_HOME")
    return (Path(base) if base else Path.home() / ".local" / "share") / "flowmap"


def _usable_processors() -> int:
    """The processors that this process may use, at most 8: more gain nothing."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(usable, 8)


def limit_of_group(name: str, root: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")) -> float:
    """The least limit of that name (``memory.max``, ``pids.max``) that container or systemd unit set; else infinity.

    A container is the root of what it sees; a unit is a group below it, and those above bound it too (cgroups(7)).
    """
    try:
        path = next(line[3:] for line in own.read_text().splitlines() if line.startswith("0::"))
    except (OSError, StopIteration):
        path = "/"
    least = math.inf
    for group in (Path(path), *Path(path).parents):
        try:
            least = min(least, float((root / group.relative_to("/") / name).read_text()))
        except (OSError, ValueError):
            continue  # no such group is seen from here, or it has no limit ("max")
    return least


def _memory_for_a_job() -> int:
    """Three quarters of the memory of the machine or container, at least 1 and at most 8 GiB."""
    try:
        there_is = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        there_is = 8 << 30
    there_is = int(min(there_is, limit_of_group("memory.max")))
    return min(max(there_is * 3 // 4, 1 << 30), 8 << 30)


def _default_kernel_cache_dir() -> Path:
    """The folder for compiled kernels: ``$XDG_CACHE_HOME/flowmap/kernels``, else below ``~/.cache``."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "flowmap" / "kernels"


class Settings(BaseModel):
    """Limits and options of one process: as stated, else as in the environment, else the default.

    In the environment a tuple is a JSON list (``FLOWMAP_VXLAN_PORTS='[4789, 8472]'``).
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    # --- reading a capture
    tshark_path: str = Field(default="", description="Absolute path of tshark; empty: found in the system folders.")
    dumpcap_path: str = Field(default="", description="Absolute path of dumpcap; empty: found in the system folders.")
    tshark_memory_bytes: int = Field(default=2 << 30, description="Address space that one tshark may take.")
    tshark_cpu_s: int = Field(default=900, description="Processor seconds that one tshark may use.")
    tshark_stall_s: float = Field(default=60.0, description="Seconds without output after which tshark is ended.")
    tshark_wall_s: float = Field(default=1800.0, description="Seconds after which one tshark is ended.")
    max_decompressed_bytes: int = Field(
        default=64 << 30, ge=1, description="Bytes that a compressed capture may hold when decompressed."
    )
    max_decompression_ratio: int = Field(
        default=500,
        ge=1,
        description="Times its size that a capture may expand to beyond 64 MiB; zstd: ten times that.",
    )
    workers: int = Field(
        default_factory=_usable_processors, ge=1, description="Threads that read one capture; the result is the same."
    )
    kernel_cache_dir: Path = Field(
        default_factory=_default_kernel_cache_dir,
        description="Where compiled kernels are kept; nobody else may write it.",
    )
    batch_packets: int = Field(default=8192, description="Rows of one PacketBatch.")
    encapsulation_depth: int = Field(
        default=16, description="Encapsulation layers followed before a packet counts as too deep."
    )
    max_points: int = Field(default=4096, description="Capture points kept apart; further ones share one point.")
    vxlan_ports: tuple[int, ...] = Field(default=(4789, 8472), description="UDP destination ports read as VXLAN.")
    geneve_ports: tuple[int, ...] = Field(default=(6081,), description="UDP destination ports read as Geneve.")
    max_names: int = Field(default=100_000, description="Distinct names from packets kept.")
    name_frames: int = Field(
        default=50_000, ge=0, description="Frames of a capture that are searched for names and applications."
    )
    name_bytes: int = Field(default=64 << 20, ge=0, description="Captured bytes of those frames.")
    name_seconds: float = Field(default=20.0, gt=0, description="Seconds after which the search for names ends.")
    name_services: int = Field(
        default=8192, ge=1, le=1 << 17, description="Services of which conversations are searched for names."
    )

    # --- legs and conversations
    copy_window_ns: int = Field(
        default=20_000_000, description="Equal packets on one leg within this time are copies when they carry an IP id."
    )
    copy_window_no_id_ns: int = Field(
        default=1_000_000, description="The same for packets without an IP id (IPv6, or id 0)."
    )
    max_legs: int = Field(
        default=2_000_000, description="Legs kept; packets of further ones stand in exact 'others' rows."
    )
    max_conversations: int = Field(
        default=200_000,
        ge=1,
        description="Conversations judged, those with most bytes; the rest stands in exact 'others' rows. "
        "A server judges fewer where they do not fit into job_memory_bytes.",
    )
    max_slices: int = Field(
        default=4096, description="Time buckets of the whole map; the width doubles when they run out."
    )
    slice_ns: int = Field(default=1_000_000_000, description="Width of a time bucket at the start.")

    # --- inventory and verdicts
    inventory_fresh_s: int = Field(
        default=86_400, description="An inventory older or newer than the capture by more than this is stale."
    )
    max_inventory_bytes: int = Field(default=64 << 20, description="Size of one inventory file.")
    max_inventory_rows: int = Field(default=200_000, description="Rows of one inventory file.")

    # --- the graph
    max_external_nodes: int = Field(
        default=1_000, description="Peers outside kept by name; the rest folds into group:outside."
    )
    max_nodes: int = Field(default=20_000, description="Nodes of a graph document; the rest folds into group:others.")
    max_edges: int = Field(default=50_000, description="Edges of a graph document; the rest folds into group:others.")

    # --- server
    data_dir: Path = Field(default_factory=_default_data_dir, description="Where maps, uploads and captures are kept.")
    max_upload_bytes: int = Field(default=4 << 30, description="Size of one uploaded capture.")
    min_free_bytes: int = Field(default=1 << 30, description="Free disk space below which uploads are refused.")
    upload_stall_s: float = Field(
        default=60.0,
        gt=0,
        description="An upload of which too little arrives in this many seconds is dropped, and so "
        "is a download of which nothing is taken.",
    )
    upload_least_bytes: int = Field(default=64 << 10, ge=1, description="How much has to arrive of it in that time.")
    max_uploads: int = Field(default=32, ge=1, description="Uploads at once.")
    keep_captures_s: int = Field(
        default=7 * 86_400, description="Seconds an uploaded capture is kept; 0: deleted after analysis."
    )
    keep_captures_bytes: int = Field(default=10 << 30, description="Bytes of captures kept; the oldest go first.")
    keep_maps_s: int = Field(
        default=0,
        ge=0,
        description="Seconds after its last result after which a whole map is deleted; 0: never.",
    )
    keep_maps_bytes: int = Field(
        default=0, ge=0, description="Bytes of all maps on disk, captures included; the oldest go first; 0: no limit."
    )
    store_memory_bytes: int = Field(
        default=512 << 20, ge=64 << 20, description="Memory of the questions to one map; four maps are kept open."
    )
    max_download_bytes: int = Field(default=256 << 20, ge=1, description="Size of the packets of a pair as a download.")
    max_downloads: int = Field(default=2, ge=1, description="Such downloads at once; each reads the captures again.")
    max_maps: int = Field(default=1_000, description="Maps listed and kept.")
    max_event_streams: int = Field(default=32, description="Event streams served at once.")
    allowed_hosts: tuple[str, ...] = Field(
        default=("127.0.0.1", "localhost", "[::1]"), description="Host names a request may carry."
    )
    behind_tls: bool = Field(
        default=False, description="A proxy with TLS stands before the server: the cookie is for https alone."
    )

    # --- the log
    log_to: Literal["file", "stderr"] = Field(
        default="file", description="Where events go: server.log in the data folder, or standard error (journald)."
    )
    log_format: Literal["text", "json"] = Field(default="text", description="How a line of the log looks.")
    log_bytes: int = Field(default=4 << 20, ge=1 << 12, description="Size at which server.log is put aside.")
    log_files: int = Field(default=4, ge=1, le=100, description="Such older logs kept.")

    # --- jobs: analyses and live captures, each in a process of its own
    max_jobs: int = Field(default=1, ge=1, description="Analyses at once; each uses all 'workers'.")
    max_queued: int = Field(default=100, ge=1, description="Analyses that may wait for their turn.")
    job_memory_bytes: int = Field(
        default_factory=_memory_for_a_job,
        ge=256 << 20,
        description="Memory that a job may allocate, its tools apart; default: 3/4 of what there is, at most 8 GiB.",
    )
    job_cpu_s: int = Field(default=3600, ge=1, description="Processor seconds that an analysis may use.")
    job_wall_s: float = Field(default=3600.0, gt=0, description="Seconds after which an analysis is ended.")
    job_stall_s: float = Field(
        default=180.0, gt=0, description="Seconds without progress and without work after which an analysis is ended."
    )
    job_disk_bytes: int = Field(
        default=8 << 30, ge=1 << 20, description="Bytes that a job may add to its map's folder."
    )

    # --- live
    max_live: int = Field(default=2, ge=0, description="Live captures at once.")
    live_seconds: int = Field(
        default=300,
        ge=1,
        le=MOST_LIVE_S,
        description=f"A live capture ends after this many seconds, {MOST_LIVE_S:,} (24 h) at most.",
    )
    live_unwatched_s: float = Field(
        default=0.0,
        ge=0,
        description="Seconds after which a live capture ends that nobody has open or asks for; 0: it is left alone.",
    )
    live_bytes: int = Field(default=1 << 30, ge=1, description="A live capture ends after this many bytes.")
    live_packets: int = Field(default=10_000_000, ge=1, description="A live capture ends after this many packets.")
    max_live_interfaces: int = Field(default=8, ge=1, description="Interfaces of one live capture.")
    live_queue_bytes: int = Field(
        default=256 << 20, ge=1 << 20, description="Captured bytes that wait in memory while a live map is made."
    )
    live_ring_bytes: int = Field(
        default=1 << 30, ge=1 << 20, description="Bytes of packets that a live capture keeps; the oldest go first."
    )
    live_ring_files: int = Field(default=16, ge=2, le=10_000, description="Files that these packets are spread over.")
    live_interval_s: float = Field(default=0.5, description="Seconds between two updates of a live map.")
    max_filter_chars: int = Field(default=2048, description="Length of a capture filter.")

    @model_validator(mode="before")
    @classmethod
    def _with_environment(cls, stated: dict[str, Any]) -> dict[str, Any]:
        values = dict(stated)
        for name in cls.model_fields:
            text = os.environ.get(_PREFIX + name.upper())
            if text is not None and name not in stated:
                values[name] = _value(cls, name, text)
        return values


def _value(settings: type[Settings], name: str, text: str) -> object:
    """What stands in the environment for a setting, for pydantic to check and convert."""
    if get_origin(settings.model_fields[name].annotation) is not tuple:
        return text
    try:
        return json.loads(text)
    except ValueError as error:
        raise ValueError(f"{_PREFIX}{name.upper()} should be a JSON list, like [1, 2]") from error


def wrong_setting(error: ValidationError) -> tuple[str, str]:
    """The variable that :class:`Settings` refused ("" where it is told in what follows), and what is wrong with it."""
    first = error.errors()[0]
    name = str(first["loc"][0]) if first["loc"] else ""
    return f"{_PREFIX}{name.upper()}" if name else "", str(first["msg"]).removeprefix("Value error, ")
