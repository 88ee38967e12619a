"""Compiling every kernel into a folder: ``python -m flowmap.kernels.building FOLDER``.

It is the only place where Numba is at work outside of tests. What makes the calls cheap here (no wrapper for Python's
objects, no counting of references) also makes the machine code independent of Numba when it runs.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_type_hints

import llvmlite.binding as llvm

from flowmap.kernels import ENTRIES, by_numba
from flowmap.kernels.calling import Array, Form, Members, form_of, forms_of, pointers_and_numbers
from flowmap.kernels.loading import CALL, CALL_SUFFIX, SUFFIX, machine

_SHARE = "FLOWMAP_KERNELS_SHARE"
"""Which part of the entries a process compiles, as "1/2"."""

_PROCESSES = 2
"""More would find little left to do: three entries, each with the decoder in it, take most of the time."""


def main(folder: Path) -> None:
    """Compile in several processes."""
    own = {**os.environ, "FLOWMAP_KERNELS": "numba"}
    command = [sys.executable, "-m", "flowmap.kernels.building", str(folder)]
    shares = [subprocess.Popen(command, env={**own, _SHARE: f"{number}/{_PROCESSES}"}) for number in range(_PROCESSES)]
    for process in shares:
        if process.wait():
            sys.exit(process.returncode)


def compile_share(folder: Path, share: str) -> None:
    """Compile every n-th entry into the folder."""
    import flowmap.kernels.choose
    import flowmap.kernels.decode
    import flowmap.kernels.fold_gather
    import flowmap.kernels.fold_legs
    import flowmap.kernels.framing
    import flowmap.kernels.guessing
    import flowmap.kernels.stretches  # noqa: F401, entries note themselves

    number, count = map(int, share.split("/"))
    for name in sorted(ENTRIES)[number::count]:
        _compile(folder / name, ENTRIES[name])


def _compile(path: Path, function: Callable[..., Any]) -> None:
    hints, _ = forms_of(function)
    forms = tuple(map(form_of, hints.values()))
    signature = tuple(map(_numba_type, forms, hints.values()))
    compiler: Any = by_numba(function, no_cpython_wrapper=True, no_cfunc_wrapper=True)
    compiler.compile(signature)
    result = compiler.overloads[signature]
    _, _, (code, _) = result.library.serialize_using_object_code()
    write(path.with_name(path.name + SUFFIX), code)
    write(path.with_name(path.name + CALL_SUFFIX), caller(result.fndesc.llvm_func_name, forms))


def caller(symbol: str, forms: tuple[Form, ...]) -> bytes:
    """Machine code of ``int32 call(words *, result *)``, which hands the words to a kernel as its arguments."""
    lines, arguments = [], []
    for number, is_pointer in enumerate(pointers_and_numbers(forms)):
        kind = "ptr" if is_pointer else "i64"
        lines.append(f"%p{number} = getelementptr i64, ptr %words, i64 {number}")
        lines.append(f"%w{number} = load {kind}, ptr %p{number}")
        arguments.append(f"{kind} %w{number}")
    declared = ", ".join(argument.split()[0] for argument in arguments)
    module = f"""
        declare i32 @"{symbol}"(ptr, ptr, {declared})
        define i32 @{CALL}(ptr %words, ptr %result) {{
            %error = alloca ptr
            {chr(10).join(lines)}
            %status = call i32 @"{symbol}"(ptr %result, ptr %error, {", ".join(arguments)})
            ret i32 %status
        }}
    """
    code: bytes = machine().emit_object(llvm.parse_assembly(module))
    return code


def _numba_type(form: Form, hint: Any) -> Any:
    from numba import from_dtype, types

    if isinstance(form, Array):
        kind: Any = types.Array
        return kind(from_dtype(form.dtype), form.dimensions, "C")
    if not isinstance(form, Members):
        return types.int64
    members = get_type_hints(hint, include_extras=True).values()
    named_tuple: Any = types.NamedTuple
    return named_tuple(list(map(_numba_type, form.forms, members)), hint)


def write(path: Path, data: bytes) -> None:
    """All of a file or nothing of it."""
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        file.write(data)
    os.replace(file.name, path)


if __name__ == "__main__":
    if _SHARE in os.environ:
        compile_share(Path(sys.argv[1]), os.environ[_SHARE])
    else:
        main(Path(sys.argv[1]))
