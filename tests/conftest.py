"""What every test shares: how Hypothesis runs."""

import os

import pytest
from hypothesis import settings

# No deadline: a slow machine is no failure. In CI the examples are the same every time.
settings.register_profile("default", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "default")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest test first, so that with two workers nothing long is left for the end."""
    items.sort(key=lambda item: "test_conformance" not in item.nodeid)
