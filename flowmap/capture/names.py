"""What only protocol dissectors can read from packets: names and applications."""

from __future__ import annotations

from typing import NamedTuple


class NameRecord(NamedTuple):
    """One name that packets gave to an address.

    ``source`` is ``dhcp``, ``dns``, ``mdns``, ``tls_sni``, ``http_host`` or ``ssh_banner``; ``ip`` is address text
    or "", ``mac`` 48 bits or -1; ``point`` and ``frame_number`` say where it was first seen.
    """

    name: str
    source: str
    ip: str
    mac: int
    point: int
    frame_number: int


class ApplicationRecord(NamedTuple):
    """The application that tshark recognised on a service, e.g. ``tls`` on (6, "10.0.0.1", 443)."""

    protocol: int
    ip: str
    port: int
    application: str
