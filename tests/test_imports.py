"""Modules import backwards along the data's way only, and heavy libraries stay where they belong.

The order is that of ARCHITECTURE.md. What is checked is the source, so an import inside a function or under
``TYPE_CHECKING`` counts as well.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "flowmap"

# A module may import from its own stage and from those before it. A new stage gets its place here.
STAGES = (
    "healthcheck",
    "errors",
    "heap",
    "settings",
    "packets",
    "kernels",
    "capture",
    "legs",
    "leg_columns",
    "fold",
    "reading",
    "twins",
    "conversations",
    "conversation_table",
    "inventory",
    "mirror_points",
    "identity",
    "locality",
    "facts",
    "figures",
    "graph",
    "export",
    "tables",
    "report",
    "pipeline",
    "warm",
    "evidence",
    "views",
    "store",
    "api",
    "cli",
    "__main__",
)

# Third-party package -> the only places in flowmap/ that may import it.
CONFINED = {
    "pyshark": ("flowmap.capture",),
    "numba": ("flowmap.kernels",),
    "llvmlite": ("flowmap.kernels",),
    "duckdb": ("flowmap.export", "flowmap.tables", "flowmap.store"),
    "networkx": ("flowmap.graph", "flowmap.export"),
}


def module_name(path: Path, package: Path = PACKAGE) -> str:
    """``flowmap/export/csv.py`` -> ``flowmap.export.csv``; a folder's ``__init__`` is the folder."""
    parts = list(path.relative_to(package.parent).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported_modules(source: str, module: str, is_folder: bool) -> Iterator[tuple[int, str]]:
    """Every import of a module's source as (line, full dotted name).

    ``from a import b`` gives ``a.b``: whether ``b`` is a module or a name, its stage is the same, and
    ``from flowmap import graph`` is seen as what it is.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                levels_up = node.level - is_folder
                parents = module.split(".")
                above = parents[: len(parents) - levels_up]
                base = ".".join([*above, base]) if base else ".".join(above)
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)


def stage_of(module: str) -> str:
    """``flowmap.export.csv`` -> ``export``."""
    return module.split(".")[1]


def backward_violation(importer: str, imported: str) -> str | None:
    """Why this import is not allowed, or None."""
    if imported.split(".")[0] != "flowmap" or imported in ("flowmap", "flowmap.__version__"):
        return None  # not ours; or the package for its folder or its version, which loads no stage
    if importer == "flowmap":
        return None  # the package's own front, which gathers from every stage
    stage = stage_of(imported)
    if stage_of(importer) not in STAGES:
        return "has no place in the order"
    if stage not in STAGES:
        return f"imports {imported} from the package's front; import it from the module that defines it"
    if STAGES.index(stage) > STAGES.index(stage_of(importer)):
        return f"imports {imported}, a later stage"
    return None


def confinement_violation(importer: str, imported: str) -> str | None:
    """Why this third-party import is in the wrong place, or None."""
    homes = CONFINED.get(imported.split(".")[0])
    if homes is None or any(importer == home or importer.startswith(home + ".") for home in homes):
        return None
    return f"imports {imported}, which only {' and '.join(homes)} may"


def violations(root: Path = PACKAGE) -> list[str]:
    found = []
    for path in sorted(root.rglob("*.py")):
        importer = module_name(path, root)
        imports = imported_modules(path.read_text(encoding="utf-8"), importer, path.name == "__init__.py")
        for line, imported in imports:
            for rule in (backward_violation, confinement_violation):
                if reason := rule(importer, imported):
                    found.append(f"{path.relative_to(root.parent)}:{line} {reason}")
    return found


def test_every_module_has_a_stage():
    modules = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert modules - {"__init__"} <= set(STAGES), "give a new stage its place in STAGES and in ARCHITECTURE.md"


def test_modules_import_backwards_and_heavy_libraries_stay_home():
    assert violations() == []


@pytest.mark.parametrize(
    ("path", "source", "reason"),
    [
        ("legs.py", "from flowmap.graph import build", "a later stage"),
        ("legs.py", "from flowmap import graph", "a later stage"),
        ("legs.py", "import flowmap.cli", "a later stage"),
        ("legs.py", "def f():\n    from .api.app import create_app", "a later stage"),
        ("export/csv.py", "from ..pipeline import run", "a later stage"),
        ("export/__init__.py", "from ..api import app", "a later stage"),
        ("legs.py", "from flowmap import analyze", "the package's front"),
        ("pipeline.py", "import pyshark", "only flowmap.capture may"),
        (
            "identity.py",
            "from networkx.readwrite import json_graph",
            "only flowmap.graph and flowmap.export may",
        ),
    ],
)
def test_a_forbidden_import_is_found(tmp_path, path, source, reason):
    file = tmp_path / "flowmap" / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(source)
    found = violations(tmp_path / "flowmap")
    assert len(found) == 1 and reason in found[0]


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("cli.py", "from flowmap.errors import FlowMapError\nfrom flowmap import pipeline"),
        (
            "capture/tshark_fields.py",
            "import pyshark\nfrom flowmap.capture.points import Point\nfrom . import points",
        ),
        ("export/graphml.py", "import networkx as nx\nfrom flowmap.graph import build"),
        ("graph.py", "import networkx as nx\nimport numpy as np"),
        ("api/app.py", "from flowmap import __version__"),
        ("__init__.py", "from flowmap.pipeline import analyze"),
    ],
)
def test_an_allowed_import_passes(tmp_path, path, source):
    file = tmp_path / "flowmap" / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(source)
    assert violations(tmp_path / "flowmap") == []
