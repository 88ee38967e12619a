"""No file grows past a screenful of screenfuls, and no name says nothing."""

from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLDERS = ("flowmap", "web", "tests", "captures")
SUFFIXES = {".py", ".js", ".css", ".html", ".sh"}
MAX_LINES = 400
NAMES_THAT_SAY_NOTHING = {"utils", "util", "helpers", "helper", "common", "core", "misc"}


def source_files() -> list[Path]:
    """The sources that people write here; vendored files are other people's."""
    return [
        path
        for folder in FOLDERS
        for path in sorted((ROOT / folder).rglob("*"))
        if path.suffix in SUFFIXES and path.is_file() and "vendor" not in path.relative_to(ROOT).parts
    ]


def test_the_search_finds_the_sources():
    found = {path.relative_to(ROOT).parts[0] for path in source_files()}
    assert found == set(FOLDERS)


def test_every_file_is_under_the_budget():
    lines = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in source_files()}
    too_long = {name: count for name, count in lines.items() if count >= MAX_LINES}
    assert too_long == {}, f"split along a noun of the domain; the budget is under {MAX_LINES} lines"


def test_no_file_or_folder_is_named_after_nothing():
    vague = [
        str(path.relative_to(ROOT))
        for path in source_files()
        if NAMES_THAT_SAY_NOTHING & {part.split(".")[0].lower() for part in path.relative_to(ROOT).parts}
    ]
    assert vague == [], "name it after what it holds"
