"""What the C library is told, looked at with its own list of heaps (malloc_info(3)) in a process of its own."""

import subprocess
import sys

import pytest

_THREADS = 8
_HEAPS = """
import ctypes, sys, tempfile, threading
from flowmap.heap import threads_share_memory
library = ctypes.CDLL(None)
library.malloc.restype = library.fdopen.restype = ctypes.c_void_p
if sys.argv[1] == "shared":
    threads_share_memory()
together = threading.Barrier({threads})
def take():
    together.wait()
    assert library.malloc(1_000)
    together.wait()
threads = [threading.Thread(target=take) for _ in range({threads})]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
with tempfile.TemporaryFile() as told:
    stream = ctypes.c_void_p(library.fdopen(told.fileno(), b"w"))
    assert library.malloc_info(0, stream) == 0 and library.fflush(stream) == 0
    told.seek(0)
    print(told.read().count(b"<heap nr="))
"""


@pytest.mark.parametrize(("how", "few"), [("shared", True), ("as it is", False)])
def test_threads_of_a_server_take_their_memory_from_two_heaps_of_glibc(how, few):
    script = _HEAPS.format(threads=_THREADS)
    run = subprocess.run([sys.executable, "-c", script, how], capture_output=True, text=True, check=True)
    assert (int(run.stdout) <= 2) is few
