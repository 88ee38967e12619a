"""A server for each test that asks for one."""

import os
import subprocess

import pytest

from flowmap.settings import Settings
from tests.api.servers import running


@pytest.fixture
def settings(tmp_path):
    return Settings(data_dir=tmp_path / "data", min_free_bytes=0)


@pytest.fixture
def server(settings):
    with running(settings) as found:
        yield found


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 16 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16m,mode=700", "flowmap-test", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("only root may mount a small disk")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)
