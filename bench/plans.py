"""What a capture is to hold: a few numbers that fix every byte of it."""

from __future__ import annotations

from dataclasses import dataclass

MIXES = ("plain", "vlan", "vxlan", "erspan", "scan")
FORMATS = ("pcap", "pcap-ns", "pcapng")
BULK_SIZES = (17, 8, 16)
"""Weights of frames of 60, 590 and 1514 bytes: about 730 on average, like servers that move data."""
IMIX_SIZES = (7, 4, 1)
"""The classical Internet mix of the same sizes (64, 594, 1518 with checksum): about 360 bytes on average."""


@dataclass(frozen=True)
class Plan:
    """One capture file.

    Attributes
    ----------
    frames : int
        Records of the file.
    conversations : int
        Distinct innermost conversations; a scan has one for each frame.
    mix : str
        ``plain``; ``vlan`` (untagged, 802.1Q and QinQ); ``vxlan`` (untunnelled within a host, else VXLAN); ``erspan``
        (every packet copied by two ERSPAN II sessions: at its sender and at its receiver); ``scan`` (SYN only).
    format : str
        ``pcap`` (microseconds), ``pcap-ns`` (nanoseconds) or ``pcapng`` (nanoseconds).
    seed : int
        Another seed gives another capture of the same kind.
    sizes : tuple of int
        Weights of small, medium and large frames.
    frames_per_second : int
        Sets the time that the capture spans.
    """

    frames: int
    conversations: int
    mix: str = "plain"
    format: str = "pcap"
    seed: int = 1
    sizes: tuple[int, int, int] = BULK_SIZES
    frames_per_second: int = 200_000

    def __post_init__(self) -> None:
        if self.mix not in MIXES or self.format not in FORMATS:
            raise ValueError(f"{self.mix}, {self.format}: the mixes are {MIXES}, the formats {FORMATS}")
        if self.mix != "scan" and self.packets < 7 * self.conversations:
            raise ValueError(f"{self.frames} frames do not suffice for {self.conversations} conversations of 7 packets")
        if self.mix == "erspan" and self.frames % 2:
            raise ValueError("an ERSPAN capture holds each packet twice: its number of frames is even")

    @property
    def packets(self) -> int:
        """Different packets: half of the frames where a mirror copies each twice."""
        return self.frames // 2 if self.mix == "erspan" else self.frames

    @property
    def span_ns(self) -> int:
        """Time between the first and about the last frame."""
        return max(1_000_000_000, self.frames * 1_000_000_000 // self.frames_per_second)

    @property
    def file_name(self) -> str:
        """Tells what is in it."""
        kind = "" if self.sizes == BULK_SIZES else "-" + "-".join(map(str, self.sizes))
        suffix = "pcapng" if self.format == "pcapng" else "pcap"
        nanoseconds = "-ns" if self.format == "pcap-ns" else ""
        seed = "" if self.seed == 1 else f"-seed{self.seed}"
        return f"{self.mix}-{self.frames}f-{self.conversations}c{kind}{nanoseconds}{seed}.{suffix}"
