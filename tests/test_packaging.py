"""The wheel is whole: built, installed into an empty folder, and used there as a stranger would."""

import http.client
import json
import os
import re
import subprocess
import sys
import sysconfig
import threading
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import jsonschema
import pytest

ROOT = Path(__file__).parent.parent
SCHEMA = "flowmap/export/flowmap-graph-1.schema.json"
WITHIN_S = 120
COMPILED_WITHIN_S = 570


class Installation(NamedTuple):
    """A wheel and a virtual environment that got FlowMap from it and from nowhere else."""

    wheel: Path
    folder: Path
    program: Path

    def run(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        command = [str(self.program), *map(str, arguments)]
        return subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=WITHIN_S,
        )

    def environment(self) -> dict[str, str]:
        """Outside the checkout, with compiled kernels of its own, which go with this test run."""
        outside = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "FLOWMAP_"))}
        return outside | {"FLOWMAP_KERNEL_CACHE_DIR": str(self.folder / "kernels")}

    def sample(self) -> tuple[list[Path], list[str]]:
        """The packaged captures, and the options that add their points file and inventory."""
        folder = next(self.program.parent.parent.glob("lib/python*/site-packages/flowmap/sample"))
        captures, options = sample_arguments()
        return [folder / name for name in captures], [
            word if word.startswith("--") else str(folder / word) for word in options
        ]


def sample_arguments() -> tuple[list[str], list[str]]:
    """What `make run` gives to FlowMap, without the folder: the captures' names, then the options."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    captures, facts = (
        [word.removeprefix("captures/") for word in re.search(rf"^{name}\s*=\s*(.+)$", text, re.MULTILINE)[1].split()]
        for name in ("SAMPLE_CAPTURES", "SAMPLE_FACTS")
    )
    return captures, facts


def run_python(*arguments: object) -> None:
    command = [sys.executable, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=WITHIN_S)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """Builds the wheel and installs it beside the libraries of this test run: nothing is fetched."""
    built = tmp_path_factory.mktemp("built")
    run_python("-m", "build", "--wheel", "--no-isolation", "--outdir", built, ROOT)
    (wheel,) = built.glob("*.whl")

    environment = tmp_path_factory.mktemp("installed") / "venv"
    venv.create(environment)
    python = environment / "bin" / "python"
    site_packages = next(environment.glob("lib/python*/site-packages"))
    # Adds the libraries, but not the .pth files among them, and so not the checkout.
    (site_packages / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    run_python("-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index", wheel)
    installed = Installation(wheel, tmp_path_factory.mktemp("empty"), environment / "bin" / "flowmap")
    # Compiled kernels belong to the place of their sources, so those of the checkout do not serve here.
    warm = [python, "-m", "flowmap.warm"]
    subprocess.run(warm, cwd=installed.folder, env=installed.environment(), check=True, timeout=COMPILED_WITHIN_S)
    return installed


def test_the_wheel_carries_the_page_the_schema_and_the_sample(installation: Installation):
    with zipfile.ZipFile(installation.wheel) as archive:
        names = set(archive.namelist())
        schema = json.loads(archive.read(SCHEMA))
    jsonschema.validators.validator_for(schema).check_schema(schema)
    page = {f"flowmap/web/{path.relative_to(ROOT / 'web')}" for path in (ROOT / "web").rglob("*") if path.is_file()}
    assert "flowmap/web/index.html" in page and page <= names
    captures, options = sample_arguments()
    sample = {*captures, *(word for word in options if not word.startswith("--"))}
    packed = {name.removeprefix("flowmap/sample/") for name in names if name.startswith("flowmap/sample/")}
    assert packed == sample
    assert "--points" in options and "--inventory" in options


def test_the_wheel_carries_nothing_else(installation: Installation):
    with zipfile.ZipFile(installation.wheel) as archive:
        names = archive.namelist()
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"flowmap"}
    assert not [name for name in names if "__pycache__" in name or name.endswith((".pyc", ".part"))]


def test_the_installed_program_tells_its_version(installation: Installation):
    version = installation.wheel.name.split("-")[1]
    done = installation.run("--version")
    assert done.returncode == 0, done.stderr
    assert version in done.stdout.split()


def test_the_installed_program_analyzes_its_sample(installation: Installation):
    captures, options = installation.sample()
    document_file = installation.folder / "map.json"
    done = installation.run("analyze", *captures, *options, "-o", document_file)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert "stayed" in done.stdout.lower()

    document = json.loads(document_file.read_text(encoding="utf-8"))
    with zipfile.ZipFile(installation.wheel) as archive:
        jsonschema.validate(document, json.loads(archive.read(SCHEMA)))
    assert document["graph"]["complete"] is True
    assert document["graph"]["totals"]["packets"] == sum(map(packets_counted_by_capinfos, captures))
    # The sample is there to show both answers.
    assert {"stayed", "left"} <= {edge["left_host"] for edge in document["edges"]}


def packets_counted_by_capinfos(capture: Path) -> int:
    counted = subprocess.run(
        ["capinfos", "-c", "-M", "-T", "-r", capture],
        check=True,
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
    )
    return int(counted.stdout.split("\t")[-1])


@pytest.fixture
def served_port(installation: Installation, tmp_path: Path) -> Iterator[int]:
    """A server of the installed program: the port is the one that it says it took."""
    server = subprocess.Popen(
        [installation.program, "serve", "--data-dir", tmp_path],
        cwd=installation.folder,
        env=installation.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert server.stdout
    said = []
    silence = threading.Timer(WITHIN_S, server.kill)
    silence.start()
    try:
        for line in server.stdout:
            said.append(line)
            if address := re.search(r"http://127\.0\.0\.1:(\d+)", line):
                yield int(address[1])
                return
        pytest.fail("the server printed no address: " + "".join(said))
    finally:
        silence.cancel()
        server.terminate()
        server.communicate(timeout=WITHIN_S)


def get(port: int, path: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=WITHIN_S)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def test_the_installed_program_serves_its_page(served_port: int):
    status, page = get(served_port, "/")
    assert status == 200 and "FlowMap" in page
    parts = re.findall(r'(?:src|href)="([^"#:]+)"', page)
    assert any(part.endswith(".js") for part in parts)
    assert {part: get(served_port, "/" + part.removeprefix("./").lstrip("/"))[0] for part in parts} == dict.fromkeys(
        parts, 200
    )
