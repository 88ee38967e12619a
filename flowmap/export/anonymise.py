"""A map to give away: the same figures and verdicts, with pseudonyms for addresses and names.

A key is made for each export and forgotten with it, so two exports of one map have nothing in common. What a field is
decides what becomes of it; a text field that nobody has thought of is rewritten like a sentence, which leaves nothing
in it but numbers and FlowMap's own words (:mod:`flowmap.export.anonymise_text`).

Ports, applications, VLAN and VNI numbers, times, packets and bytes stay as they are. That is pseudonymisation: who saw
some of the traffic can find it again by them (docs/security.md).
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from flowmap.export.anonymise_addresses import KEY_BYTES, AddressPseudonyms
from flowmap.export.anonymise_text import TextPseudonyms
from flowmap.export.node_link import Document

NAME = "anonymised map"

_OWN_WORDS = frozenset({
    "schema", "code", "rule", "protocol", "verdict", "grade", "stayed_grade", "left_host", "initiator", "kind", "role",
    "reader", "format", "application", "estimated",
})  # fmt: skip
"""Fields that hold words of FlowMap or of Wireshark alone."""

_PLAIN = re.compile(r"[\w./ -]{0,64}", re.ASCII)
_KIND_WORDS = {"vm": "vm", "hypervisor": "hypervisor", "router": "router", "external": "external", "unknown": "machine"}
_OWN_SEGMENT = re.compile(r"(?:vlan|vxlan|vxlan-gpe|geneve|nvgre|gre|point)\d+(?:-point\d+)?|default|")
_MIRRORS = ("erspan", "gre", "rspan", "vxlan")
_OWN_GROUPS = ("outside", "others", "broadcast", "multicast")
_SAYS_NOTHING = re.compile(rf"\d{{1,4}}|{'|'.join(_OWN_GROUPS)}")
"""Names that are left in sentences: a port called 1 is no reason to exchange every 1 there."""


def anonymised(document: Document, key: bytes | None = None) -> Document:
    """A copy of a document with pseudonyms.

    Parameters
    ----------
    document : dict
        A graph document.
    key : bytes, optional
        32 bytes; random ones by default, which nobody can ask for afterwards.

    Returns
    -------
    dict
        A document that fits the same schema, with the same numbers.
    """
    return _Pseudonyms(document, key or secrets.token_bytes(KEY_BYTES)).document()


class _Numbered:
    """``vm-1``, ``vm-2``...: in a random order, so that a number tells nothing about a name."""

    def __init__(self, word: str, names: Iterable[str]) -> None:
        found = list(dict.fromkeys(name for name in names if name))
        secrets.SystemRandom().shuffle(found)
        self.all: Mapping[str, str] = {name: f"{word}-{number}" for number, name in enumerate(found, 1)}


class _Pseudonyms:
    """The choice of one export."""

    def __init__(self, document: Document, key: bytes) -> None:
        self._document = document
        self._addresses = AddressPseudonyms(key)
        graph, nodes = document["graph"], document["nodes"]
        points, hosts, files = graph["points"], graph["hosts"], graph["captures"]
        moved = [move[end] for move in graph["moves"] for end in ("from_host", "to_host")]
        self._hosts = _Numbered("host", _texts(row.get("host") for row in (*hosts, *points, *nodes)) + _texts(moved))
        self._clusters = _Numbered("cluster", _texts(row["cluster"] for row in hosts))
        uplinks = [name for row in hosts for name in row["uplinks"]]
        self._interfaces = _Numbered("if", [*uplinks, *(point["interface"] for point in points)])
        self._switches = _Numbered("vswitch", _texts(node["vswitch"] for node in nodes))
        segments = [name for node in nodes for name in node["segments"]]
        segments += [_domain_of(node["id"]) for node in nodes]
        self._segments = _Numbered("segment", (name for name in segments if not _OWN_SEGMENT.fullmatch(name)))
        self._files = _Numbered("capture", [row["file"] for row in (*files, *points)])
        self._inventories = _Numbered("inventory", [row["file"] for row in graph["inventory"]])
        self._points = _Numbered("point", [point["id"] for point in points])
        neighbors = [one for point in points for one in point["neighbors"]]
        self._neighbors = _Numbered("neighbor", [one["name"] for one in neighbors])
        self._ports = _Numbered("port", [one["port"] for one in neighbors])
        self._nodes = self._numbered_nodes(nodes)
        self._ids = {node["id"]: self._new_id(node) for node in nodes}
        self._text = TextPseudonyms(self._addresses, self._known_names(nodes))
        self._by_field: dict[str, Callable[[str], str]] = {
            "id": self._id, "node": self._id, "source": self._id, "target": self._id,
            "host": self._by(self._hosts), "from_host": self._by(self._hosts), "to_host": self._by(self._hosts),
            "cluster": self._by(self._clusters), "vswitch": self._by(self._switches),
            "uplinks": self._by(self._interfaces), "interface": self._by(self._interfaces),
            "segments": self._segment, "points": self._by(self._points), "session": self._session,
            "macs": self._address_or_text, "ips": self._address_or_text,
        }  # fmt: skip

    def document(self) -> Document:
        """The copy."""
        old = self._document
        graph = self._row(old["graph"])
        graph["name"] = NAME
        graph["points"] = [self._capture_point(point) for point in old["graph"]["points"]]
        graph["captures"] = [
            self._row(row) | {"file": self._by(self._files)(row["file"]), "sha256": None}
            for row in old["graph"]["captures"]
        ]
        graph["inventory"] = [
            self._row(row) | {"file": self._by(self._inventories)(row["file"])} for row in old["graph"]["inventory"]
        ]
        return {**old, "graph": graph, "nodes": [self._node(node) for node in old["nodes"]],
                "edges": [self._row(edge) for edge in old["edges"]]}  # fmt: skip

    # --- parts of a document

    def _row(self, row: Mapping[str, Any]) -> dict[str, Any]:
        return {name: self._changed(item, name) for name, item in row.items()}

    def _changed(self, value: Any, field: str = "") -> Any:
        """A value with everything below it; what is not text stays."""
        if isinstance(value, dict):
            return self._row(value)
        if isinstance(value, list):
            return [self._changed(item, field) for item in value]
        if not isinstance(value, str) or (field in _OWN_WORDS and _PLAIN.fullmatch(value)):
            return value
        return self._by_field.get(field, self._text)(value)

    def _node(self, node: Mapping[str, Any]) -> dict[str, Any]:
        names = [{"name": self._name_of(node), "source": row["source"]} for row in node["names"]]
        return self._row(node) | {"label": self._address(node["label"]) or self._name_of(node), "names": names}

    def _capture_point(self, point: Mapping[str, Any]) -> dict[str, Any]:
        neighbors = [
            {**one, "name": self._by(self._neighbors)(one["name"]), "port": self._by(self._ports)(one["port"]),
             "platform": ""}
            for one in point["neighbors"]
        ]  # fmt: skip
        return self._row(point) | {
            "id": self._by(self._points)(point["id"]),
            "file": self._by(self._files)(point["file"]),
            "neighbors": neighbors,
        }

    # --- names

    def _numbered_nodes(self, nodes: list[dict[str, Any]]) -> dict[str, str]:
        """Node id to ``vm-1``, ``router-2``...; a group keeps the name that FlowMap gave it."""
        by_word: dict[str, list[str]] = {}
        for node in nodes:
            by_word.setdefault(_KIND_WORDS.get(node["kind"], node["kind"]), []).append(node["id"])
        found: dict[str, str] = {}
        for word, ids in by_word.items():
            found |= _Numbered(word, ids).all
        return found | {f"group:{name}": name for name in _OWN_GROUPS}

    def _new_id(self, node: Mapping[str, Any]) -> str:
        kind, _, rest = node["id"].partition(":")
        if kind in ("ip", "mac"):
            domain, _, address = rest.rpartition("/")
            return f"{kind}:{self._segment(domain)}/{self._address(address) or self._nodes[node['id']]}"
        return f"{kind}:{self._nodes[node['id']]}"

    def _name_of(self, node: Mapping[str, Any]) -> str:
        """A hypervisor is called as the host that it is."""
        return self._hosts.all.get(node["label"]) or self._nodes[node["id"]]

    def _address(self, text: str) -> str | None:
        """The pseudonym of a MAC or IP address; None for other text."""
        if re.fullmatch(r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}", text):
            return self._addresses.mac(text)
        try:
            return self._addresses.ip(text)
        except ValueError:
            return None

    def _address_or_text(self, text: str) -> str:
        return self._address(text) or self._text(text)

    def _known_names(self, nodes: list[dict[str, Any]]) -> dict[str, str]:
        """Every name in the document; where two things share one, the host is meant, then the machine."""
        known: dict[str, str] = {}
        for numbered in (self._ports, self._neighbors, self._interfaces, self._segments, self._switches,
                         self._clusters, self._inventories, self._files, self._points):  # fmt: skip
            known |= numbered.all
        for node in nodes:
            name = self._nodes[node["id"]]
            kind, _, rest = node["id"].partition(":")
            own = [node["label"], *(row["name"] for row in node["names"]), *([rest] if kind in ("vm", "group") else [])]
            known |= {text: name for text in own if not self._address(text)}
            known[node["id"]] = self._ids[node["id"]]
        known |= self._hosts.all
        return {name: pseudonym for name, pseudonym in known.items() if not _SAYS_NOTHING.fullmatch(name)}

    def _id(self, text: str) -> str:
        return self._ids.get(text) or self._text(text)

    def _by(self, numbered: _Numbered) -> Callable[[str], str]:
        return lambda text: numbered.all.get(text) or self._text(text)

    def _segment(self, text: str) -> str:
        return text if _OWN_SEGMENT.fullmatch(text) else self._by(self._segments)(text)

    def _session(self, text: str) -> str:
        """``erspan:10.0.0.5/77``: its kind, the pseudonym of its source, its numbers."""
        kind, colon, rest = text.partition(":")
        return f"{kind if kind in _MIRRORS else 'mirror'}{colon}{self._text(rest)}" if text else text


def _texts(values: Iterable[str | None]) -> list[str]:
    return [value for value in values if value]


def _domain_of(node_id: str) -> str:
    kind, _, rest = node_id.partition(":")
    return rest.rpartition("/")[0] if kind in ("ip", "mac") else ""
