"""Names and applications from packets, with all of tshark's dissectors on.

Either over a whole file, or over the few frames that can hold names, which the header reader has handed over
(:mod:`flowmap.capture.handover`). It may reassemble, costs far more a frame than reading headers, and is never needed
for the first map.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from flowmap.capture import wraps
from flowmap.capture.handover import PCAPNG_READER, HandedFrames, HandedOrigin
from flowmap.capture.labels import neutral
from flowmap.capture.name_sources import FIELDS, SEPARATOR, Frame, names_in, neighbor_in
from flowmap.capture.names import ApplicationRecord, Found, LinkNeighbor, NameRecord
from flowmap.capture.outcome import NoticeCounter
from flowmap.capture.places import Places
from flowmap.capture.tshark_fields import TsharkFields
from flowmap.packets import TCP, UDP
from flowmap.settings import Settings

__all__ = ["FIELDS", "SEPARATOR", "NamePass", "application_of", "handed_names"]

MAX_LINK_NEIGHBORS = 4096

_TRANSPORTS = {"tcp": TCP, "udp": UDP}
_SHIMS = frozenset(("nbss", "tpkt", "cotp", "rpc", "ssl", "dtls", "websocket", "quic", "socks", "rdpudp"))
"""Layers that only carry another application when one stands above them."""

_NO_APPLICATION = frozenset(
    "data data-text-lines media json xml mime_multipart urlencoded-form fake-field-wrapper".split()
)
_SYN, _ACK = 2, 16


class NamePass:
    """Reads names and applications once.

    Parameters
    ----------
    run : TsharkFields
        A run over :data:`FIELDS` with all dissectors on; not None unless there is nothing to read.
    places : Places or HandedOrigin
        Says where a row of tshark comes from: the capture points of a whole file, numbered as in the column pass, or
        what is known of each handed frame.
    settings : Settings
    notices : NoticeCounter
        Takes ``names_limit`` and ``names_incomplete``.
    """

    def __init__(
        self, run: TsharkFields | None, places: Places | HandedOrigin, settings: Settings, notices: NoticeCounter
    ) -> None:
        self._run, self._limit, self._notices = run, settings.max_names, notices
        self._places = places if isinstance(places, Places) else None
        self._origin = None if isinstance(places, Places) else places
        self._depth = settings.encapsulation_depth
        self._seen: set[tuple[str, str, str, int]] = set()
        self._servers: set[tuple[int, str, int]] = set()
        self._services: dict[tuple[int, str, int], Counter[str]] = {}
        self._neighbors: dict[tuple[int, str, str, str, str], LinkNeighbor] = {}

    def stop(self) -> None:
        """End the search, from another thread than that which takes the records."""
        if self._run is not None:
            self._run.stop()

    def records(self) -> Iterator[Found]:
        """Names as they are met, then one application for each service and the other ends of wires, each once."""
        if self._run is None:
            return
        for lines in self._run.lines():
            for line in lines:
                cells = line.decode("utf-8", "replace").split("\t")
                if len(cells) == len(FIELDS):
                    yield from self._names(Frame(cells))
        for (protocol, ip, port), seen in self._services.items():
            yield ApplicationRecord(protocol, ip, port, seen.most_common(1)[0][0])
        yield from self._neighbors.values()
        if self._run.exit is None or self._run.exit.kind != "ok":
            self._notices.add("names_incomplete")

    def _names(self, frame: Frame) -> Iterator[NameRecord]:
        stack, row = frame.stack, int(frame.text("frame.number")) - 1
        if len(stack.wraps) > self._depth:
            return
        if stack.ip is None:
            self._note_neighbor(frame, row)
            return
        source, destination = frame.address("src"), frame.address("dst")
        if not source or not destination or not frame.ports()[0]:
            return  # also what an ICMP error quotes: the walk has stopped there
        self._note_application(frame, row, source, destination)
        for said in names_in(frame, source, destination):
            key = (neutral(said.name), said.source, said.ip, said.mac)
            if key in self._seen:
                continue
            if len(self._seen) >= self._limit:
                self._notices.add("names_limit")
                return
            self._seen.add(key)
            yield NameRecord(*key, *self._place(frame, row))

    def _place(self, frame: Frame, row: int) -> tuple[int, int]:
        """Capture point and frame number of a row."""
        if self._origin is not None:
            return self._origin.points[row], self._origin.frame_numbers[row]
        assert self._places is not None
        mirror = wraps.unwrap(frame.stack, frame.values)[0] if frame.stack.wraps else ""
        index = frame.values("sll.ifindex")
        point = self._places.number(
            frame.text("frame.interface_id"),
            frame.text("frame.section_number"),
            int(index[0]) if index and frame.stack.is_cooked else -1,
            mirror,
        )
        return point, row + 1

    def _note_neighbor(self, frame: Frame, row: int) -> None:
        """Keep what the other end of a wire says of itself, once; inside a tenant's tunnel it is no wire."""
        found = neighbor_in(frame)
        if found is None or not found[0] or wraps.unwrap(frame.stack, frame.values)[1] is not None:
            return
        point, number = self._place(frame, row)
        key = (point, neutral(found[0]), neutral(found[1]), neutral(found[2]), found[3])
        if key in self._neighbors:
            return
        if len(self._neighbors) >= MAX_LINK_NEIGHBORS:
            self._notices.add("names_limit")
            return
        self._neighbors[key] = LinkNeighbor(*key, number, frame.mac("src"), found[4])

    def _note_application(self, frame: Frame, row: int, source: str, destination: str) -> None:
        """Count the application of a frame for the service it belongs to."""
        transport, source_port, destination_port = frame.ports()
        protocol = _TRANSPORTS[transport]
        client, server = (protocol, source, source_port), (protocol, destination, destination_port)
        if transport == "tcp":
            flags = int(frame.text("tcp.flags").partition(SEPARATOR)[0] or "0", 0)
            if flags & (_SYN | _ACK) == _SYN and len(self._servers) < self._limit:
                self._servers.add(server)
        application = application_of(frame.stack.tail[1:])
        if not application:
            return
        if self._is_answer(client, server, row):
            server = client
        if server in self._services:
            self._services[server][application] += 1
        elif len(self._services) < self._limit:
            self._services[server] = Counter((application,))
        else:
            self._notices.add("names_limit")

    def _is_answer(self, source: tuple[int, str, int], destination: tuple[int, str, int], row: int) -> bool:
        """Whether the sender is the server: it was known at hand-over, a SYN said so, or it has the lower port."""
        stated = self._origin.to_server[row] if self._origin is not None else -1
        if stated >= 0:
            return stated == 0
        return destination not in self._servers and (source in self._servers or source[2] < destination[2])


