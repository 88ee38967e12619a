"""The sentence about a capture that could not be read to its end."""

from __future__ import annotations

from datetime import UTC, datetime

from flowmap.packets import NO_TIME


def damage_sentence(
    file: str, packets: int, reason: str, offset: int | None, total_bytes: int | None, latest_ns: int
) -> str:
    """Packets read, why no more, byte offset, bytes not read, time of the last good packet (DESIGN section 6).

    Parameters
    ----------
    file : str
        Name shown to people.
    packets : int
        Packets read.
    reason : str
        Goes on after "then".
    offset : int or None
        First byte that was not read, None where it is not known.
    total_bytes : int or None
        Size of the file; None where ``offset`` counts in decompressed data.
    latest_ns : int
        Time of the last packet, or ``NO_TIME``.
    """
    parts = [f"{file}: {packets:,} packets were read, then {reason}"]
    if offset is not None and total_bytes is None:
        parts.append(f"damage at byte {offset:,} of the decompressed data, the rest was not read")
    elif offset is not None and total_bytes is not None:
        left = max(total_bytes - offset, 0)
        share = 100 * left / total_bytes
        parts.append(f"damage at byte {offset:,} of {total_bytes:,}, {left:,} bytes ({share:.1f} %) not read")
    if latest_ns != NO_TIME:
        parts.append(f"last good packet at {_utc(latest_ns)}")
    return "; ".join(parts) + "."


def _utc(time_ns: int) -> str:
    seconds, fraction = divmod(time_ns, 10**9)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{fraction:09d}Z"
