"""Who can talk: virtual machines on hosts, and addresses outside behind a gateway."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bench.plans import Plan

HOSTS = 8
NETWORKS = 16
OUTSIDE = 700
GATEWAY_MAC = bytes.fromhex("00005e000101")
_VM_TTL, _OUTSIDE_TTL = 64, 56


@dataclass(frozen=True)
class Endpoints:
    """Columns of equal length, the virtual machines first.

    Attributes
    ----------
    machines : int
        How many of them are virtual machines.
    mac : uint8 (n, 6)
        The gateway's for what is outside.
    ipv4 : uint32 (n,)
    ipv6 : uint8 (n, 16)
    network : int64 (n,)
        From 0; the VLAN is 100 and the VNI 5000 more. What is outside has -1.
    host : int64 (n,)
        Hypervisor, from 0; ``HOSTS`` stands for the uplink to the outside.
    ttl : uint8 (n,)
        As seen at the mirror.
    """

    machines: int
    mac: npt.NDArray[np.uint8]
    ipv4: npt.NDArray[np.uint32]
    ipv6: npt.NDArray[np.uint8]
    network: npt.NDArray[np.int64]
    host: npt.NDArray[np.int64]
    ttl: npt.NDArray[np.uint8]


def endpoints_of(plan: Plan) -> Endpoints:
    """The endpoints of a capture: one machine for a hundred conversations, within bounds."""
    if plan.mix == "scan":
        return _endpoints(min(65_534, plan.frames // 100 + 2), outside=0)
    return _endpoints(min(max(plan.conversations // 100, 10), 4_000), OUTSIDE)


def _endpoints(machines: int, outside: int) -> Endpoints:
    vm, far = np.arange(machines), np.arange(outside)
    mac = np.empty((machines + outside, 6), np.uint8)
    mac[:machines, :3] = tuple(bytes.fromhex("525400"))  # QEMU and KVM
    serial = (vm * 0x9E3B + 0x1D4C) & 0xFFFFFF
    mac[:machines, 3], mac[:machines, 4], mac[:machines, 5] = serial >> 16, serial >> 8 & 0xFF, serial & 0xFF
    mac[machines:] = tuple(GATEWAY_MAC)

    # The three networks for documentation (RFC 5737) stand for the internet.
    documentation = np.array([0xC0000200, 0xC6336400, 0xCB007100])
    ipv6 = np.zeros((machines + outside, 16), np.uint8)
    ipv6[:machines, :4] = tuple(bytes.fromhex("fd000010"))
    ipv6[machines:, :4] = tuple(bytes.fromhex("20010db8"))
    number = np.concatenate([vm, far]) + 1
    ipv6[:, 14], ipv6[:, 15] = number >> 8 & 0xFF, number & 0xFF
    return Endpoints(
        machines=machines,
        mac=mac,
        ipv4=np.concatenate([0x0A0A0001 + vm, documentation[far % 3] + 1 + far // 3]).astype(np.uint32),
        ipv6=ipv6,
        network=np.concatenate([vm // HOSTS % NETWORKS, np.full(outside, -1)]),
        host=np.concatenate([vm % HOSTS, np.full(outside, HOSTS)]),
        ttl=np.concatenate([np.full(machines, _VM_TTL), np.full(outside, _OUTSIDE_TTL)]).astype(np.uint8),
    )
