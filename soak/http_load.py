"""Strangers who hold connections, send large heads and ask without end, while a new client wants to know how it is."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from multiprocessing.connection import Connection
from pathlib import Path

from soak.health_probe import HealthProbe
from soak.report import Report
from soak.server import PATIENCE_S, Server, serving, settled

SLOW, LARGE, ORDINARY = 96, 4, 8
"""Clients at once; the slow ones alone are more than the connections that the server has."""

CONNECTIONS = 64

_DRIP_S, _AGAIN_S = 0.25, 2.0
"""Between two bytes of a slow head, and before a slow client that was cut off comes back. Whoever is new takes the
place of who has waited longest, so a new client has the time of some 64 others to ask: seconds at this pace.
"""

_LOOK_S = 0.1
_KIBIBYTES = (17, 32, 64, 200)
_PATHS = ("/", "/vendor/d3.min.js", "/js/main.js", "/api/maps", "/api/nothing")
_SPARE_DESCRIPTORS = 3

Address = tuple[str, int]
Client = Callable[[Address, Counter[str]], Coroutine[None, None, None]]


def http_load(folder: Path, seconds: float, most_ms: float | None = None, seed: int = 5) -> Report:
    """Slow heads, large heads and bursts of plain requests for some seconds.

    Parameters
    ----------
    most_ms : float, optional
        What 99 of 100 answers of /healthz to a client with a new connection may take; not looked at without it.
    """
    report = Report(f"{SLOW} slow heads, {LARGE} clients with large ones and {ORDINARY} in haste for {seconds:g} s")
    with serving(folder / "data") as server:
        before = settled(server).descriptors
        with HealthProbe(server, fresh=True) as alone:
            time.sleep(seconds / 4)
        most = 0
        with _crowd(server, seconds, seed) as counted, HealthProbe(server, fresh=True) as probe:
            while (counts := counted()) is None:
                most = max(most, server.usage().descriptors - before)
        after = settled(server).descriptors - before
    report.outcomes += counts
    report.figures |= {"healthz ms with nobody else, p99": alone.p99_ms, **probe.figures()}
    report.figures["ordinary answers a second"] = counts["ordinary answered"] / seconds
    report.figures["descriptors more, meanwhile and after"] = f"{most}, {after}"
    report.check(probe.errors == 0, f"/healthz failed {probe.errors} times")
    report.check(after <= _SPARE_DESCRIPTORS, f"{after} descriptors more are left")
    report.check(counts["slow cut off"] >= SLOW - CONNECTIONS, "slow connections beyond the limit were held")
    report.check(counts["large refused"] > 0 and not counts["large let in"], "large heads were let in")
    report.check(counts["ordinary answered"] > 0, "nobody else was answered")
    report.check(not counts["ordinary failed"], f"{counts['ordinary failed']} plain requests were not answered")
    if most_ms is not None:
        took = f"99 of 100 answers of /healthz took up to {probe.p99_ms:.0f} ms, not less than {most_ms:g}"
        report.check(probe.p99_ms < most_ms, took)
    return report


@contextlib.contextmanager
def _crowd(server: Server, seconds: float, seed: int) -> Iterator[Callable[[], Counter[str] | None]]:
    """The clients in a process of their own, whose work shall not delay who asks /healthz.

    Gives who waits a moment for their end and then has what they counted.
    """
    receiving, sending = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("spawn").Process(
        target=_run_crowd, args=(server.address, seconds, seed, sending)
    )
    process.start()
    sending.close()

    end = time.monotonic() + seconds + PATIENCE_S

    def counted() -> Counter[str] | None:
        if receiving.poll(_LOOK_S):
            found: Counter[str] = receiving.recv()
            return found
        if time.monotonic() > end:
            raise TimeoutError("the clients did not come to their end")
        return None

    try:
        yield counted
    finally:
        receiving.close()
        process.kill()
        process.join()


def _run_crowd(address: Address, seconds: float, seed: int, told: Connection) -> None:
    random.seed(seed)
    told.send(asyncio.run(_all_clients(address, seconds)))


async def _all_clients(address: Address, seconds: float) -> Counter[str]:
    counts: Counter[str] = Counter()
    clients: list[Client] = [*[_slow] * SLOW, *[_large] * LARGE, *[_ordinary] * ORDINARY]
    end = time.monotonic() + seconds
    await asyncio.gather(*(_again_and_again(client, address, end, counts) for client in clients))
    return counts


async def _again_and_again(client: Client, address: Address, end: float, counts: Counter[str]) -> None:
    if client is _slow:
        await asyncio.sleep(random.uniform(0, _AGAIN_S))
    while (left := end - time.monotonic()) > 0:
        if client is _slow:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(client(address, counts), left)
            await asyncio.sleep(_AGAIN_S)
        else:
            await client(address, counts)


async def _slow(address: Address, counts: Counter[str]) -> None:
    """Drip the head of a request until the server has enough of it."""
    try:
        async with _connection(address) as (reader, writer):
            counts["slow opened"] += 1
            writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
            while True:
                with contextlib.suppress(TimeoutError):
                    if not await asyncio.wait_for(reader.read(1 << 16), _DRIP_S):
                        raise ConnectionResetError
                writer.write(b"x")
                await writer.drain()
    except ConnectionError:
        counts["slow cut off"] += 1


async def _large(address: Address, counts: Counter[str]) -> None:
    """Send a head that is too large: every second one whole, the others without an end."""
    size = random.choice(_KIBIBYTES) << 10
    head = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX-Large: " + b"x" * size
    answer = await _answer(address, head + (b"\r\n\r\n" if random.random() < 0.5 else b""))
    # A connection that is closed while its client still sends is reset, and with it the answer may be lost.
    refused = not answer or answer.split(b" ", 2)[1] in (b"400", b"431")
    counts["large refused" if refused else "large let in"] += 1


async def _ordinary(address: Address, counts: Counter[str]) -> None:
    """Ask for a page, a file, or what a stranger may not see."""
    path = random.choice(_PATHS)
    head = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    answer = await _answer(address, head.encode())
    wanted = b"401" if path.startswith("/api/") else b"200"
    good = answer.startswith(b"HTTP/1.1 " + wanted) and len(answer.partition(b"\r\n\r\n")[2]) > 0
    counts["ordinary answered" if good else "ordinary failed"] += 1


async def _answer(address: Address, request: bytes) -> bytes:
    """Everything that comes back until the connection ends."""
    answer = b""
    with contextlib.suppress(ConnectionError):
        async with _connection(address) as (reader, writer):
            writer.write(request)
            while piece := await reader.read(1 << 16):
                answer += piece
    return answer


@contextlib.asynccontextmanager
async def _connection(address: Address) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection(*address)
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
