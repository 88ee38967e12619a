"""Names and applications from packets: the second pass, with all of tshark's dissectors on.

It may reassemble, costs several times the column pass, and is never needed for the first map.
"""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Iterator, Sequence

from flowmap.capture import wraps
from flowmap.capture.dissect import TsharkFields
from flowmap.capture.labels import neutral
from flowmap.capture.layers import Stack, stack_of
from flowmap.capture.names import ApplicationRecord, NameRecord
from flowmap.capture.outcome import NoticeCounter
from flowmap.capture.places import Places
from flowmap.packets import TCP, UDP
from flowmap.settings import Settings

SEPARATOR = "\x1e"
"""Between the values of one field: names may hold commas, but tshark escapes control characters in them."""

FIELDS = (
    "frame.protocols", "frame.interface_id", "frame.section_number", "sll.ifindex",
    "ip.src", "ip.dst", "ipv6.src", "ipv6.dst", "udp.srcport", "udp.dstport",
    "tcp.srcport", "tcp.dstport", "tcp.flags",
    *wraps.FIELDS,
    "dhcp.hw.mac_addr", "dhcp.ip.your", "dhcp.ip.client", "dhcp.option.hostname", "dhcp.fqdn.name",
    "dns.flags.response", "dns.qry.name", "dns.resp.name", "dns.resp.type", "dns.a", "dns.aaaa", "dns.cname",
    "tls.handshake.extensions_server_name", "http.host", "http2.headers.authority", "ssh.protocol",
)  # fmt: skip

_PLACE = {name: place for place, name in enumerate(FIELDS)}

_TRANSPORTS = {"tcp": TCP, "udp": UDP}
_SHIMS = frozenset(("nbss", "tpkt", "cotp", "rpc", "ssl", "dtls", "websocket", "quic", "socks", "rdpudp"))
"""Layers that only carry another application when one stands above them."""

_NO_APPLICATION = frozenset(
    (
        "data",
        "data-text-lines",
        "media",
        "json",
        "xml",
        "mime_multipart",
        "urlencoded-form",
        "fake-field-wrapper",
    )
)
_SYN, _ACK = 2, 16
_A, _AAAA = "1", "28"


class NamePass:
    """Reads names and applications of one file once.

    Parameters
    ----------
    run : TsharkFields
        A run over :data:`FIELDS` with all dissectors on.
    places : Places
        Numbers the capture points, the same as in the column pass.
    settings : Settings
    notices : NoticeCounter
        Takes ``names_limit`` and ``names_incomplete``.
    """

    def __init__(self, run: TsharkFields, places: Places, settings: Settings, notices: NoticeCounter) -> None:
        self._run, self._places, self._limit, self._notices = run, places, settings.max_names, notices
        self._depth = settings.encapsulation_depth
        self._seen: set[tuple[str, str, str, int]] = set()
        self._servers: set[tuple[int, str, int]] = set()
        self._services: dict[tuple[int, str, int], Counter[str]] = {}

    def records(self) -> Iterator[NameRecord | ApplicationRecord]:
        """Names as they are met, then one application for each service."""
        frame_number = 0
        for lines in self._run.lines():
            for line in lines:
                frame_number += 1
                cells = line.decode("utf-8", "replace").split("\t")
                if len(cells) == len(FIELDS):
                    yield from self._names(_Frame(cells), frame_number)
        for (protocol, ip, port), seen in self._services.items():
            yield ApplicationRecord(protocol, ip, port, seen.most_common(1)[0][0])
        if self._run.exit is None or self._run.exit.kind != "ok":
            self._notices.add("names_incomplete")

    def _names(self, frame: _Frame, frame_number: int) -> Iterator[NameRecord]:
        stack = frame.stack
        if stack.ip is None or len(stack.wraps) > self._depth:
            return
        source, destination = frame.address("src"), frame.address("dst")
        transport = next((name for name in stack.tail[:1] if name in _TRANSPORTS), "")
        if not source or not destination or not transport:
            return  # also what an ICMP error quotes: the walk has stopped there
        self._note_application(frame, transport, source, destination)
        point = -1
        for name, kind, ip, mac in _found_names(frame, source, destination):
            key = (neutral(name), kind, ip, mac)
            if not name or _is_address(name) or key in self._seen:
                continue
            if len(self._seen) >= self._limit:
                self._notices.add("names_limit")
                return
            self._seen.add(key)
            point = self._point(frame) if point < 0 else point
            yield NameRecord(*key, point, frame_number)

    def _point(self, frame: _Frame) -> int:
        mirror = wraps.unwrap(frame.stack, frame.values)[0] if frame.stack.wraps else ""
        index = frame.values("sll.ifindex")
        return self._places.number(
            frame.text("frame.interface_id"),
            frame.text("frame.section_number"),
            int(index[0]) if index and frame.stack.is_cooked else -1,
            mirror,
        )

    def _note_application(self, frame: _Frame, transport: str, source: str, destination: str) -> None:
        """Count the application of a frame for the service it belongs to."""
        protocol = _TRANSPORTS[transport]
        place = frame.stack.udp if transport == "udp" else 0
        ports = [frame.values(f"{transport}.{end}port")[place : place + 1] for end in ("src", "dst")]
        if not all(ports):
            return
        client, server = (protocol, source, int(ports[0][0])), (protocol, destination, int(ports[1][0]))
        if transport == "tcp":
            flags = int(frame.text("tcp.flags").partition(SEPARATOR)[0] or "0", 0)
            if flags & (_SYN | _ACK) == _SYN and len(self._servers) < self._limit:
                self._servers.add(server)
        application = application_of(frame.stack.tail[1:])
        if not application:
            return
        if server not in self._servers and (client in self._servers or client[2] < server[2]):
            server = client
        if server in self._services:
            self._services[server][application] += 1
        elif len(self._services) < self._limit:
            self._services[server] = Counter((application,))
        else:
            self._notices.add("names_limit")


