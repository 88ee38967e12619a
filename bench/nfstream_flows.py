"""Run by the Python that has nfstream: flows of a capture, with everything that costs extra switched off."""

import sys

from nfstream import NFStreamer  # type: ignore[import-not-found, unused-ignore]

if __name__ == "__main__":  # its workers import this file again
    streamer = NFStreamer(
        source=sys.argv[1], n_dissections=0, statistical_analysis=False, splt_analysis=0, accounting_mode=0
    )
    flows = packets = 0
    for flow in streamer:
        flows += 1
        packets += flow.bidirectional_packets
    sys.stdout.write(f"{flows} flows, {packets} packets\n")
