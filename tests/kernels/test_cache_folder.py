"""Where compiled kernels are kept: what lies there is run as it is, so only a folder of our own will do."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from flowmap.kernels import folder as folders
from tests.capture.files import pcap

CAPTURES = Path(__file__).parents[2] / "captures"


@pytest.fixture
def base(tmp_path, monkeypatch):
    """The folder that ``FLOWMAP_KERNEL_CACHE_DIR`` names."""
    folder = tmp_path / "kernels"
    monkeypatch.setenv("FLOWMAP_KERNEL_CACHE_DIR", str(folder))
    return folder


@pytest.fixture
def instead(tmp_path, monkeypatch):
    """Where temporary folders are made in this test, which are gone afterwards."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(folders.tempfile, "tempdir", str(folder))
    return folder


def test_the_folder_is_below_the_stated_one_ours_alone_and_the_same_every_time(base):
    folder = folders.find_folder()
    assert folder.parent == base and folders.find_folder() == folder
    assert stat.S_IMODE(folder.stat().st_mode) & 0o077 == 0


def test_another_state_of_any_source_has_another_folder(base, tmp_path, monkeypatch):
    before = folders.find_folder()
    sources = tmp_path / "sources"
    shutil.copytree(Path(folders.__file__).parent, sources, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(folders, "__file__", str(sources / "folder.py"))
    assert folders.find_folder() == before
    with (sources / "words.py").open("a") as source:
        source.write("# changed\n")
    assert folders.find_folder() not in (before, None)


@pytest.mark.parametrize("mode", [0o720, 0o702, 0o777])
def test_a_folder_that_others_may_write_is_not_used(base, instead, mode):
    folder = folders.find_folder()
    folder.chmod(mode)
    found = folders.find_folder()
    assert found.parent == instead and stat.S_IMODE(found.stat().st_mode) == 0o700
    folder.chmod(0o700)
    assert folders.find_folder() == folder


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_somebody_else_is_not_used(base, instead):
    os.chown(folders.find_folder(), 65_534, 65_534)
    found = folders.find_folder()
    assert found.parent == instead and found.stat().st_uid == os.geteuid()


def test_where_no_folder_can_be_made_a_temporary_one_serves(base, instead):
    base.write_text("a file stands where the folder should be")
    assert folders.find_folder().parent == instead


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_where_a_folder_cannot_be_written_a_temporary_one_serves(base, instead):
    folders.find_folder().chmod(0o500)
    assert folders.find_folder().parent == instead


def test_another_compiler_or_processor_has_another_folder(base, monkeypatch):
    """Machine code of one processor may end the process on another that shares the home directory."""
    before = folders.find_folder()
    monkeypatch.setattr(folders.llvm, "get_host_cpu_name", lambda: "another")
    assert folders.find_folder() != before
    monkeypatch.undo()
    monkeypatch.setenv("FLOWMAP_KERNEL_CACHE_DIR", str(base))
    monkeypatch.setattr(folders.importlib.metadata, "version", lambda _: "0.0")
    assert folders.find_folder() != before


def test_after_warming_no_capture_compiles_anything(base, tmp_path):
    """The one real compilation of the tests: every file in the folder is still the same after captures were read."""

    def run(*arguments):
        done = subprocess.run(
            [sys.executable, "-m", *map(str, arguments)], capture_output=True, check=False, timeout=570
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stderr.decode()

    def files():
        return {path: path.stat().st_mtime_ns for path in base.rglob("*") if path.is_file()}

    assert "Compiling the kernels" in run("flowmap.warm")
    compiled = files()
    assert len([path for path in compiled if path.name.endswith(".call.o")]) > 20
    assert run("flowmap.warm") == ""
    empty = tmp_path / "empty.pcap"
    empty.write_bytes(pcap([]))
    for capture in ("ports-host-b.pcapng", "erspan-collector.pcap", "overlay-underlay.pcapng"):
        assert run("flowmap", "analyze", CAPTURES / capture, empty, "-o", tmp_path / "map.json") == ""
    assert files() == compiled


def test_kernels_that_cannot_be_compiled_are_told_in_one_sentence(base, tmp_path):
    """The compiler's last word, the place and the way out, and no traceback."""
    broken = tmp_path / "numba"
    broken.mkdir()
    (broken / "__init__.py").write_text("raise ImportError('no space left for it')\n")
    done = subprocess.run(
        [sys.executable, "-m", "flowmap", "conversations", str(CAPTURES / "mirror-host-c.pcap")],
        env={**os.environ, "PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=False, timeout=570,
    )  # fmt: skip
    assert done.returncode == 1 and "Traceback" not in done.stderr
    (sentence,) = [line for line in done.stderr.splitlines() if "Compiling" not in line]
    assert "cannot be compiled" in sentence and "no space left for it" in sentence and str(base) in sentence
