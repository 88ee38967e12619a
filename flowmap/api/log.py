"""Where tracebacks go: ``server.log`` in the data folder, for the operator; never a person's terminal or page."""

from __future__ import annotations

import logging
import secrets
from logging.handlers import RotatingFileHandler
from pathlib import Path

MAX_BYTES = 1 << 20


def log_fault(error: BaseException) -> str:
    """Write a mistake of ours to the log; gives the id under which people find it there."""
    fault = secrets.token_hex(4)
    logging.getLogger("flowmap.api").error("fault %s", fault, exc_info=error)
    return fault


def log_to(data_dir: Path) -> None:
    """Send what FlowMap logs to the data folder of this process."""
    logger = logging.getLogger("flowmap")
    for handler in list(logger.handlers):
        if isinstance(handler, RotatingFileHandler):
            logger.removeHandler(handler)
            handler.close()
    handler = RotatingFileHandler(data_dir / "server.log", maxBytes=MAX_BYTES, backupCount=1, delay=True)
    handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(levelname)s %(message)s"))
    logger.addHandler(handler)
    logger.propagate = False
