"""What only protocol dissectors can read from packets: names, applications and the ends of links."""

from __future__ import annotations

from typing import NamedTuple


class NameRecord(NamedTuple):
    """One name that packets gave to an address.

    ``ip`` is address text or "", ``mac`` 48 bits or -1; ``point`` and ``frame_number`` say where it was first seen.
    ``source`` says who named whom:

    - ``dhcp``, ``dhcpv6``: the client named itself to the server, or was named by it;
    - ``dns``, ``mdns``, ``llmnr``: an answer gave a name to an address;
    - ``nbns``, ``nbdgm``, ``ntlmssp``, ``kerberos``, ``rdp``: a machine gave its own computer name (of Kerberos only
      machine accounts and NetBIOS addresses);
    - ``syslog``: a message names its writer, which is the sender unless that is a relay;
    - ``tls_sni``, ``http_host``, ``smb2_tree``: a client said what it looks for at an address, a service's name;
    - ``ssh_banner``, ``http_server``: the software of a service.
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


class LinkNeighbor(NamedTuple):
    """What stands at the other end of a wire, as it says itself by LLDP, CDP or spanning tree (``protocol``).

    ``system_name`` is its name (the MAC of its chassis or bridge where it gives no name), ``port`` its own port,
    ``platform`` its description. At a mirror ``point`` this is the other end of some wire that was copied, not of the
    point's own. ``mac`` is the sender of the frame (-1 without Ethernet); ``forwards`` tells whether the sender says
    that it bridges or routes, None where it says nothing about it.
    """

    point: int
    system_name: str
    port: str
    platform: str
    protocol: str
    frame_number: int
    mac: int = -1
    forwards: bool | None = None


Found = NameRecord | ApplicationRecord | LinkNeighbor
"""What a search for names gives."""
