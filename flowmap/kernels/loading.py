"""Machine code of kernels, from the folder into the process."""

from __future__ import annotations

import subprocess
import sys
import threading
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm

from flowmap.errors import ToolError
from flowmap.kernels.folder import code_folder, folder_lock, is_warm, mark_warm

SUFFIX, CALL_SUFFIX, CALL = ".o", ".call.o", "flowmap_call"
"""Ends of the names of the two files with machine code of an entry, and the function in the second one."""

_LOCK = threading.RLock()


def address_of(name: str) -> int:
    """The address of an entry's machine code; every kernel is compiled first where that was not done yet.

    Raises
    ------
    ToolError
        When the kernels cannot be compiled.
    """
    with _LOCK:
        compile_all()
        return int(_engine(name).get_function_address(CALL))


def compile_all() -> None:
    """Compile every kernel unless that was done before. Of several processes one does it and the others wait for it."""
    if is_warm():
        return
    with folder_lock():
        if is_warm():
            return
        folder = code_folder()
        done = subprocess.run(
            [sys.executable, "-m", "flowmap.kernels.building", folder],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            why = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
            raise ToolError(
                f"The kernels that read packets cannot be compiled into {folder} ({why}); free space there, or set "
                "FLOWMAP_KERNEL_CACHE_DIR."
            )
        mark_warm()


@lru_cache(maxsize=1)
def machine() -> Any:
    """This machine, as LLVM knows it."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.Target.from_default_triple().create_target_machine(jit=True)


@cache
def _engine(name: str) -> Any:
    """An engine for each entry, because each brings its own copy of the functions that it calls; kept for ever."""
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine())
    for suffix in (SUFFIX, CALL_SUFFIX):
        code = Path(code_folder(), name + suffix).read_bytes()
        engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    return engine
