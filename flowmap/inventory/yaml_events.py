"""YAML to plain lists, mappings and text, built from the parser's events.

The stock loaders are not used for two reasons. YAML 1.1 reads an unquoted `52:54:00:11:22:33` as a number to
base 60, `off` as false and `010` as eight, so every scalar must stay the text that was written. And aliases
let a few lines stand for gigabytes: with events they are refused before anything is built.
"""

from __future__ import annotations

from typing import Any

import yaml

from flowmap.errors import InventoryError
from flowmap.inventory.cells import quoted

MAX_YAML_CHARS = 16 << 20
MAX_DEPTH = 16

# libyaml's parser where PyYAML was built with it: same events, ten times as fast.
_EVENT_LOADER: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_NO_KEY = object()


def load_yaml(text: str, name: str, max_nodes: int) -> object:
    """Lists, dicts with text keys, text, and None for a plain null.

    Raises
    ------
    InventoryError
        If it is not YAML, has aliases, several documents, a key twice, keys that are no text, more than
        `max_nodes` nodes, or is nested deeper than `MAX_DEPTH`.
    """
    if len(text) > MAX_YAML_CHARS:
        limit_mib = MAX_YAML_CHARS >> 20
        raise InventoryError(f"{name} is YAML of more than {limit_mib} MiB; export it as CSV or JSON.")
    builder = _Builder(name, max_nodes)
    try:
        for event in yaml.parse(text, Loader=_EVENT_LOADER):
            builder.take(event)
    except yaml.YAMLError as problem:
        mark = getattr(problem, "problem_mark", None)
        place = f" at line {mark.line + 1}" if mark is not None else ""
        raise InventoryError(f"{name} is not valid YAML{place}; correct it or export it again.") from None
    return builder.root


class _Builder:
    """Puts events together, without recursion."""

    def __init__(self, name: str, max_nodes: int) -> None:
        self.root: object = None
        self._name = name
        self._nodes_left = max_nodes
        self._documents = 0
        self._open: list[list[object] | dict[str, object]] = []
        self._keys: list[object] = []
        """For each open container the key that waits for its value, or `_NO_KEY`."""

    def take(self, event: Any) -> None:
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent):
            raise self._error(line, "uses an alias (*), which is not accepted here; write the value out")
        if isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                raise self._error(line, "starts a second YAML document; put all machines into one list")
        elif isinstance(event, yaml.ScalarEvent):
            is_null = event.implicit[0] and event.value in _NULLS
            self._place(None if is_null else event.value, line)
        elif isinstance(event, yaml.SequenceStartEvent):
            self._start([], line)
        elif isinstance(event, yaml.MappingStartEvent):
            self._start({}, line)
        elif isinstance(event, (yaml.SequenceEndEvent, yaml.MappingEndEvent)):
            self._open.pop()
            self._keys.pop()

    def _start(self, container: list[object] | dict[str, object], line: int) -> None:
        if len(self._open) >= MAX_DEPTH:
            raise self._error(line, "is nested too deeply for an inventory; flatten it")
        self._place(container, line)
        self._open.append(container)
        self._keys.append(_NO_KEY)

    def _place(self, value: object, line: int) -> None:
        self._nodes_left -= 1
        if self._nodes_left < 0:
            raise self._error(line, "holds more values than are accepted in YAML; export it as CSV or JSON")
        if not self._open:
            self.root = value
            return
        container = self._open[-1]
        if isinstance(container, list):
            container.append(value)
        elif self._keys[-1] is _NO_KEY:
            if not isinstance(value, str):
                raise self._error(line, "has a key that is no text; name each value")
            if value in container:
                raise self._error(line, f"names {quoted(value)} a second time; keep the true one")
            self._keys[-1] = value
        else:
            container[str(self._keys[-1])] = value
            self._keys[-1] = _NO_KEY

    def _error(self, line: int, problem: str) -> InventoryError:
        return InventoryError(f"{self._name}, line {line}: the YAML {problem}.")
