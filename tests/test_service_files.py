"""The unit, the images and the examples: what they name exists, nobody is root, and nothing secret is in them."""

from __future__ import annotations

import configparser
import re
import shlex
import shutil
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest
import yaml

from flowmap.settings import Settings

ROOT = Path(__file__).parent.parent
PACKAGING = ROOT / "packaging"
UNIT = PACKAGING / "flowmap.service"
SECRET = re.compile(r"(?i)(password|passwd|secret|api_?key|token)\s*[=:]\s*\S|-----BEGIN|[0-9a-f]{40}")
CREDENTIAL_PATHS = ("/run/flowmap/metrics-token", "/var/lib/flowmap/token")


def packaged_files():
    return [ROOT / "Dockerfile", *(path for path in PACKAGING.rglob("*") if path.is_file())]


def options_of(command):
    """The long options that a command of flowmap knows."""
    done = subprocess.run(
        [sys.executable, "-m", "flowmap", command, "--help"], capture_output=True, text=True, check=True, timeout=60,
        env={"COLUMNS": "200", "PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "TERM": "dumb"}, cwd=ROOT,
    )  # fmt: skip
    return set(re.findall(r"--[a-z][a-z-]*", done.stdout))


@pytest.fixture(scope="module")
def serve_options():
    found = options_of("serve")
    assert "--data-dir" in found
    return found


def check_command(words, serve_options):
    """``serve`` and options that it has."""
    assert words[0] == "serve"
    assert {word for word in words if word.startswith("--")} <= serve_options


# --- systemd


def unit_lines(path):
    parser = configparser.RawConfigParser(strict=False, delimiters=("=",), comment_prefixes=("#",), dict_type=Repeated)
    parser.optionxform = str
    parser.read_string(path.read_text(encoding="utf-8"))
    return {name: value.split("\n") for name, value in parser["Service"].items()}


class Repeated(dict):
    """Keeps every value of an option that stands several times, as systemd does."""

    def __setitem__(self, key, value):
        if isinstance(value, list) and key in self and isinstance(self[key], list):
            value = self[key] + [part for part in value if part not in self[key]]
        super().__setitem__(key, value)


def test_the_unit_starts_the_server_as_it_can_be_started(serve_options):
    service = unit_lines(UNIT)
    program, *words = shlex.split(service["ExecStart"][0])
    assert program.endswith("/flowmap")
    check_command(words, serve_options)
    assert words[words.index("--host") + 1] == "127.0.0.1"
    assert words[words.index("--data-dir") + 1] == "/var/lib/" + service["StateDirectory"][0]


def test_the_unit_has_no_privilege_and_writes_only_its_own_folders():
    service = unit_lines(UNIT)
    expected = {
        "DynamicUser": "yes", "NoNewPrivileges": "yes", "CapabilityBoundingSet": "", "ProtectSystem": "strict",
        "ProtectHome": "yes", "PrivateTmp": "yes", "PrivateDevices": "yes", "UMask": "0077",
        "StateDirectoryMode": "0700", "IPAddressDeny": "any", "IPAddressAllow": "localhost",
    }  # fmt: skip
    assert {name: service[name][0] for name in expected} == expected
    assert "AmbientCapabilities" not in service and "MemoryMax" in service and "TasksMax" in service
    assert service["OOMPolicy"] == ["continue"], "one job that is too large must not end the server"


def test_the_settings_that_unit_and_images_name_exist():
    known = {f"FLOWMAP_{name.upper()}" for name in Settings.model_fields}
    for path in packaged_files():
        named = set(re.findall(r"FLOWMAP_[A-Z_]+", path.read_text(encoding="utf-8"))) - {"FLOWMAP_NAME"}
        assert named <= known, path


def test_live_capture_adds_one_capability():
    service = unit_lines(PACKAGING / "flowmap.service.d" / "live.conf")
    assert service["AmbientCapabilities"] == ["CAP_NET_RAW"]
    assert service["RestrictAddressFamilies"] == ["AF_PACKET"]
    assert set(service) == {
        "AmbientCapabilities", "CapabilityBoundingSet", "RestrictAddressFamilies", "SystemCallFilter",
    }  # fmt: skip


@pytest.fixture
def installed_unit(tmp_path):
    """The unit and its drop-ins as systemd finds them, with a program that is here for the one that is not."""
    folder = tmp_path / "units"
    shutil.copytree(PACKAGING / "flowmap.service.d", folder / "flowmap.service.d")
    text = UNIT.read_text(encoding="utf-8")
    (folder / "flowmap.service").write_text(text.replace("/opt/flowmap/bin/flowmap", "/bin/true"))
    return folder / "flowmap.service"


def systemd_analyze(*arguments):
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd is not installed here")
    return subprocess.run([program, *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False)


def test_systemd_finds_nothing_wrong(installed_unit):
    done = systemd_analyze("verify", "--recursive-errors=no", installed_unit)
    assert done.returncode == 0 and not done.stdout + done.stderr


def test_the_exposure_that_the_documentation_states_is_that_of_systemd():
    done = systemd_analyze("security", "--offline=true", UNIT)
    level = re.search(r"exposure level for flowmap.service: ([\d.]+) (\w+)", done.stdout)
    assert f'rates it {level[1]}, "{level[2]}"' in (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    assert float(level[1]) < 2.5


# --- images


def instructions():
    """Every instruction of the Dockerfile as (name, the rest), continued lines joined."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    text = re.sub(r"\\\n\s*", " ", "\n".join(line for line in text.splitlines() if not line.startswith("#")))
    return [tuple(line.split(maxsplit=1)) for line in text.splitlines() if line.strip()]


def json_words(value):
    return yaml.safe_load(value)


def stages():
    """Name of a stage -> its instructions, those of the stages below it first."""
    found, name = {}, None
    for instruction, value in instructions():
        if instruction == "FROM":
            below, name = re.fullmatch(r"(\S+) AS (\w+)", value).groups()
            found[name] = list(found.get(below, []))
        elif name:
            found[name].append((instruction, value))
    return found


def test_the_base_image_has_a_version():
    arguments = dict(value.split("=", 1) for name, value in instructions() if name == "ARG")
    image, _, version = arguments["BASE_IMAGE"].partition(":")
    assert image == "python" and re.match(r"3\.\d+-slim-\w+", version)
    assert [value.split()[0] for name, value in instructions() if name == "FROM"] == ["${BASE_IMAGE}", "base", "base"]
    assert "3." + version.split("-")[0].split(".")[1] in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def test_the_default_image_is_the_one_without_privileges():
    assert list(stages()) == ["base", "live", "analysis"]
    assert not [value for name, value in stages()["analysis"] if "setcap" in value]
    (given,) = [value for name, value in stages()["live"] if "setcap" in value]
    assert "setcap cap_net_raw+ep /usr/bin/dumpcap" in given and "chmod 0750 /usr/bin/dumpcap" in given


@pytest.mark.parametrize("stage", ["analysis", "live"])
def test_an_image_ends_as_nobody_special_and_starts_under_tini(stage, serve_options):
    found = stages()[stage]
    assert [value for name, value in found if name == "USER"][-1] == "10001:10001"
    last = dict(found)
    assert json_words(last["ENTRYPOINT"]) == ["tini", "-g", "--", "flowmap"]
    check_command(json_words(last["CMD"]), serve_options)
    assert re.search(r'CMD \["python", "-I", "-m", "flowmap\.healthcheck"\]$', last["HEALTHCHECK"])
    assert json_words(last["VOLUME"]) == ["/data", "/var/cache/flowmap"]


def test_everything_is_installed_from_the_lock_and_nothing_is_fetched_besides():
    runs = [value for name, value in instructions() if name == "RUN"]
    installs = [command for run in runs for command in run.split("&&") if "pip install" in command]
    assert [
        "--require-hashes -r requirements.lock" in c or "--no-deps --no-build-isolation ." in c for c in installs
    ] == [
        True,
        True,
    ]
    assert not [run for run in runs if re.search(r"\b(curl|wget|git)\b|https?:", run)]
    assert not [name for name, _ in instructions() if name == "ADD"]


def test_what_is_copied_is_there_and_let_through_to_the_build():
    lines = [line.strip() for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()]
    let_in = [line[1:] for line in lines if line.startswith("!")]
    assert "*" in lines and all((ROOT / path).exists() for path in let_in)
    for name, value in instructions():
        if name == "COPY":
            for source in [word for word in value.split()[:-1] if not word.startswith("--")]:
                assert (ROOT / source).exists() and (source == "." or any(fnmatch(source, path) for path in let_in))
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    needed = re.search(r"only-include = \[(.*?)\]", project, re.DOTALL)[1]
    assert set(re.findall(r'"([^"]+)"', needed)) <= set(let_in)


def test_the_compose_file_gives_each_image_what_it_needs_and_no_more(serve_options):
    services = yaml.safe_load((PACKAGING / "compose.yaml").read_text(encoding="utf-8"))["services"]
    for name, service in services.items():
        assert service["read_only"] is True and service["cap_drop"] == ["ALL"]
        assert service["build"]["target"] == name and (PACKAGING / service["build"]["context"] / "Dockerfile").exists()
        assert {volume.partition(":")[2] for volume in service["volumes"]} == {"/data", "/var/cache/flowmap"}
        if "command" in service:
            check_command(service["command"], serve_options)
    analysis, live = services["analysis"], services["live"]
    assert "cap_add" not in analysis and analysis["security_opt"] == ["no-new-privileges:true"]
    assert analysis["ports"] == ["127.0.0.1:8080:8080"]
    assert live["cap_add"] == ["NET_RAW"] and "security_opt" not in live
    assert live["command"][:3] == ["serve", "--host", "127.0.0.1"] and live["network_mode"] == "host"


# --- all of them


def test_prometheus_asks_what_the_server_answers():
    document = yaml.safe_load((PACKAGING / "prometheus.yml").read_text(encoding="utf-8"))
    (job,) = document["scrape_configs"]
    assert job["metrics_path"] == "/metrics" and job["authorization"]["type"] == "Bearer"
    unit = (PACKAGING / "flowmap.service.d" / "prometheus.conf").read_text(encoding="utf-8")
    assert job["authorization"]["credentials_file"] in unit


def test_no_secret_is_written_down():
    for path in packaged_files():
        for line in path.read_text(encoding="utf-8").splitlines():
            for known in CREDENTIAL_PATHS:
                line = line.replace(known, "")
            assert not SECRET.search(line), (path, line)
    assert SECRET.search("FLOWMAP_TOKEN=abc") and SECRET.search("password: x")


def test_the_documentation_names_files_that_exist():
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    named = set(re.findall(r"packaging/[\w./]+\w", text))
    assert named and all((ROOT / path).exists() for path in named)
    settings = set(re.findall(r"FLOWMAP_[A-Z_]+", text)) - {"FLOWMAP_NAME", "FLOWMAP_DEBUG", "FLOWMAP_"}
    assert settings <= {f"FLOWMAP_{name.upper()}" for name in Settings.model_fields}
