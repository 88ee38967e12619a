"""What the process of a job may use: the bounds that the kernel keeps, and the sentence for each that was reached.

Memory is bounded by ``RLIMIT_DATA``, private memory that can be written. ``RLIMIT_AS`` would count what NumPy, Numba
and DuckDB only reserve (arenas, mapped libraries), several times what is used. At the bound an allocation fails, and
the job ends in order with its sentence. Memory that is made as shared, and what many files together use on the disk,
only shows by looking (:mod:`flowmap.api.watch`). Processor time is counted by the kernel, so that code that never comes
back is ended too.
"""

from __future__ import annotations

import errno
import resource

from flowmap.capture.bounds import bound
from flowmap.settings import Settings

BASE_BYTES = 400 << 20
WORKER_BYTES = 16 << 20
CONVERSATION_BYTES = 6_500
LEAST_CONVERSATIONS = 1_000
"""Memory of a job for its libraries and legs, each of its threads, and each conversation that is judged; measured."""

CPU_GRACE_S = 30
"""Between SIGXCPU, which tells this death from others, and SIGKILL."""

_LIMITS = {
    "memory": ("needed more than {job_memory_bytes:,} bytes of memory", "give it fewer captures"),
    "cpu": ("used more than {job_cpu_s:,} s of processor time", "give it fewer captures"),
    "wall": ("took longer than {job_wall_s:,.6g} s", "give it fewer captures"),
    "disk": ("wrote more than {job_disk_bytes:,} bytes", "give it fewer captures"),
    "stall": ("did nothing for {job_stall_s:,.6g} s", "start it again"),
}
"""What happened and one way out; the other is to raise the setting, whose name is that of the only field."""


def limit_worker(pid: int, settings: Settings, *, counts_cpu: bool = True) -> None:
    """Bound a process and everything that it will start, before it is told what to do.

    ``counts_cpu`` is False for a live capture, which ends by its own limits. On macOS what is seen by looking remains.
    """
    limits = {
        resource.RLIMIT_DATA: (settings.job_memory_bytes,) * 2,
        resource.RLIMIT_FSIZE: (settings.job_disk_bytes,) * 2,
        resource.RLIMIT_CORE: (0, 0),
    }
    if counts_cpu:
        limits[resource.RLIMIT_CPU] = (settings.job_cpu_s, settings.job_cpu_s + CPU_GRACE_S)
    bound(pid, limits)


def fitting(settings: Settings) -> Settings:
    """Settings whose ``max_conversations`` fits into the memory of a job.

    A scan or a flood makes a conversation of every packet. Those that do not fit stand in exact "others" rows; without
    this there would be no map at all.
    """
    left = settings.job_memory_bytes - BASE_BYTES - settings.workers * WORKER_BYTES
    fit = max(left // CONVERSATION_BYTES, LEAST_CONVERSATIONS)
    return settings.model_copy(update={"max_conversations": min(settings.max_conversations, fit)})


def limit_sentence(limit: str, settings: Settings, what: str = "analysis") -> str:
    """The sentence for ``memory``, ``cpu``, ``wall``, ``disk`` or ``stall``, and for a live capture ``overdue``."""
    if limit == "overdue":
        return f"The {what} did not come to its end and was ended; start it again."
    happened, way_out = _LIMITS[limit]
    name = happened[happened.index("{") + 1 : happened.index(":")]
    done = happened.format(**{name: getattr(settings, name)})
    return f"The {what} {done}, the limit of FLOWMAP_{name.upper()}; {way_out}, or raise the limit."


def resource_sentence(error: BaseException, settings: Settings, what: str = "analysis") -> str | None:
    """The sentence for an error that says that memory or disk has run out; None for every other.

    Database libraries have errors of their own for both, known here by their text; they may be the cause of another.
    """
    number = error.errno if isinstance(error, OSError) else None
    text = f"{error} {error.__cause__ or ''}".lower()
    no_thread = isinstance(error, RuntimeError) and "start new thread" in text
    if isinstance(error, MemoryError) or number == errno.ENOMEM or no_thread or "out of memory" in text:
        return limit_sentence("memory", settings, what)
    if number == errno.EFBIG or "file too large" in text:
        return limit_sentence("disk", settings, what)
    if number in (errno.ENOSPC, errno.EDQUOT) or "disk is full" in text or "no space left" in text:
        return f"The disk with the data folder is full, so the {what} ended; make room, then start it again."
    if number in (errno.EAGAIN, errno.EMFILE, errno.ENFILE):
        return f"The {what} got no further process or open file; raise the limits on them, then start it again."
    if number is not None:
        reason = f" ({error.strerror})" if isinstance(error, OSError) and error.strerror else ""
        return f"The {what} could not use the data folder{reason}; make room there or check it."
    return None
