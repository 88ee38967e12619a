"""What programs print for people, with the lines that scripts write between: `# vm: web`, `virsh domiflist web`.

A loop over VMs, bridges or hosts prints the same listing again and again; a line before each says what it is of.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from flowmap.inventory.cells import clean_name
from flowmap.inventory.documents import Lines

_NOTE = re.compile(r"#\s*(?P<key>host|node|vm|domain|bridge)\s*[:=]\s*(?P<value>\S.*)", re.IGNORECASE)
_PROMPT = r"(?:\[?[\w.@:~/ -]{0,80}\]?[#$>+]\s*)?(?:sudo\s+)?"
_BRACKETED_PROMPT = re.compile(r"\s*\[[\w.-]{1,40}@[\w.~/ -]{1,80}\][#$] ")
_VIRSH = re.compile(
    _PROMPT + r"virsh\s.{0,120}?\bdomif(?:list|addr)\s+(?:--domain[ =])?['\"]?(?P<vm>[^\s'\"-][^\s'\"]*)", re.IGNORECASE
)
_APPCTL = re.compile(_PROMPT + r"ovs-appctl\s.{0,120}?\bfdb/show\s+['\"]?(?P<bridge>[^\s'\"]+)")


def starts_with_prompt(text: str) -> bool:
    """Whether a text copied from a terminal starts like `[root@kvm-1 ~]# `, which is no JSON."""
    return _BRACKETED_PROMPT.match(text[:200]) is not None


@dataclass(frozen=True)
class Section:
    """What the lines so far say that the next ones are about; None where no line says."""

    host: str | None = None
    vm: str | None = None
    bridge: str | None = None


def sections(lines: Lines) -> Iterator[tuple[int, str, Section]]:
    """Each line that is none of these notes, with its number and what it is about."""
    section = Section()
    for number, line in enumerate(lines, 1):
        bare = line.strip()
        if noted := _noted(bare[:500], section):
            section = noted
        elif bare and not bare.startswith("#"):
            yield number, bare, section


def vm_in_file_name(name: str) -> str | None:
    """`domiflist-web1.txt` is of web1, `domiflist.txt` of nobody who is named."""
    stem = re.sub(r"\.(?:txt|log|out)$", "", name, flags=re.IGNORECASE)
    found = re.search(r"domif(?:list|addr)[._-](?P<vm>[^/\\]+)$", stem, re.IGNORECASE)
    return clean_name(found["vm"]) or None if found else None


def _noted(line: str, section: Section) -> Section | None:
    if note := _NOTE.fullmatch(line):
        value = clean_name(note["value"]) or None
        match note["key"].casefold():
            case "host" | "node":
                return Section(host=value)
            case "bridge":
                return replace(section, bridge=value)
            case _:
                return replace(section, vm=value)
    if command := _VIRSH.match(line):
        return replace(section, vm=clean_name(command["vm"]))
    if command := _APPCTL.match(line):
        return replace(section, bridge=clean_name(command["bridge"]))
    return None
