"""The public face is exactly what ``__all__`` says, and importing it loads nothing heavy."""

from __future__ import annotations

import subprocess
import sys

import flowmap


def test_every_public_name_is_there():
    for name in flowmap.__all__:
        assert getattr(flowmap, name).__module__.startswith("flowmap."), name


def test_the_list_is_sorted_and_short():
    assert flowmap.__all__ == sorted(flowmap.__all__)
    assert len(flowmap.__all__) <= 12


def test_an_unknown_name_is_an_attribute_error():
    assert not hasattr(flowmap, "nonsense")


def test_help_loads_neither_numpy_nor_networkx():
    code = (
        "import sys; sys.argv = ['flowmap', '--help']\n"
        "from flowmap.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "sys.exit(' '.join(sorted({'numpy', 'networkx', 'fastapi', 'pyshark', 'numba'} & set(sys.modules))) or 0)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, "")
