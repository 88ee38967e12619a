"""vSphere's managed objects as govc prints them in JSON.

govc 0.29 and older writes every name with a capital (`VirtualMachines`, `Self`, `MacAddress`), newer ones as in the
vSphere Web Services API (`virtualMachines`, `self`, `macAddress`); case is all that differs (govmomi's vim25/mo and
vim25/types).
"""

from __future__ import annotations

from collections.abc import Sequence


def prop(value: object, *path: str) -> object:
    """The property at a path of names, in either spelling; None where anything on the way is missing."""
    for name in path:
        if not isinstance(value, dict):
            return None
        if name in value:
            value = value[name]
            continue
        capital = name[:1].upper() + name[1:]
        value = value.get(capital)
    return value


def items(value: object, *path: str) -> Sequence[object]:
    """The list at a path; empty if there is none."""
    found = prop(value, *path)
    return found if isinstance(found, list) else ()


def text(value: object, *path: str) -> str:
    """The text at a path; empty if there is none, or something else."""
    found = prop(value, *path)
    return found if isinstance(found, str) else ""


def number(value: object, *path: str) -> int | None:
    """The whole number at a path; None if there is none."""
    found = prop(value, *path)
    return found if isinstance(found, int) and not isinstance(found, bool) else None
