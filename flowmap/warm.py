"""Compiling the kernels before they are needed: ``python -m flowmap.warm``.

``make run``, the build of the container image and the server at its start do so, because the first capture would
otherwise wait for it.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable


def prepare_kernels(say: Callable[[str], None], again_s: float | None = None) -> None:
    """Compile the kernels unless they stand in the cache, and tell so while it happens.

    Of several processes that come at the same time one compiles and the others wait for it, which looks as if they did
    nothing: ``again_s`` tells it again and again, for whoever ends a process that is silent.
    """
    from flowmap.kernels.folder import is_warm
    from flowmap.kernels.loading import compile_all

    if is_warm():
        return
    text = "Compiling the kernels for this machine, once; this takes about half a minute."
    say(text)
    compiled = threading.Event()

    def say_again() -> None:
        while not compiled.wait(again_s):
            say(text)

    teller = threading.Thread(target=say_again, daemon=True)
    if again_s is not None:
        teller.start()
    try:
        compile_all()
    finally:
        compiled.set()
        if again_s is not None:
            teller.join()


def _say(text: str) -> None:
    sys.stderr.write(f"flowmap: {text}\n")


if __name__ == "__main__":
    prepare_kernels(_say)
