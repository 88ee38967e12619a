"""Kernels stand in the cache before the first command, which would otherwise say on standard error that it compiles."""

import pytest

from flowmap.warm import prepare_kernels


@pytest.fixture(scope="session", autouse=True)
def compiled_kernels():
    prepare_kernels(lambda text: None)
