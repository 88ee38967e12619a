"""Sentences without the names and addresses that stand in them.

Names that the document tells are exchanged for their pseudonyms, addresses for theirs. A sentence can hold more than
that (a name of a row that was not believed, the other side of a translation), so of the rest only numbers and the words
that FlowMap's own sentences are made of are left as they are; every other word becomes ``name-n``. The words are read
from FlowMap's sources: where these are missing, no word is known, and all of them are exchanged.
"""

from __future__ import annotations

import functools
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from importlib import resources
from importlib.resources.abc import Traversable

from flowmap.export.anonymise_addresses import AddressPseudonyms

_WORD = re.compile(r"\w+")
_JOINED = re.compile(r"\w+(?:[-.@+/\\]\w+)*")
_HEX = "[0-9A-Fa-f]"
_NEARLY_ADDRESS = (
    rf"(?<!\w)(?:{_HEX}{{1,4}}(?:\.{_HEX}{{1,4}}){{3,}}|{_HEX}{{1,4}}(?:-{_HEX}{{1,4}}){{3,}}"
    rf"|{_HEX}{{0,4}}(?::{_HEX}{{0,4}}){{3,}}|{_HEX}{{4}}(?:\.{_HEX}{{1,4}}){{2}}|\d{{12}})(?!\w)"
)
_JOINED_OR_NEARLY = re.compile(rf"(?P<nearly>{_NEARLY_ADDRESS})|{_JOINED.pattern}")
"""What is no address because of one sign, such as a mistyped cell that a warning quotes, tells as much as one."""

_NUMBER = re.compile(r"\d+(?:[-.:/]\d+)*")
_TAG = re.compile(r"(?:vlan|vxlan|vxlan-gpe|geneve|nvgre|gre|point|section|interface|ifindex)\d+")
"""What FlowMap itself calls a segment or a point: a number is no name."""

_MAC = re.compile(
    r"(?<![0-9a-f][:.-])(?<![0-9a-f])"
    r"(?:[0-9a-f]{2}([:-])(?:[0-9a-f]{2}\1){4}[0-9a-f]{2}|[0-9a-f]{4}(?:\.[0-9a-f]{4}){2})(?![0-9a-f])",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"[0-9A-Fa-f:.]*[:.][0-9A-Fa-f:.]*(?:%\w+)?")
_IPV4 = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
_PREFIX = re.compile(r"/\d{1,3}(?![\w/])")
_FOREIGN = re.compile(r"[^\x20-\x7e]")

_DOCSTRING = re.compile(r'"""[\s\S]*?"""')
"""Holds examples: names that are nobody's words."""

_QUOTED = re.compile(r'"((?:[^"\\\n]|\\.)*)"')
_TIED_BEFORE = re.compile(r"\w[-.@]?\w\Z")
_TIED_AFTER = re.compile(r"\w[-.@]?\w")

SPEAKING = (
    "capture", "fold", "reading.py", "twins.py", "conversations.py", "inventory", "mirror_points.py", "identity",
    "locality", "facts.py", "figures.py", "graph.py", "pipeline.py", "api",
)  # fmt: skip
"""Where the sentences of a document are written."""


