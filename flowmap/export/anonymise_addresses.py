"""Pseudonyms of addresses: prefixes that were equal stay equal, MACs lose their vendor.

The construction of Crypto-PAn (Xu, Fan, Ammar, Moon: "Prefix-Preserving IP Address Anonymization", ICNP 2002): bit i of
an address is flipped or not, as a keyed random function of the i bits before it says. Two addresses that share k bits
therefore share exactly k bits afterwards, and no two become one. The random function is keyed BLAKE2 of the standard
library instead of AES, one hash for the eight bits of a byte.

This is pseudonymisation: see docs/security.md for what it does not hide.
"""

from __future__ import annotations

import hashlib
import ipaddress

KEY_BYTES = 32


class AddressPseudonyms:
    """The pseudonyms under one key.

    Parameters
    ----------
    key : bytes
        32 random bytes; whoever has them can undo the mapping.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._ips: dict[str, str] = {}
        self._macs: dict[str, str] = {}
        self._given: set[str] = set()

    def ip(self, text: str) -> str:
        """The pseudonym of an IPv4 or IPv6 address, of the same family, in the spelling of :mod:`ipaddress`.

        Raises
        ------
        ValueError
            The text is no address.
        """
        found = self._ips.get(text)
        if found is None:
            address = ipaddress.ip_address(text.partition("%")[0])
            found = self._ips[text] = str(type(address)(self._mapped(int(address), address.max_prefixlen)))
        return found

    def network(self, text: str) -> str:
        """The pseudonym of ``10.0.0.0/24``: the network that holds the pseudonyms of its addresses.

        Raises
        ------
        ValueError
            The text is no network, or has bits behind its prefix.
        """
        network = ipaddress.ip_network(text)
        return str(ipaddress.ip_network(f"{self.ip(str(network.network_address))}/{network.prefixlen}", strict=False))

    def mac(self, text: str) -> str:
        """The pseudonym of a MAC: a locally administered one that tells no vendor; equal MACs get equal ones."""
        found = self._macs.get(text)
        attempt = 0
        while found is None:
            digest = self._digest(b"mac", text.encode(), bytes([attempt]))
            candidate = (b"\x02" + digest[:5]).hex(":")
            attempt += 1
            if candidate not in self._given:
                self._given.add(candidate)
                found = self._macs[text] = candidate
        return found

    def _mapped(self, value: int, bits: int) -> int:
        octets, result = value.to_bytes(bits // 8, "big"), bytearray()
        for number, octet in enumerate(octets):
            # 255 bits of one hash: a flip for each of the 1 + 2 + 4 ... + 128 beginnings of the next eight bits.
            flips = int.from_bytes(self._digest(b"ip%d" % bits, octets[:number]), "big")
            mapped, node = 0, 1
            for place in range(7, -1, -1):
                bit = octet >> place & 1
                mapped = mapped << 1 | bit ^ (flips >> node & 1)
                node = node << 1 | bit
            result.append(mapped)
        return int.from_bytes(result, "big")

    def _digest(self, *parts: bytes) -> bytes:
        return hashlib.blake2b(b"\0".join(parts), key=self._key, digest_size=32).digest()
