"""Settings: stated values, the environment, defaults, and what is not allowed."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from flowmap.settings import Settings, limit_of_group


def test_the_environment_replaces_defaults(monkeypatch):
    monkeypatch.setenv("FLOWMAP_MAX_LEGS", "5")
    monkeypatch.setenv("FLOWMAP_NAME_SECONDS", "1.5")
    monkeypatch.setenv("FLOWMAP_TSHARK_PATH", "/opt/tshark")
    monkeypatch.setenv("FLOWMAP_DATA_DIR", "/srv/maps")
    settings = Settings()
    assert (settings.max_legs, settings.name_seconds, settings.tshark_path) == (5, 1.5, "/opt/tshark")
    assert settings.data_dir == Path("/srv/maps")
    assert settings.max_nodes == Settings.model_fields["max_nodes"].default


def test_it_is_read_anew_each_time(monkeypatch):
    before = Settings()
    monkeypatch.setenv("FLOWMAP_MAX_LEGS", "5")
    assert Settings().max_legs == 5 != before.max_legs


def test_what_is_stated_wins_over_the_environment(monkeypatch):
    monkeypatch.setenv("FLOWMAP_MAX_LEGS", "5")
    assert Settings(max_legs=6).max_legs == 6
    assert Settings().model_copy(update={"max_legs": 7}).max_legs == 7


def test_a_wrong_value_is_not_looked_at_where_another_is_stated(monkeypatch):
    monkeypatch.setenv("FLOWMAP_MAX_LEGS", "many")
    monkeypatch.setenv("FLOWMAP_VXLAN_PORTS", "[")
    settings = Settings(max_legs=6, vxlan_ports=(1,))
    assert (settings.max_legs, settings.vxlan_ports) == (6, (1,))


def test_tuples_are_json(monkeypatch):
    monkeypatch.setenv("FLOWMAP_VXLAN_PORTS", "[1, 2]")
    monkeypatch.setenv("FLOWMAP_GENEVE_PORTS", "[]")
    monkeypatch.setenv("FLOWMAP_ALLOWED_HOSTS", '["flowmap.example"]')
    settings = Settings()
    assert (settings.vxlan_ports, settings.geneve_ports) == ((1, 2), ())
    assert settings.allowed_hosts == ("flowmap.example",)


@pytest.mark.parametrize(
    ("name", "text", "part"),
    [
        ("MAX_LEGS", "many", "max_legs\n  Input should be a valid integer"),
        ("MAX_LEGS", "", "max_legs\n  Input should be a valid integer"),
        ("WORKERS", "0", "workers\n  Input should be greater than or equal to 1"),
        ("VXLAN_PORTS", "4789", "vxlan_ports\n  Input should be a valid tuple"),
        ("VXLAN_PORTS", "4789,8472", "FLOWMAP_VXLAN_PORTS should be a JSON list"),
        ("LIVE_SECONDS", "0", "live_seconds\n  Input should be greater than or equal to 1"),
        ("LIVE_SECONDS", "-300", "live_seconds\n  Input should be greater than or equal to 1"),
        ("LIVE_SECONDS", "86401", "live_seconds\n  Input should be less than or equal to 86400"),
        ("LIVE_BYTES", "0", "live_bytes\n  Input should be greater than or equal to 1"),
        ("LIVE_BYTES", "-1", "live_bytes\n  Input should be greater than or equal to 1"),
        ("LIVE_PACKETS", "0", "live_packets\n  Input should be greater than or equal to 1"),
        ("LIVE_PACKETS", "-1", "live_packets\n  Input should be greater than or equal to 1"),
        ("MAX_LIVE", "-1", "max_live\n  Input should be greater than or equal to 0"),
    ],
)
def test_a_wrong_value_is_refused_with_its_name(monkeypatch, name, text, part):
    monkeypatch.setenv("FLOWMAP_" + name, text)
    with pytest.raises(ValidationError) as refused:
        Settings()
    assert part in str(refused.value)


def test_the_ends_of_what_a_live_capture_may_be_are_allowed(monkeypatch):
    assert [Settings(live_seconds=seconds).live_seconds for seconds in (1, 24 * 60 * 60)] == [1, 86_400]
    monkeypatch.setenv("FLOWMAP_LIVE_BYTES", "1")
    monkeypatch.setenv("FLOWMAP_LIVE_PACKETS", "1")
    monkeypatch.setenv("FLOWMAP_MAX_LIVE", "0")
    settings = Settings()
    assert (settings.live_bytes, settings.live_packets, settings.max_live) == (1, 1, 0)


def test_other_names_mean_nothing(monkeypatch):
    monkeypatch.setenv("MAX_LEGS", "5")
    monkeypatch.setenv("FLOWMAP_NONSENSE", "5")
    assert Settings() == Settings(max_legs=Settings.model_fields["max_legs"].default)


def test_a_worker_gets_the_same_settings_as_json(tmp_path):
    settings = Settings(data_dir=tmp_path, vxlan_ports=(1,), workers=3)
    assert Settings(**settings.model_dump(mode="json")) == settings


def test_settings_do_not_change():
    with pytest.raises(ValidationError):
        Settings().max_legs = 5


@pytest.mark.parametrize(
    ("own", "limits", "expected"),
    [
        ("0::/system.slice/flowmap.service\n", {"system.slice/flowmap.service": "4294967296"}, 4 << 30),
        ("0::/system.slice/flowmap.service\n", {"system.slice/flowmap.service": "max", "system.slice": "77"}, 77),
        ("0::/\n", {"": "99"}, 99),
        ("0::/\n", {}, float("inf")),
        ("9:memory:/a\n", {"": "99", "a": "1"}, 99),
    ],
)
def test_a_unit_and_those_around_it_bound_what_there_is(tmp_path, own, limits, expected):
    for group, text in limits.items():
        (tmp_path / "groups" / group).mkdir(parents=True, exist_ok=True)
        (tmp_path / "groups" / group / "memory.max").write_text(text + "\n")
    (tmp_path / "own").write_text(own)
    assert limit_of_group("memory.max", tmp_path / "groups", tmp_path / "own") == expected
