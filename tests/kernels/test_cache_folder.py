"""Where compiled kernels are kept: what lies there is run as it is, so only a folder of our own will do."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from flowmap import kernels
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
    monkeypatch.setattr(kernels.tempfile, "tempdir", str(folder))
    return folder


def test_the_folder_is_below_the_stated_one_ours_alone_and_the_same_every_time(base):
    folder = kernels.cache_folder()
    assert folder.parent == base and kernels.cache_folder() == folder
    assert stat.S_IMODE(folder.stat().st_mode) & 0o077 == 0


def test_another_state_of_any_source_has_another_folder(base, tmp_path, monkeypatch):
    """Numba would not notice a change of a function that a kernel only calls."""
    before = kernels.cache_folder()
    sources = tmp_path / "sources"
    shutil.copytree(Path(kernels.__file__).parent, sources, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(kernels, "__file__", str(sources / "__init__.py"))
    assert kernels.cache_folder() == before
    with (sources / "words.py").open("a") as source:
        source.write("# changed\n")
    assert kernels.cache_folder() not in (before, None)


@pytest.mark.parametrize("mode", [0o720, 0o702, 0o777])
def test_a_folder_that_others_may_write_is_not_used(base, instead, mode):
    folder = kernels.cache_folder()
    folder.chmod(mode)
    found = kernels.cache_folder()
    assert found.parent == instead and stat.S_IMODE(found.stat().st_mode) == 0o700
    folder.chmod(0o700)
    assert kernels.cache_folder() == folder


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_somebody_else_is_not_used(base, instead):
    os.chown(kernels.cache_folder(), 65_534, 65_534)
    found = kernels.cache_folder()
    assert found.parent == instead and found.stat().st_uid == os.geteuid()


def test_where_no_folder_can_be_made_a_temporary_one_serves(base, instead):
    base.write_text("a file stands where the folder should be")
    assert kernels.cache_folder().parent == instead


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_where_a_folder_cannot_be_written_a_temporary_one_serves(base, instead):
    kernels.cache_folder().chmod(0o500)
    assert kernels.cache_folder().parent == instead


def test_after_warming_no_capture_compiles_anything(base, tmp_path):
    """The one real compilation of the tests: every file in the cache is still the same after other captures."""

    def run(*arguments):
        done = subprocess.run(
            [sys.executable, "-m", *map(str, arguments)], capture_output=True, check=False, timeout=570
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stderr.decode()

    def files():
        return {path: path.stat().st_mtime_ns for path in base.rglob("*") if path.suffix in (".nbi", ".nbc")}

    assert "Compiling the kernels" in run("flowmap.warm")
    compiled = files()
    functions = {path.name.partition("-")[0] for path in compiled}
    # What only large captures need, and those with LLDP: nobody should wait for these later either.
    for name in ("guessing.find_pcap", "guessing.find_pcapng", "fold_gather.sum_dropped", "choose.choose_links"):
        assert name in functions
    assert run("flowmap.warm") == ""
    empty = tmp_path / "empty.pcap"
    empty.write_bytes(pcap([]))
    for capture in ("ports-host-b.pcapng", "erspan-collector.pcap", "overlay-underlay.pcapng"):
        assert run("flowmap", "analyze", CAPTURES / capture, empty, "-o", tmp_path / "map.json") == ""
    assert files() == compiled
