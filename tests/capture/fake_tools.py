"""Programs that stand in for tshark and misbehave in one way each."""

from __future__ import annotations

import sys
from pathlib import Path

from flowmap.capture.rows import FIELDS
from flowmap.settings import Settings

ROW = {
    "frame.time_epoch": "1700000000.000000000",
    "frame.len": "60",
    "frame.cap_len": "60",
    "frame.protocols": "eth:ethertype:ip:data",
    "ip.src": "10.0.0.1",
    "ip.dst": "10.0.0.2",
    "ip.len": "46",
    "ip.hdr_len": "20",
    "ip.proto": "6",
}
LINE = "\t".join(ROW.get(field, "") for field in FIELDS)

_PROGRAM = """#!{python}
import os, signal, subprocess, sys, time
if "-G" in sys.argv:
    print("Internet Protocol\\tIP\\tip\\nData\\tdata\\tdata")
    raise SystemExit
def rows(count, end="\\n"):
    sys.stdout.write(({line!r} + "\\n") * count + end.rstrip("\\n"))
    sys.stdout.flush()
"""


def fake_tshark(folder: Path, behaviour: str, **settings: object) -> Settings:
    """Settings under which ``behaviour``, the end of a Python program, runs instead of tshark.

    It may call ``rows(n)`` to print n packets.
    """
    path = folder / "tshark"
    path.write_text(_PROGRAM.format(python=sys.executable, line=LINE) + behaviour)
    path.chmod(0o755)
    return Settings(tshark_path=str(path), **settings)  # type: ignore[arg-type]