def handed_names(frames: HandedFrames, tshark: str, settings: Settings, notices: NoticeCounter) -> NamePass:
    """The names pass over handed frames; without frames it starts nothing.

    tshark is ended after ``settings.name_seconds``; what it found until then is given and ``names_incomplete`` set.

    Parameters
    ----------
    frames : HandedFrames
        Complete; must stay open until the records are taken.
    tshark : str
        Absolute path of the program.
    settings : Settings
    notices : NoticeCounter
    """
    if not len(frames):
        return NamePass(None, frames.origin(), settings, notices)
    limited = settings.model_copy(update={"tshark_wall_s": min(settings.name_seconds, settings.tshark_wall_s)})
    run = TsharkFields(
        frames.finished(),
        tshark=tshark,
        read_format=PCAPNG_READER,
        fields=FIELDS,
        options=_handed_options(settings),
        settings=limited,
        separator=SEPARATOR,
    )
    return NamePass(run, frames.origin(), settings, notices)


def _handed_options(settings: Settings) -> tuple[str, ...]:
    """Overlays' ports as stated; first fragments and heads of web pages are read alone, for the rest never comes."""
    alone = ("ip.defragment", "ipv6.defragment", "http.desegment_body")
    options = [part for preference in alone for part in ("-o", f"{preference}:FALSE")]
    for ports, protocol in ((settings.vxlan_ports, "vxlan"), (settings.geneve_ports, "geneve")):
        options += [part for port in ports for part in ("-d", f"udp.port=={port},{protocol}")]
    return tuple(options)


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