class _Frame:
    """The cells of one frame of the names pass."""

    __slots__ = ("_cells", "stack")

    def __init__(self, cells: list[str]) -> None:
        self._cells = cells
        self.stack: Stack = stack_of(cells[0])

    def text(self, name: str) -> str:
        return self._cells[_PLACE[name]]

    def values(self, name: str) -> list[str]:
        text = self._cells[_PLACE[name]]
        return text.split(SEPARATOR) if text else []

    def address(self, end: str) -> str:
        header = self.stack.ip
        values = self.values(f"{header.kind}.{end}") if header else []
        return values[header.number] if header and header.number < len(values) else ""


def application_of(layers: Sequence[str]) -> str:
    """The application among the layers above the transport: the lowest that is no shim, content or remark."""
    found = ""
    for layer in layers:
        if layer in _NO_APPLICATION or layer.startswith(("_ws.", "image-")):
            break
        found = layer
        if layer not in _SHIMS:
            break
    return found


def _found_names(frame: _Frame, source: str, destination: str) -> Iterator[tuple[str, str, str, int]]:
    """(name, source kind, address, MAC) of everything in the frame that names somebody."""
    for name in frame.values("dhcp.option.hostname") + frame.values("dhcp.fqdn.name"):
        macs = frame.values("dhcp.hw.mac_addr")
        mac = int(macs[0].replace(":", ""), 16) if macs and len(macs[0]) == 17 else -1
        given = frame.values("dhcp.ip.your")[:1] + frame.values("dhcp.ip.client")[:1]
        yield name.rstrip("."), "dhcp", next((ip for ip in given if ip != "0.0.0.0"), ""), mac
    for name in frame.values("tls.handshake.extensions_server_name"):
        yield name, "tls_sni", destination, -1
    for name in frame.values("http.host") + frame.values("http2.headers.authority"):
        yield _without_port(name), "http_host", destination, -1
    for name in frame.values("ssh.protocol"):
        yield name, "ssh_banner", source, -1
    if frame.values("dns.flags.response")[:1] in (["1"], ["True"]):
        yield from _answers(frame)


def _answers(frame: _Frame) -> Iterator[tuple[str, str, str, int]]:
    """Names that the answers give to addresses; the k-th record of type A owns the k-th ``dns.a``.

    An answer through an alias names the address twice: by the name asked for and by that of the record.
    """
    kind = "dns" if "dns" in frame.stack.tail else "mdns"
    owners, types = frame.values("dns.resp.name"), frame.values("dns.resp.type")
    if len(owners) != len(types):
        return
    asked = frame.values("dns.qry.name")[:1] if frame.values("dns.cname") else []
    for wanted, field in ((_A, "dns.a"), (_AAAA, "dns.aaaa")):
        named = [owner for owner, type_ in zip(owners, types, strict=True) if type_ == wanted]
        for owner, address in zip(named, frame.values(field), strict=False):
            for name in (owner, *asked):
                yield name.rstrip("."), kind, address, -1


def _is_address(name: str) -> bool:
    """An address in place of a name (a request by address) names nobody."""
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def _without_port(host: str) -> str:
    head, colon, tail = host.rpartition(":")
    return head if colon and tail.isdigit() else host
