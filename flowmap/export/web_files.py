"""Where the page's files are."""

from __future__ import annotations

from pathlib import Path

import flowmap


def web_folder() -> Path:
    """``flowmap/web`` in an installed package, ``web`` beside the package in a checkout."""
    package = Path(flowmap.__file__).parent
    installed = package / "web"
    return installed if installed.is_dir() else package.parent / "web"