class TextPseudonyms:
    """Rewrites sentences under one choice of pseudonyms.

    Parameters
    ----------
    addresses : AddressPseudonyms
    names : mapping of str to str
        Every name that is known, and what to call it instead.
    """

    def __init__(self, addresses: AddressPseudonyms, names: Mapping[str, str]) -> None:
        self._addresses = addresses
        self._names = names
        self._unknown: dict[str, str] = {}
        self._seen: dict[str, str] = {}
        shapes: dict[str, set[tuple[int, int]]] = defaultdict(set)
        for name in names:
            if first := _WORD.search(name):
                shapes[first[0]].add((len(name), first.start()))
        # The longest name that fits is the one that is meant. Names are many and their lengths are few.
        self._shapes = {word: sorted(found, reverse=True) for word, found in shapes.items()}

    def __call__(self, text: str) -> str:
        """The sentence with pseudonyms."""
        found = self._seen.get(text)
        if found is None:
            found = self._seen[text] = self._rewritten(text)
        return found

    def _rewritten(self, text: str) -> str:
        parts, done = [], 0
        for word in _WORD.finditer(text):
            for length, offset in self._shapes.get(word[0], ()):
                start = word.start() - offset
                pseudonym = self._names.get(text[start : start + length]) if start >= done else None
                if pseudonym is not None and not _cuts_a_word(text, start, start + length):
                    parts += [self._rest(text[done:start]), pseudonym]
                    done = start + length
                    break
        return "".join([*parts, self._rest(text[done:])])

    def _rest(self, text: str) -> str:
        """A stretch without known names."""
        parts, done = [], 0
        for start, end, pseudonym in self._addresses_in(text):
            parts += [self._words(text[done:start]), pseudonym]
            done = end
        return "".join([*parts, self._words(text[done:])])

    def _addresses_in(self, text: str) -> Iterator[tuple[int, int, str]]:
        place = 0
        while found := _MAC.search(text, place):
            yield from self._ips_in(text, place, found.start())
            yield found.start(), found.end(), self._addresses.mac(_plain_mac(found[0]))
            place = found.end()
        yield from self._ips_in(text, place, len(text))

    def _ips_in(self, text: str, place: int, end: int) -> Iterator[tuple[int, int, str]]:
        for run in _ADDRESS.finditer(text, place, end):
            # "erspan:fe80::1" and "10.0.0.1:" touch a colon or a full stop that is not theirs.
            for shape in (run[0], run[0].rstrip(".:"), run[0].strip(".:"), *_IPV4.findall(run[0])[:1]):
                start = run.start() + run[0].find(shape)
                try:
                    pseudonym = self._addresses.ip(shape)
                except ValueError:
                    continue
                stop = start + len(shape)
                prefix = _PREFIX.match(text, stop)
                if prefix:
                    try:
                        pseudonym, stop = self._addresses.network(shape + prefix[0]), prefix.end()
                    except ValueError:
                        pass  # a session of a mirror, not a network
                yield start, stop, pseudonym
                break

    def _words(self, text: str) -> str:
        return _FOREIGN.sub("?", _JOINED_OR_NEARLY.sub(self._word, text))

    def _word(self, found: re.Match[str]) -> str:
        word = found[0]
        if not found["nearly"] and (_NUMBER.fullmatch(word) or _TAG.fullmatch(word) or word.lower() in own_words()):
            return word
        return self._unknown.setdefault(word, f"name-{len(self._unknown) + 1}")


def _cuts_a_word(text: str, start: int, end: int) -> bool:
    """A name inside a longer one (``web`` in ``web-011``) is not meant."""
    return bool(_TIED_BEFORE.search(text, max(0, start - 2), start + 1) or _TIED_AFTER.match(text, end - 1))


def _plain_mac(text: str) -> str:
    return bytes.fromhex(re.sub(r"[:.-]", "", text)).hex(":")


@functools.cache
def own_words() -> frozenset[str]:
    """The words of FlowMap's own sentences, in lower case; words that a sign joins count as one."""
    words: set[str] = set()
    for source in _sources():
        for sentence in _QUOTED.findall(_DOCSTRING.sub("", source)):
            words.update(found.lower() for found in _JOINED.findall(sentence))
    return frozenset(words)


def _sources() -> Iterator[str]:
    package = resources.files("flowmap")
    waiting: list[Traversable] = [package / name for name in SPEAKING]
    while waiting:
        found = waiting.pop()
        if found.is_dir():
            waiting.extend(found.iterdir())
        elif found.name.endswith(".py") and found.is_file():
            yield found.read_text("utf-8")
