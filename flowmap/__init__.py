"""FlowMap: which VM-to-VM traffic never left its host, told from captures of vSwitch mirror ports.

>>> from flowmap import Settings, Statements, Inventory, make_map, read_captures
>>> reading = read_captures([Path("mirror.pcapng")], Settings())  # doctest: +SKIP
>>> flow_map = make_map(reading, Inventory([]), Statements(), Settings(), "mirror")  # doctest: +SKIP
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flowmap.capture.points import Statements
    from flowmap.errors import FlowMapError
    from flowmap.export import document, write
    from flowmap.inventory import Inventory, read_inventory
    from flowmap.pipeline import FlowMap, make_map
    from flowmap.reading import Reading, read_captures
    from flowmap.settings import Settings

__version__ = "0.1.0"

__all__ = [
    "FlowMap",
    "FlowMapError",
    "Inventory",
    "Reading",
    "Settings",
    "Statements",
    "document",
    "make_map",
    "read_captures",
    "read_inventory",
    "write",
]

_HOMES = {
    "FlowMap": "pipeline", "FlowMapError": "errors", "Inventory": "inventory", "Reading": "reading",
    "Settings": "settings", "Statements": "capture.points", "document": "export", "make_map": "pipeline",
    "read_captures": "reading", "read_inventory": "inventory", "write": "export",
}  # fmt: skip


def __getattr__(name: str) -> object:
    """Import a public name at its first use (PEP 562), so that ``flowmap --help`` loads no NumPy."""
    if name not in _HOMES:
        raise AttributeError(f"module 'flowmap' has no attribute '{name}'")
    return getattr(import_module(f"flowmap.{_HOMES[name]}"), name)
