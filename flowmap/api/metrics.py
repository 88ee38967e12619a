"""What a server counts, for Prometheus; docs/operations.md lists every name.

Counters grow as things happen (:class:`flowmap.api.journal.Journal`); what is true at one moment is looked at when
somebody asks. Labels take a few words of ours each, never a name that a packet, file or person brought.
"""

from __future__ import annotations

import shutil
from collections import Counter as Count
from collections.abc import Iterator
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Histogram, Info, disable_created_metrics
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from flowmap import __version__
from flowmap.api.caps import CAPS

if TYPE_CHECKING:
    from flowmap.api.state import ServerState

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
SOURCES = ("file", "live")
KINDS = ("analysis", "live")
ENDS = ("done", "partial", "failed", "cancelled")
MAP_STATES = ("new", "queued", "running", "live", *ENDS)
UPLOAD_KINDS = ("captures", "inventory")
UPLOAD_RESULTS = {
    201: "accepted", 400: "broken_off", 401: "not_allowed", 403: "not_allowed", 404: "no_map", 408: "stalled",
    409: "busy", 413: "too_large", 421: "not_allowed", 422: "not_readable", 429: "not_allowed", 503: "too_many",
    507: "no_room",
}  # fmt: skip
"""Status of an answer to an upload and what is counted for it; any other is ``failed``."""

_DURATIONS_S = (0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 14400, 86400)

disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each, which only says when the server started


class Metrics:
    """The counters of one server."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        Info("flowmap", "The version that runs.", registry=registry).info({"version": __version__})
        self.frames = Counter("flowmap_frames_read", "Frames read, those of a file when all are.", ["source"],
                              registry=registry)  # fmt: skip
        self.bytes = Counter("flowmap_bytes_read", "Bytes of capture files read; of a live capture its frames'.",
                             ["source"], registry=registry)  # fmt: skip
        self.dropped = Counter("flowmap_frames_dropped", "Frames of live captures that kernel or dumpcap lost.",
                               registry=registry)  # fmt: skip
        self.jobs = Counter("flowmap_jobs_ended", "Jobs by how they ended.", ["kind", "state"], registry=registry)
        self.job_s = Histogram("flowmap_job_duration_seconds", "From the start of a job to its end, without the queue.",
                               ["kind"], buckets=_DURATIONS_S, registry=registry)  # fmt: skip
        self.caps = Counter("flowmap_caps_reached", "Limits that were reached, by the setting that raises them; "
                            "once for each job or refused request.", ["cap"], registry=registry)  # fmt: skip
        self.uploads = Counter("flowmap_uploads", "Uploads by their result.", ["kind", "result"], registry=registry)
        self.answers = Counter("flowmap_http_answers", "Answers by HTTP status.", ["status"], registry=registry)
        self._begin_at_zero()
        ProcessCollector(registry=registry)

    def watch(self, state: ServerState) -> None:
        """Also tell what is true of this server when somebody asks."""
        self._registry.register(_Now(state))

    def text(self) -> bytes:
        """All of it in the Prometheus text format."""
        return generate_latest(self._registry)

    def _begin_at_zero(self) -> None:
        """A series that is missing until the first event makes rates and alarms that miss it too."""
        for source in SOURCES:
            self.frames.labels(source)
            self.bytes.labels(source)
        for kind in KINDS:
            self.job_s.labels(kind)
            for state in ENDS:
                self.jobs.labels(kind, state)
        for cap in CAPS:
            self.caps.labels(cap)
        for kind in UPLOAD_KINDS:
            for result in {*UPLOAD_RESULTS.values(), "failed"}:
                self.uploads.labels(kind, result)


class _Now(Collector):
    """What is true of a server at this moment."""

    def __init__(self, state: ServerState) -> None:
        self._state = state

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Look."""
        state = self._state
        records, jobs = state.maps.all(), state.jobs.counts()
        kept = sum(file.size_bytes for record in records for file in record.captures if file.kept and not file.path)
        states = Count(record.state for record in records)
        yield _by_state("flowmap_maps", "Maps by state.", {name: states[name] for name in MAP_STATES})
        yield _by_state("flowmap_jobs", "Jobs that wait or run.", jobs)
        yield _gauge("flowmap_live_captures", "Live captures that run.", jobs["live"])
        yield _gauge("flowmap_event_streams", "Open event streams, one for each open page.", state.event_streams)
        yield _gauge("flowmap_downloads", "Downloads of packets that run.", state.downloads)
        yield _gauge("flowmap_kept_capture_bytes", "Bytes of uploaded captures that are kept.", kept)
        yield _gauge("flowmap_loop_lag_seconds", "The worst delay of the event loop in the last minute.",
                     state.health.loop_lag.worst_s(60.0))  # fmt: skip
        yield _gauge("flowmap_healthy", "1 when /healthz says ok.", not state.health.problems())
        try:
            free = shutil.disk_usage(state.settings.data_dir).free
        except OSError:
            return  # a missing value is told by flowmap_healthy
        yield _gauge("flowmap_free_disk_bytes", "Free bytes of the disk with the data folder.", free)


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, value=value)


def _by_state(name: str, text: str, values: dict[str, int]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text, labels=["state"])
    for state, value in values.items():
        family.add_metric([state], value)
    return family
