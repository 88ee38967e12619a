"""A server for each test that asks for one."""

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
