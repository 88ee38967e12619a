"""Reading made-up captures with FlowMap."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from flowmap.capture import Capture, Outcome, open_capture
from flowmap.capture.points import Registry
from flowmap.packets import COLUMNS, Claim, PacketBatch, ip_text
from flowmap.settings import Settings


@dataclass
class Result:
    """Everything that reading a file gave: all batches as one."""

    capture: Capture
    registry: Registry
    packets: PacketBatch
    outcome: Outcome

    def addresses(self, row: int = 0) -> tuple[str, str]:
        """Source and destination of a packet as text."""
        ends = (self.packets.src_ip[row], self.packets.dst_ip[row])
        return tuple(ip_text(int(high), int(low)) for high, low in ends)  # type: ignore[return-value]

    def notices(self) -> dict[str, int]:
        return {notice.code: notice.count for notice in self.outcome.notices}

    def mirror(self, row: int = 0) -> str:
        return self.registry.points[self.packets.point[row]].key.mirror


def read(path: Path, settings: Settings | None = None, reader: str = "auto") -> Result:
    """Read a file to its end."""
    settings = settings or Settings()
    registry = Registry(settings.max_points)
    capture = open_capture(path, registry, settings, reader=reader)
    batches = list(capture.batches())
    columns = {
        name: np.concatenate([getattr(batch, name) for batch in batches])
        if batches
        else np.zeros((0, 2) if name in ("src_ip", "dst_ip") else 0, dtype)
        for name, dtype in COLUMNS.items()
    }
    claims: list[Claim] = [claim for batch in batches for claim in batch.claims]
    assert capture.outcome is not None
    return Result(capture, registry, PacketBatch(**columns, claims=claims), capture.outcome)


def read_bytes(
    folder: Path, data: bytes, settings: Settings | None = None, name: str = "test.pcap", reader: str = "auto"
) -> Result:
    """Write a file and read it."""
    path = folder / name
    path.write_bytes(data)
    return read(path, settings, reader)
