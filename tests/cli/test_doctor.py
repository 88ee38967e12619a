"""flowmap doctor: what is broken here on purpose is what it names, with the way out."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest

from flowmap.capture.tools import find_dumpcap
from flowmap.cli.capture_right import file_capabilities
from flowmap.cli.checks import all_checks
from flowmap.settings import Settings
from tests.cli.command_line import flowmap


@pytest.fixture(autouse=True)
def own_folders(tmp_path, monkeypatch):
    monkeypatch.setenv("FLOWMAP_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("FLOWMAP_MIN_FREE_BYTES", "0")


def found(*, live=False):
    return {check.name: check for check in all_checks(live=live)}


def test_a_machine_that_has_everything(tmp_path):
    run = flowmap("doctor", "--json")
    document = json.loads(run.stdout)
    checks = {check["name"]: check for check in document["checks"]}
    assert run.returncode == 0 and document["ok"] is True
    for name in ("FlowMap", "settings", "tshark", "live capture", "kernels", "duckdb", "data folder", "limits"):
        assert checks[name]["state"] == "ok", checks[name]
    version = subprocess.run(["tshark", "--version"], capture_output=True, text=True, check=True).stdout.split()[2]
    assert checks["tshark"]["found"].startswith(version.rstrip("."))
    assert not (tmp_path / "data").exists()


def test_people_get_the_same_in_lines_with_a_conclusion(monkeypatch, tmp_path):
    (tmp_path / "data").write_text("")
    run = flowmap("doctor", FLOWMAP_TSHARK_PATH="/no/such/tshark")
    text = run.stdout.decode()
    assert run.returncode == 1 and run.stderr == b""
    assert "note    tshark           tshark was not found in /no/such/tshark; names, applications" in text
    assert "-> Debian, Ubuntu: apt install tshark" in text
    assert "MISSING data folder" in text
    assert text.rstrip().endswith("FlowMap cannot do its work before this is there: data folder.")


def test_what_is_only_missed_is_a_note_and_no_failure():
    run = flowmap("doctor", FLOWMAP_TSHARK_PATH="/no/such/tshark", FLOWMAP_DUMPCAP_PATH="/no/such/dumpcap")
    assert run.returncode == 0 and "FlowMap works; the notes above" in run.stdout.decode()
    run = flowmap("doctor", "--live", FLOWMAP_DUMPCAP_PATH="/no/such/dumpcap")
    assert run.returncode == 1 and "MISSING live capture     dumpcap is not installed" in run.stdout.decode()


@pytest.mark.parametrize(
    ("variable", "value", "state", "part"),
    [
        ("FLOWMAP_WORKERS", "many", "missing", "FLOWMAP_WORKERS: Input should be a valid integer"),
        ("FLOWMAP_VXLAN_PORTS", "4789", "missing", "FLOWMAP_VXLAN_PORTS: Input should be a valid tuple"),
        ("FLOWMAP_VXLAN_PORTS", "[", "missing", "FLOWMAP_VXLAN_PORTS should be a JSON list, like [1, 2]"),
        ("FLOWMAP_WORKRES", "2", "note", "No such setting: FLOWMAP_WORKRES"),
    ],
)
def test_settings_that_are_wrong(monkeypatch, variable, value, state, part):
    monkeypatch.setenv(variable, value)
    check = found()["settings"]
    assert check.state == state and part in check.found and check.remedy


def test_the_data_folder(monkeypatch, tmp_path):
    folder = tmp_path / "data"
    assert found()["data folder"].state == "ok"
    folder.mkdir(mode=0o755)
    check = found()["data folder"]
    assert (check.state, check.remedy) == ("note", f"chmod 700 {folder}") and "mode 0755" in check.found
    folder.chmod(0o700)
    assert found()["data folder"].state == "ok"
    monkeypatch.setenv("FLOWMAP_MIN_FREE_BYTES", str(1 << 60))
    assert found()["data folder"].state == "missing"
    monkeypatch.setenv("FLOWMAP_DATA_DIR", str(tmp_path / "[1]"))
    check = found()["data folder"]
    assert check.state == "missing" and f"{tmp_path / '[1]'} cannot hold tables: a '['" in check.found and check.remedy
    monkeypatch.setenv("FLOWMAP_DATA_DIR", "/proc/flowmap")
    check = found()["data folder"]
    assert check.state == "missing" and "install -d -m 700 -o USER /proc/flowmap" in check.remedy
    assert "chown" not in check.remedy, "what is there belongs to somebody else"


def test_another_program_is_no_tshark(monkeypatch):
    monkeypatch.setenv("FLOWMAP_TSHARK_PATH", "/bin/true")
    assert found()["tshark"].state == "note" and "tells no version" in found()["tshark"].found


def test_a_kernel_folder_that_others_may_write(monkeypatch, tmp_path):
    folder = tmp_path / "kernels"
    folder.mkdir()
    folder.chmod(0o777)
    checks = json.loads(flowmap("doctor", "--json", FLOWMAP_KERNEL_CACHE_DIR=str(folder)).stdout)["checks"]
    (check,) = [check for check in checks if check["name"] == "kernels"]
    assert check["state"] == "note" and check["remedy"] == f"chmod go-w {folder}"
    folder.chmod(0o700)
    checks = json.loads(flowmap("doctor", "--json", FLOWMAP_KERNEL_CACHE_DIR=str(folder)).stdout)["checks"]
    (check,) = [check for check in checks if check["name"] == "kernels"]
    assert check["state"] == "note" and "Not compiled yet" in check["found"] and "flowmap.warm" in check["remedy"]


def test_every_setting_is_listed():
    text = flowmap("doctor", "--settings", FLOWMAP_MAX_LIVE="7").stdout.decode()
    names = [line.partition("=")[0] for line in text.splitlines() if line.startswith("FLOWMAP_")]
    assert names == [f"FLOWMAP_{name.upper()}" for name in Settings.model_fields]
    assert "FLOWMAP_MAX_LIVE=7\n    Live captures at once." in text


# --- the right to capture; root without its privileges, so that the capabilities of the file are what counts

DEPRIVED = ("setpriv", "--securebits", "+noroot,+noroot_locked", "--inh-caps", "-all")


@pytest.fixture
def dumpcap(tmp_path):
    path = tmp_path / "dumpcap"
    shutil.copy(find_dumpcap(Settings()), path)
    path.chmod(0o755)
    return path


def live_check(dumpcap, *prefix):
    command = [*prefix, sys.executable, "-m", "flowmap", "doctor", "--live", "--json"]
    done = subprocess.run(
        command, env={**os.environ, "FLOWMAP_DUMPCAP_PATH": str(dumpcap)}, capture_output=True, timeout=120, check=False
    )
    (check,) = [check for check in json.loads(done.stdout)["checks"] if check["name"] == "live capture"]
    assert (check["state"] == "ok") == (done.returncode == 0), done.stdout
    return check


def set_capabilities(dumpcap, text):
    subprocess.run(["/usr/sbin/setcap", text, dumpcap], check=True)


def test_no_capability_and_then_one(dumpcap):
    check = live_check(dumpcap, *DEPRIVED)
    assert check["state"] == "missing" and "has no right to capture" in check["found"]
    assert f"setcap cap_net_raw,cap_net_admin+ep {dumpcap}" in check["remedy"]
    assert file_capabilities(dumpcap) == set()
    set_capabilities(dumpcap, "cap_net_raw,cap_net_admin+ep")
    assert file_capabilities(dumpcap) == {12, 13}
    assert live_check(dumpcap, *DEPRIVED)["state"] == "ok"


def test_a_capability_that_cannot_be_gained(dumpcap):
    set_capabilities(dumpcap, "cap_net_raw+ep")
    assert live_check(dumpcap, *DEPRIVED)["state"] == "ok"
    check = live_check(dumpcap, *DEPRIVED, "--no-new-privs")
    assert check["state"] == "missing" and "no_new_privileges" in check["found"]
    assert "AmbientCapabilities=CAP_NET_RAW" in check["remedy"]
    check = live_check(dumpcap, *DEPRIVED, "--bounding-set", "-all")
    assert check["state"] == "missing" and "--cap-add NET_RAW" in check["remedy"]


def test_root_with_this_one_capability_may_capture(dumpcap):
    """As in a container: dumpcap says that it cannot take more, and captures."""
    assert live_check(dumpcap, "setpriv", "--bounding-set", "-all,+net_raw")["state"] == "ok"


def test_a_dumpcap_for_a_group(dumpcap):
    os.chown(dumpcap, 1, 1)
    dumpcap.chmod(0o750)
    check = live_check(dumpcap, *DEPRIVED)
    assert check["state"] == "missing" and "group daemon" in check["found"]
    assert check["remedy"].startswith("sudo usermod -aG daemon ")
