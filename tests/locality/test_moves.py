"""Row 18: a VM that moves while it talks; each interval has its own verdict and the pair is mixed."""

from __future__ import annotations

import pytest

from tests.locality.two_hosts import APP, DB, REM, WEB, Lab
from tests.network import SECOND, START_NS, Claim, at, record, talk

MOVED_NS = START_NS + 50 * SECOND
DATA, ACKNOWLEDGEMENT = 1054, 54


class MovingLab(Lab):
    """APP starts at vnet1 of host-a and continues at vnet9 of host-b after 50 s."""

    def __init__(self, **facts) -> None:
        super().__init__(**facts)
        self.new_app = self.network.point("vnet9", "vnic", "host-b" if facts.get("hosts", True) else None,
                                          file="b.pcapng")  # fmt: skip
        self.network.claims.append(Claim(APP.mac, "", "rarp", self.new_app, -1, -1, 1, MOVED_NS))
        for machine, start, here, there in ((WEB, 0, self.web, self.app), (REM, 60, self.rem, self.new_app)):
            talk(self.network, machine, APP, (at(here), at(there)), (at(there), at(here)),
                 client_port=33, port=22, start_ns=START_NS + start * SECOND)  # fmt: skip
        talk(
            self.network, WEB, DB, (at(self.web), at(self.db)), (at(self.db), at(self.web)), client_port=34, segments=40
        )
        talk(
            self.network, APP, DB, (at(self.app), at(self.db)), (at(self.db), at(self.app)), client_port=35, segments=40
        )

    def stream(self, count: int = 100) -> None:
        """WEB sends to APP once a second and is answered: 50 times inside host-a, then to host-b."""
        for k in range(count):
            now = START_NS + k * SECOND
            if k < 50:
                there, back = (at(self.web), at(self.app)), (at(self.app), at(self.web))
            else:
                there = (at(self.web), at(self.up_a), at(self.up_b), at(self.new_app))
                back = tuple(reversed(there))
            self.network.send(WEB, APP, *there, seq=1 + k * 1000, time_ns=now)
            self.network.send(APP, WEB, *back, payload=0, seq=5, ack=1001 + k * 1000, ports=(80, 40_000),
                              time_ns=now + 1000)  # fmt: skip


def test_the_part_before_the_move_stayed_and_the_part_after_it_left():
    lab = MovingLab()
    lab.chatter()
    lab.stream()
    edge = lab.edge(WEB, APP)
    other = (12 * (DATA + ACKNOWLEDGEMENT) - DATA - 54) - 0  # the conversation on port 22 before the move
    assert edge["verdict"] == edge["left_host"] == "mixed"
    assert edge["left_bytes"] == pytest.approx(50 * (DATA + ACKNOWLEDGEMENT), rel=0.01)
    assert edge["stayed_bytes"] == pytest.approx(edge["wire_bytes"] - edge["left_bytes"], rel=0.001)
    assert edge["stayed_bytes"] == pytest.approx(50 * (DATA + ACKNOWLEDGEMENT) + other, rel=0.02)
    assert edge["evidence"][0]["rule"] == "sighting-18"
    assert "moved from host-a to host-b" in edge["evidence"][0]["text"]


def test_a_conversation_on_one_side_of_the_move_is_not_mixed():
    """REM and APP talked across hosts before it and on one host after it, in two conversations."""
    lab = MovingLab()
    lab.chatter()
    lab.stream()
    verdicts = {
        talk.conversation.five_tuple.low[1]: talk.verdict.verdict
        for talk in lab.network.map().talks
        if {talk.low.label, talk.high.label} == {REM.ip, APP.ip}
    }
    assert set(verdicts.values()) == {"inter_host", "intra_host_switched"}


def test_a_port_that_recorded_and_did_not_see_it_does_not_place_the_vm_there():
    """The new port shows one peer only, so nobody knows whose it is; the old one was silent all the while."""
    lab = MovingLab()
    lab.chatter()
    talk(lab.network, WEB, REM, (at(lab.web), at(lab.up_a), at(lab.rem)), (at(lab.rem), at(lab.up_a), at(lab.web)),
         start_ns=START_NS + 70 * SECOND, client_port=77)  # fmt: skip
    talk(lab.network, WEB, DB, (at(lab.web), at(lab.db)), (at(lab.db), at(lab.web)),
         start_ns=START_NS + 70 * SECOND, client_port=78)  # fmt: skip
    edge = lab.edge(REM, APP)
    late = 12 * (DATA + ACKNOWLEDGEMENT)
    assert edge["left_bytes"] <= edge["wire_bytes"] - late / 2


def test_a_fresh_inventory_of_before_the_move_makes_no_wrong_answer_after_it():
    lab = MovingLab()
    lab.chatter()
    lab.stream()
    edge = lab.edge(WEB, APP, record(WEB, "host-a"), record(APP, "host-a"))
    assert edge["left_bytes"] == pytest.approx(50 * (DATA + ACKNOWLEDGEMENT), rel=0.01)


def test_without_the_uplinks_the_part_after_the_move_still_left():
    lab = MovingLab(with_uplinks=False)
    lab.up_a = lab.up_b = lab.web
    for k in range(100):
        now = START_NS + k * SECOND
        app = lab.app if k < 50 else lab.new_app
        lab.network.send(WEB, APP, at(lab.web), at(app), seq=1 + k * 1000, time_ns=now)
        lab.network.send(APP, WEB, at(app), at(lab.web), payload=0, seq=5, ack=1001 + k * 1000, ports=(80, 40_000),
                         time_ns=now + 1000)  # fmt: skip
    edge = lab.edge(WEB, APP)
    assert edge["verdict"] == "mixed"
    assert edge["left_bytes"] == pytest.approx(50 * (DATA + ACKNOWLEDGEMENT), rel=0.01)
