"""Workers that go wrong: the real ones, into which a module that Python loads by itself puts one fault.

A fault is the Python text that runs instead of a stage, or before it: for one capture, by its name, or for all.
"""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).parents[2]

BY_CAPTURE = {
    "spins.pcap": "while True: pass",
    "never-comes-back.pcap": "collections.deque(itertools.repeat(0), maxlen=0)",  # in C; no signal is looked at
    "eats.pcap": "kept = [bytearray(64 << 20) for _ in itertools.count()]",
    "eats-shared.pcap": (
        "kept = []\n"
        "while True:\n"
        "    kept.append(mmap.mmap(-1, 64 << 20))\n"
        "    kept[-1].write(b'x' * (64 << 20))\n"
        "    time.sleep(0.05)"
    ),
    "segfaults.pcap": "ctypes.string_at(0)",
    "is-stopped.pcap": "os.kill(os.getpid(), signal.SIGSTOP)",
    "hangs.pcap": "threading.Event().wait()",
    "fills.pcap": (
        "for number in itertools.count():\n"
        "    pathlib.Path(tempfile.gettempdir(), str(number)).write_bytes(bytes(1 << 20))\n"
        "    time.sleep(0.02)"
    ),
    "writes.pcap": "tempfile.TemporaryFile().write(bytes(256 << 20))",
    "leaves-a-child.pcap": (
        "subprocess.Popen(['/bin/sleep', '600'], start_new_session=True)\nos.kill(os.getpid(), signal.SIGKILL)"
    ),
    "is-wrong.pcap": "raise ValueError('a secret')",
}

_PROGRAM = """
import sys
if "flowmap.api.worker" in sys.orig_argv:
    import collections, ctypes, importlib, itertools, mmap, os, pathlib, signal, subprocess, tempfile, threading, time

    def replace(module, name, before):
        module = importlib.import_module(module)
        whole = getattr(module, name)
        def replaced(*arguments, **named):
            before(named)
            return whole(*arguments, **named)
        setattr(module, name, replaced)

    by_capture = {by_capture!r}
    def fault_of_capture(named):
        exec(by_capture.get(named["labels"][0], ""), globals())
    replace("flowmap.reading", "read_captures", fault_of_capture)

    if place := os.environ.get("FLOWMAP_TEST_FAULT_AT"):
        def fault(named):
            pathlib.Path(os.environ["FLOWMAP_TEST_REACHED"]).touch()
            exec(os.environ["FLOWMAP_TEST_FAULT"], globals())
        replace(*place.split(":"), fault)
"""


def install(folder: Path, monkeypatch) -> None:
    """Let the workers that are started from now on have the faults of ``BY_CAPTURE``."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(_PROGRAM.replace("{by_capture!r}", repr(BY_CAPTURE)))
    before = os.environ.get("PYTHONPATH", "")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(folder), str(ROOT), before])))


def install_at(place: str, fault: str, folder: Path, monkeypatch) -> Path:
    """Let them run ``fault`` before the function ``module:name``; the file that is there once one got so far."""
    install(folder, monkeypatch)
    monkeypatch.setenv("FLOWMAP_TEST_FAULT_AT", place)
    monkeypatch.setenv("FLOWMAP_TEST_FAULT", fault)
    monkeypatch.setenv("FLOWMAP_TEST_REACHED", str(folder / "reached"))
    return folder / "reached"
