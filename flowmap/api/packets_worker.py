"""The process of one download: reads captures again and writes the packets of a pair to standard output.

The process (:mod:`flowmap.api.child`) takes one JSON object as a line of standard input (see
:mod:`flowmap.api.routes.packets`) and answers with a line of JSON, ``{"error": sentence}`` or ``{}``; behind the latter
comes the pcapng stream. Status 0 means that it came to its end. SIGTERM ends it, and so does the death of the server:
a crash here, or a reader that goes away, costs one download and nothing else.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Generator
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

from flowmap.api.child import end_on_sigterm, own_output
from flowmap.api.log import log_fault, log_to
from flowmap.errors import FlowMapError
from flowmap.evidence.pair_packets import PacketCut, WantedPackets
from flowmap.settings import Settings
from flowmap.store.pairs import pair_legs
from flowmap.warm import prepare_kernels


def wanted_packets(command: dict[str, Any], settings: Settings) -> WantedPackets:
    """What the server asked for."""
    legs = pair_legs(Path(command["folder"]), command["revision"], settings, command["source"], command["target"])
    if legs is None:
        raise FlowMapError("The result of this map has just been replaced; try again.")
    captures = [(Path(path), name) for path, name in command["captures"]]
    return WantedPackets(captures, legs.rows, legs.points, legs.tunnels, command["comment"], command["application"])


def main() -> None:
    """Entry of the process."""
    os.umask(0o077)
    stream = own_output()
    end_on_sigterm()
    command = json.loads(sys.stdin.buffer.readline())
    settings = Settings(**command["settings"])
    log_to(settings)
    pieces: Generator[bytes, None, None] | None = None
    began = False
    try:
        prepare_kernels(lambda text: None)
        pieces = PacketCut(wanted_packets(command, settings), settings).pieces()
        first = next(pieces)
        stream.write(b"{}\n")
        began = True
        for piece in chain([first], pieces):
            stream.write(piece)
            stream.flush()
    except (BrokenPipeError, SystemExit):  # nobody reads any more, so that flushing at the exit would wait for ever
        if pieces is not None:
            pieces.close()
        os._exit(1)
    except FlowMapError as error:
        _refuse(None if began else stream, str(error))
    except Exception as error:
        fault = log_fault(error)
        sentence = f"FlowMap made a mistake in this download; server.log tells more under the id {fault}."
        _refuse(None if began else stream, sentence)


def _refuse(stream: BinaryIO | None, sentence: str) -> None:
    """Before the first piece the server tells the sentence. After it, without a stream, the status alone says that the
    end is missing: a sentence would stand among the packets."""
    if stream is not None:
        stream.write(json.dumps({"error": sentence}).encode() + b"\n")
        stream.flush()
    raise SystemExit(1)
