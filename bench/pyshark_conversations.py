"""Conversations the way pyshark's documentation shows: a FileCapture, packet by packet."""

import sys

import pyshark

if __name__ == "__main__":
    seen: set[tuple[str, ...]] = set()
    packets = 0
    with pyshark.FileCapture(sys.argv[1], keep_packets=False) as capture:
        for packet in capture:
            packets += 1
            ip = packet.ipv6 if "IPV6" in packet else packet.ip
            layer = packet.transport_layer
            if layer:
                ends = sorted([f"{ip.src}:{packet[layer].srcport}", f"{ip.dst}:{packet[layer].dstport}"])
                seen.add((layer, *ends))
    sys.stdout.write(f"{len(seen)} conversations, {packets} packets\n")
