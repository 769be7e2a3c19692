"""Strangers who spray the port range: the matrix of ES2025-01 / CVE-2025-53399 (RTP bleed and inject).

Before the true sender speaks, while it does, and while it is silent; RTP and SRTP; where the offer's address is the
sender's, and where NAT hides it. Nothing of a stranger may reach a recording, and nothing may ever be sent to one.
"""

import socket
import struct
import threading
import time

import pytest

from peer import g711
from peer.recorded_call import RecordedCall
from peer.rtp import assert_heard
from peer.server import EarshotServer, configuration, free_media_range
from peer.srtp import Keys, Session
from secure_call import SecureCall, finish, frames, paced

pytestmark = pytest.mark.engine
POISON = b"\x2a"
WIDTH = 60


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server with a narrow range of ports, so that every port is sprayed often."""
    ports = free_media_range(WIDTH)
    running = EarshotServer(tmp_path_factory.mktemp("sprayed"), configuration(media_range=ports)).start()
    running.ports = range(ports[0], ports[1] + 1)
    yield running
    running.stop()


class Sprayer(threading.Thread):
    """Sends to every port of the range, again and again, with what the call itself uses where `knows` is given."""

    def __init__(self, ports, host="127.0.0.3", knows=None, session=None):
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((host, 0))
        self.socket.setblocking(False)
        self.ports, self.knows, self.session = ports, knows, session
        self.stopping, self.rounds, self.answered = threading.Event(), 0, []

    def round(self):
        """One packet of RTP and one of RTCP to each port."""
        ssrc, sequence, timestamp = (
            (self.knows.ssrc, self.knows.sequence + self.rounds, self.knows.timestamp) if self.knows else (7, self.rounds, 0))
        packet = struct.pack("!BBHII", 0x80, 0, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc) + POISON * 160
        report = struct.pack("!BBHI", 0x80, 201, 1, ssrc)
        if self.session:
            packet, report = self.session.protect(packet), self.session.protect_control(report)
        for port in self.ports:
            for octets in (packet, report) if port % 2 == 0 else (report,):
                try:
                    self.socket.sendto(octets, ("127.0.0.1", port))
                except OSError:
                    pass
        self.rounds += 1
        try:
            while True:
                self.answered.append(self.socket.recvfrom(2048))
        except OSError:
            pass

    def run(self):
        while not self.stopping.wait(0.01):
            self.round()

    def finish(self):
        self.stopping.set()
        if self.is_alive():
            self.join(5)
        time.sleep(0.05)
        self.round()
        self.socket.close()
        assert not self.answered, f"something was sent to a stranger: {self.answered[:3]}"


def place(server, secure, nat, seed):
    """A call with one leg. Behind NAT the offer names an address that nothing comes from."""
    call = SecureCall(server, legs=1, seed=seed) if secure else RecordedCall(server, legs=1, seed=seed)
    offer = call.offer()
    if nat:
        offer = offer.replace(b"c=IN IP4 127.0.0.1", b"c=IN IP4 192.0.2.55")
    call.invite(offer=offer)
    return call


def judge(call, sent):
    recorded, legs = finish(call)
    for part in sent:
        assert_heard(recorded[0], g711.decode("u", b"".join(part)), "what the call's own sender said")
    assert g711.decode("u", POISON * 40) not in recorded[0], "a stranger is in the recording"
    return legs[0]


CASES = pytest.mark.parametrize("secure", [False, True], ids=["RTP", "SRTP"])
NAT = pytest.mark.parametrize("nat", [False, True], ids=["offered address", "behind NAT"])
KNOWING = pytest.mark.parametrize("knowing", [False, True], ids=["blind", "who know SSRC and sequence"])


@CASES
@NAT
def test_strangers_who_were_there_before_the_sender(secure, nat, server):
    with place(server, secure, nat, 600) as call:
        sprayer = Sprayer(server.ports, knows=call.legs[0], session=Session(Keys("AES_CM_128_HMAC_SHA1_80")) if secure else None)
        for _ in range(20):
            sprayer.round()
            time.sleep(0.01)
        parts = frames(600, 50)
        paced([lambda one=one: call.legs[0].send(one) for one in parts])
        sprayer.finish()
        leg = judge(call, [parts])
    assert leg["Packets"] == 50 and leg["Lost"] == 0


@CASES
@NAT
@KNOWING
def test_strangers_while_the_sender_speaks(secure, nat, knowing, server):
    with place(server, secure, nat, 610) as call:
        session = Session(Keys("AES_CM_128_HMAC_SHA1_80")) if secure else None
        sprayer = Sprayer(server.ports, knows=call.legs[0] if knowing else None, session=session)
        parts = frames(610, 75)
        sprayer.start()
        paced([lambda one=one: call.legs[0].send(one) for one in parts])
        sprayer.finish()
        leg = judge(call, [parts])
    assert leg["Packets"] == 75 and leg["Lost"] == 0


@CASES
@NAT
def test_strangers_while_the_sender_is_silent(secure, nat, server):
    with place(server, secure, nat, 620) as call:
        leg, before, after = call.legs[0], frames(620, 30), frames(621, 30)
        paced([lambda one=one: leg.send(one) for one in before])
        sprayer = Sprayer(server.ports, knows=leg, session=Session(Keys("AES_CM_128_HMAC_SHA1_80")) if secure else None)
        sprayer.start()
        time.sleep(2.6)  # longer than any patience that the source's address may have
        leg.timestamp += int(2.6 * 8000)
        leg.fresh = True
        paced([lambda one=one: leg.send(one) for one in after])
        sprayer.finish()
        judge(call, [before, after])


@CASES
def test_a_stranger_on_the_senders_own_host(secure, server):
    """Another program behind the same address: the port decides once the source has been learned."""
    with place(server, secure, False, 630) as call:
        leg, parts = call.legs[0], frames(630, 60)
        for one in parts[:8]:
            leg.send(one)
            time.sleep(0.02)
        sprayer = Sprayer(
            server.ports, host="127.0.0.1", knows=leg, session=Session(Keys("AES_CM_128_HMAC_SHA1_80")) if secure else None)
        sprayer.start()
        paced([lambda one=one: leg.send(one) for one in parts[8:]])
        sprayer.finish()
        judge(call, [parts])


def test_plain_rtp_sprayed_at_an_encrypted_call_behind_nat_teaches_nothing(server):
    with place(server, True, True, 640) as call:
        sprayer = Sprayer(server.ports, host="127.0.0.1", knows=call.legs[0])
        for _ in range(10):
            sprayer.round()
        parts = frames(640, 50)
        sprayer.start()
        paced([lambda one=one: call.legs[0].send(one) for one in parts])
        sprayer.finish()
        leg = judge(call, [parts])
    assert leg["Lost"] == 0 and leg["Unauthenticated"] > 0


@CASES
def test_strangers_at_the_ports_of_a_call_that_is_over_reach_no_later_one(secure, server):
    with place(server, secure, False, 650) as call:
        old = call.legs[0].destination[1]
        call.bye()
        call.ended(1)
    with place(server, secure, False, 651) as call:
        assert call.legs[0].destination[1] != old, "a released port rests before it is used again"
        sprayer = Sprayer(server.ports, session=Session(Keys("AES_CM_128_HMAC_SHA1_80")) if secure else None)
        sprayer.start()
        parts = frames(651, 40)
        paced([lambda one=one: call.legs[0].send(one) for one in parts])
        sprayer.finish()
        judge(call, [parts])


def test_a_leg_that_only_strangers_sent_to_is_empty_and_says_so(server):
    with place(server, False, False, 660) as call:
        sprayer = Sprayer(server.ports, knows=call.legs[0])
        sprayer.start()
        time.sleep(1.0)
        sprayer.finish()
        recorded, legs = finish(call)
    assert not any(recorded[0]) and legs[0]["Packets"] == 0 and legs[0]["EmptyReason"]


def test_ports_of_calls_are_even_random_and_not_in_a_row(server):
    found = []
    for seed in range(12):
        with RecordedCall(server, legs=1, seed=670 + seed) as call:
            call.invite()
            found.append(call.legs[0].destination[1])
            call.bye()
    assert all(port % 2 == 0 for port in found)
    steps = [b - a for a, b in zip(found, found[1:])]
    assert len(set(steps)) > 3, f"the ports follow a pattern: {found}"


