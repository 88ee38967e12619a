"""What is measured: captures of several kinds, and which peers run on each."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from bench.peers import Peer
from bench.plans import Plan

QUICK_FRAMES, USUAL_FRAMES, FULL_FRAMES = 100_000, 1_000_000, 10_000_000
_COUNTERS = ("flowmap", "nfpcapd", "argus")


@dataclass(frozen=True)
class Case:
    """One capture and the beginnings of the names of the peers that run on it (none: all of them)."""

    key: str
    title: str
    plan: Plan
    peers: tuple[str, ...] = ()

    def runs(self, peer: Peer) -> bool:
        """Whether the peer has a row in this case."""
        return not self.peers or peer.name.startswith(self.peers)

    def plan_for(self, peer: Peer) -> Plan:
        """The case's capture, or for a slow peer a smaller one with as many frames in each conversation."""
        if peer.max_frames is None or peer.max_frames >= self.plan.frames:
            return self.plan
        frames = peer.max_frames
        scaled = frames if self.plan.mix == "scan" else max(10, self.plan.conversations * frames // self.plan.frames)
        return dataclasses.replace(self.plan, frames=frames, conversations=scaled)


def cases_of(frames: int) -> list[Case]:
    """The cases with captures of so many frames, and of a fifth as many for the kinds that differ in form only."""
    few = min(20_000, frames // 50)
    part = max(frames // 5, min(frames, QUICK_FRAMES))
    few_of_part = min(20_000, part // 50)
    others = ("flowmap",) if frames == QUICK_FRAMES else _COUNTERS
    return [
        Case("few", f"{few:,} conversations", Plan(frames, few)),
        Case("many", f"{frames // 10:,} conversations", Plan(frames, frames // 10), _COUNTERS),
        Case("scan", f"scan of {frames:,} 5-tuples", Plan(frames, frames, "scan"), _COUNTERS),
        Case("vlan", "VLAN and QinQ", Plan(part, few_of_part, "vlan"), others),
        Case("vxlan", "VXLAN", Plan(part, few_of_part, "vxlan"), others),
        Case("erspan", "ERSPAN, every packet twice", Plan(part, few_of_part, "erspan"), others),
        Case("pcapng", "pcapng", Plan(part, few_of_part, format="pcapng"), others),
        Case("nanoseconds", "pcap with nanoseconds", Plan(part, few_of_part, format="pcap-ns"), others),
    ]
