"""Calling compiled kernels: how Numba's machine code takes arrays.

Numba's functions are called ``int32 f(result *, error **, arguments...)``, with every argument taken apart: an array is
two pointers that are unused here, the numbers of elements and of bytes each, the address, and shape and strides; a
tuple is its members one after another (numba/core/callconv.py and datamodel/models.py, CPUCallConv and ArrayModel).
Hundreds of arguments take long to hand over from Python one by one. So they are written one behind the other in memory,
and a few lines of machine code beside each kernel (:func:`flowmap.kernels.building.caller`) take them from there.
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any, NamedTuple, TypeVar, cast, get_args, get_origin, get_type_hints

import numpy as np

Value = TypeVar("Value")

_MOST_RESULTS = 8
_from_buffer = (ctypes.c_char * 0).from_buffer
_NUMBER = struct.Struct("q")
_ARRAYS = {1: struct.Struct("7q"), 2: struct.Struct("9q")}


class Array(NamedTuple):
    """The form of an array argument, whose elements stand one right behind the other."""

    dtype: np.dtype[Any]
    dimensions: int

    def packed(self, array: Any) -> bytes:
        """The argument taken apart.

        Raises
        ------
        TypeError
            When the array is of another kind: a kernel would read and write wherever it points.
        """
        if array.dtype != self.dtype or array.ndim != self.dimensions or not array.flags.c_contiguous:
            raise TypeError(f"a kernel takes {self}, not {array.dtype} in {array.ndim} dimensions")
        words = _ARRAYS[self.dimensions]
        return words.pack(0, 0, array.size, array.itemsize, _address(array), *array.shape, *array.strides)


def _address(array: Any) -> int:
    """Where an array begins. Its own attribute tells the same, in four times the time."""
    if array.flags.carray and array.size:
        return ctypes.addressof(_from_buffer(array))
    return int(array.__array_interface__["data"][0])


class Number(NamedTuple):
    """The form of a number."""

    def packed(self, value: int) -> bytes:
        """The argument as 64 bits."""
        return _NUMBER.pack(value)


class Members(NamedTuple):
    """The form of a named tuple."""

    forms: tuple[Form, ...]

    def packed(self, values: Any) -> bytes:
        """Its members one behind the other."""
        return b"".join(form.packed(value) for form, value in zip(self.forms, values, strict=True))


Form = Array | Number | Members


def form_of(hint: Any) -> Form:
    """The form that an annotation stands for."""
    if hasattr(hint, "__metadata__"):
        dimensions, *rows = hint.__metadata__
        dtype = rows[0] if rows else np.dtype(get_args(get_args(get_args(hint)[0])[1])[0])
        return Array(dtype, dimensions)
    if isinstance(hint, type) and hasattr(hint, "_fields"):
        return Members(tuple(form_of(member) for member in get_type_hints(hint, include_extras=True).values()))
    return Number()


def forms_of(function: Callable[..., Any]) -> tuple[dict[str, Any], Any]:
    """The annotations of a function's arguments, and of what it returns."""
    hints = get_type_hints(function, include_extras=True)
    result = hints.pop("return")
    return hints, result


def pointers_and_numbers(forms: Iterator[Form] | tuple[Form, ...]) -> Iterator[bool]:
    """What the words of some arguments are: True for an address."""
    for form in forms:
        if isinstance(form, Array):
            yield from (True, True, False, False, True, *[False] * (2 * form.dimensions))
        elif isinstance(form, Members):
            yield from pointers_and_numbers(form.forms)
        else:
            yield False


class Held:
    """An argument that was taken apart once, because it is handed over again and again; it keeps its arrays."""

    __slots__ = ("packed", "value")

    def __init__(self, value: Any, hint: Any) -> None:
        self.value = value
        self.packed: bytes = form_of(hint).packed(value)


def held(value: Value, hint: Any) -> Value:
    """What an entry takes in place of an array or tuple, prepared; where Numba compiles by itself, that one.

    ``hint`` is the annotation of the entry's argument.
    """
    from flowmap.kernels import BY_NUMBA

    return value if BY_NUMBA else cast(Value, Held(value, hint))


class Entry:
    """A compiled kernel, loaded at its first call."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.name = f"{function.__module__}.{function.__name__}"
        self.function = function
        """As it was written, to be run as Python."""
        self.__doc__ = function.__doc__

    def __call__(self, *arguments: Any) -> Any:
        """Call it."""
        words = [
            argument.packed if type(argument) is Held else form.packed(argument)
            for form, argument in zip(self._forms, arguments, strict=True)
        ]
        result = (ctypes.c_int64 * _MOST_RESULTS)()
        if status := self._code(b"".join(words), result):
            raise RuntimeError(f"kernel {self.name} ended with status {status}")
        return self._shape(result)

    @cached_property
    def _forms(self) -> tuple[Form, ...]:
        return tuple(map(form_of, forms_of(self.function)[0].values()))

    @cached_property
    def _shape(self) -> Callable[[Any], Any]:
        """Makes of the words what the function returns."""
        hint = forms_of(self.function)[1]
        if hint is type(None):
            return lambda result: None
        if get_origin(hint) is tuple:
            count = len(get_args(hint))
            return lambda result: tuple(result[:count])
        return lambda result: result[0]

    @cached_property
    def _code(self) -> Callable[..., int]:
        from flowmap.kernels.loading import address_of

        result = ctypes.POINTER(ctypes.c_int64)
        return ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_char_p, result)(address_of(self.name))
