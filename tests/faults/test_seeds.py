"""Every input that once did harm, and a small corpus beside, through the targets of ``python -m soak.fuzz``."""

from __future__ import annotations

import pytest

from soak.targets import TARGETS, examples, seeds

SEEDS = [pytest.param(name, path, id=f"{name}-{path.name}") for name in TARGETS for path in seeds(name)]


@pytest.mark.parametrize(("name", "path"), SEEDS)
def test_a_seed_does_no_harm(name, path):
    TARGETS[name].run(path.read_bytes())


@pytest.mark.parametrize("name", TARGETS)
def test_each_target_has_seeds_and_takes_what_other_tests_have(name):
    found = examples(name)
    assert found and seeds(name)
    for data in found:
        TARGETS[name].run(data)


def test_a_filter_with_a_name_in_it_would_be_found(monkeypatch):
    monkeypatch.setattr("soak.targets.check_words", lambda text, settings: None)
    TARGETS["filters"].run(b"host 10.0.0.1 and ether host 00:50:56:00:00:01 or ip6 net fe80::/64")
    with pytest.raises(AssertionError, match="evil.example"):
        TARGETS["filters"].run(b"host evil.example")
