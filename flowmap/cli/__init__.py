"""The command line (DESIGN section 6): the only place that prints or ends the process.

Exit 0: whole. 1: nothing could be read or done. 2: the command line is wrong. 3: damaged after at least one packet,
everything before it is in the result, which says ``"complete": false``.
"""

from __future__ import annotations

import atexit
import errno
import os
import sys

from flowmap.errors import FlowMapError


def main() -> None:
    """Run a command; every error is one sentence on standard error."""
    # FlowMap has no plugins for pydantic, which would otherwise look for some in every installed distribution.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    try:
        from flowmap.cli.commands import app

        app(prog_name="flowmap")
    except SystemExit as end:
        _end(end.code if isinstance(end.code, int) else int(end.code is not None))
    except FlowMapError as error:
        _leave(str(error), error.exit_code)
    except KeyboardInterrupt:
        _leave("Stopped.", 130)
    except BrokenPipeError:
        # The reader of our output has gone (`flowmap pairs ... | head`): that is its right.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as error:
        # A mapping that does not fit is an OSError, and so is a process that cannot be forked.
        if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
            way_out = "split it (editcap -c) or set FLOWMAP_MAX_LEGS lower"
            _leave(f"There is not enough memory for this capture; {way_out}.", 1)
        if said := _refused_setting(error):
            _leave(said, 2)
        if os.environ.get("FLOWMAP_DEBUG"):
            raise
        what = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        _leave(f"FlowMap failed where it should not ({what}); please report it with the output of FLOWMAP_DEBUG=1.", 1)


def _refused_setting(error: Exception) -> str:
    """The sentence for a variable of the environment that is no setting, "" for every other error."""
    from pydantic import ValidationError

    from flowmap.settings import Settings, wrong_setting

    if not isinstance(error, ValidationError) or error.title != Settings.__name__:
        return ""
    name, wrong = wrong_setting(error)
    what = f"{name} is wrong: {wrong[:1].lower()}{wrong[1:]}" if name else wrong
    return f"{what}; correct or unset it ('flowmap doctor' looks at every setting)."


def _leave(sentence: str, code: int) -> None:
    print(f"flowmap: {sentence}", file=sys.stderr)
    _end(code)


def _end(code: int) -> None:
    """Leave without taking apart what the process holds: unloading compiled code takes half a second."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except BrokenPipeError:
        pass  # its reader has gone
    atexit._run_exitfuncs()
    os._exit(code)
