"""What a case of :mod:`soak` has found, as the outcome of a test."""

from __future__ import annotations

import pytest


def passed(report):
    """A report without failures; what the machine does not allow is skipped with its reason."""
    if report.skipped:
        pytest.skip(report.skipped)
    assert report.failures == []
    return report
