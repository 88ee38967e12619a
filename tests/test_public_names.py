"""The public face is exactly what ``__all__`` says."""

from __future__ import annotations

import flowmap


def test_every_public_name_is_there():
    for name in flowmap.__all__:
        assert getattr(flowmap, name).__module__.startswith("flowmap."), name


def test_the_list_is_sorted_and_short():
    assert flowmap.__all__ == sorted(flowmap.__all__)
    assert len(flowmap.__all__) <= 12


def test_an_unknown_name_is_an_attribute_error():
    assert not hasattr(flowmap, "nonsense")
