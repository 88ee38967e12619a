"""The sender of the live benchmark: what it was asked for comes out of the cable, in many conversations."""

import threading

from bench.live_load import CONVERSATIONS, frames_of, send
from flowmap.capture.live import LiveLimits
from tests.api.private_network import FAR, NEAR, private_network
from tests.capture.live_cable import capture, listeners, packets_of, wait_until


def test_what_is_sent_arrives():
    wanted, pairs, sent = CONVERSATIONS + 10, set(), []

    def send_once_heard():
        wait_until(lambda: listeners(FAR), "nobody listens")
        sent.append(send(NEAR, wanted, 1.0, 128))

    def note(batch):
        pairs.update(zip(batch.src_ip[:, 1].tolist(), batch.src_port.tolist(), strict=True))

    with private_network():
        live = capture(LiveLimits(30, 1 << 30, wanted))
        sender = threading.Thread(target=send_once_heard, daemon=True)
        sender.start()
        numbers, frame_bytes, _ = packets_of(live, each=note)
        sender.join()
    assert sent == [wanted] == [len(numbers)] and live.drops == {FAR: 0}
    assert frame_bytes == 128 * wanted and set(map(len, frames_of(128))) == {128}
    assert len(pairs) == CONVERSATIONS
