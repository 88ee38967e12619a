"""Compiling the kernels before they are needed: ``python -m flowmap.warm``.

``make run``, the build of the container image and the server at its start do so, because the first capture would
otherwise wait for it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable


def prepare_kernels(say: Callable[[str], None]) -> None:
    """Compile the kernels unless they stand in the cache, and tell so while it happens.

    Of several processes that come at the same time one compiles and the others wait for it.
    """
    from flowmap.kernels.folder import is_warm
    from flowmap.kernels.loading import compile_all

    if not is_warm():
        say("Compiling the kernels for this machine, once; this takes about half a minute.")
        compile_all()


def _say(text: str) -> None:
    sys.stderr.write(f"flowmap: {text}\n")


if __name__ == "__main__":
    prepare_kernels(_say)
