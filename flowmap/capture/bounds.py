"""Bounds that the kernel keeps for a process that was just started (setrlimit(2))."""

from __future__ import annotations

import resource
from collections.abc import Mapping


def bound(pid: int, limits: Mapping[int, tuple[int, int]]) -> None:
    """Set soft and hard limits by ``resource.RLIMIT_*``, as far as those of the process allow.

    Nothing happens where the system has no prlimit(2) (macOS), and nothing more once the process is gone.
    """
    if not hasattr(resource, "prlimit"):
        return
    for what, (soft, hard) in limits.items():
        try:
            ceiling = resource.prlimit(pid, what)[1]
            if ceiling != resource.RLIM_INFINITY:
                soft, hard = min(soft, ceiling), min(hard, ceiling)
            resource.prlimit(pid, what, (soft, hard))
        except ProcessLookupError:
            return
