"""Every error that FlowMap raises on purpose.

    FlowMapError
    +-- CaptureError        nothing of a capture could be read or started     exit 1
    |   +-- ToolError       tshark, dumpcap or the compiler is missing, too old or not allowed
    |   +-- InterfaceError  an interface is not there, or not switched on
    +-- InventoryError      an inventory or points file cannot be used        exit 1
    +-- UsageError          the command line, filter or pair is wrong         exit 2
    +-- LimitError          a stated limit was reached and the job ended      exit 1

A message is one sentence that names the thing, the place and the way out. Damage after the first
packet is no error: it is a :class:`flowmap.capture.Outcome` with ``complete`` false (exit 3).
"""

from __future__ import annotations


class FlowMapError(Exception):
    """The root; its text is shown to people as it is."""

    exit_code = 1


class CaptureError(FlowMapError):
    """A capture of which not one packet can be read, or a live capture that cannot start."""


class ToolError(CaptureError):
    """tshark, dumpcap or the kernels' compiler is missing, cannot be run, or ended with nothing to show."""


class InterfaceError(CaptureError):
    """An interface that is not there (any more), or not switched on."""


class InventoryError(FlowMapError):
    """An inventory or points file that cannot be understood."""


class UsageError(FlowMapError):
    """The request itself is wrong: an option, a filter, a pair that matches nothing or several."""

    exit_code = 2


class LimitError(FlowMapError):
    """A stated limit (size, time, memory) ended the work."""
