"""Asking for memory before it is needed, so that the processor waits for many places at once and not for one by one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from flowmap.kernels import BY_NUMBA


def _ask_nothing(array: Any, place: int) -> None:
    """Python has no such instruction."""


def _prefetch() -> Callable[[Any, int], None]:
    """``prefetch(array, place)``: fetch the cache line where ``array[place]`` stands, a row's first for rows."""
    if BY_NUMBA:
        import numba

        compiler: Any = numba
        if not compiler.config.DISABLE_JIT:
            return _instruction(compiler)
    return _ask_nothing


def _instruction(compiler: Any) -> Callable[[Any, int], None]:
    """LLVM's prefetch instruction, to read and to keep in all caches."""
    from llvmlite import ir
    from numba.core import cgutils
    from numba.extending import intrinsic

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = signature.args[0]
        array = context.make_array(kind)(context, builder, arguments[0])
        number = context.cast(builder, arguments[1], signature.args[1], compiler.types.intp)
        zero = ir.Constant(ir.IntType(64), 0)
        places = [number, *[zero] * (kind.ndim - 1)]
        item_pointer: Any = cgutils.get_item_pointer
        pointer = item_pointer(context, builder, kind, array, places, wraparound=False)
        address = builder.bitcast(pointer, cgutils.voidptr_t)
        word = ir.IntType(32)
        types = ir.FunctionType(ir.VoidType(), [cgutils.voidptr_t, word, word, word])
        get: Any = cgutils.get_or_insert_function
        function = get(builder.module, types, "llvm.prefetch.p0")
        builder.call(function, [address, ir.Constant(word, 0), ir.Constant(word, 3), ir.Constant(word, 1)])
        return context.get_dummy_value()

    def prefetch(typing_context: Any, array: Any, place: Any) -> Any:
        return compiler.types.void(array, place), generate

    found: Any = intrinsic(prefetch)
    return cast(Callable[[Any, int], None], found)


prefetch = _prefetch()
