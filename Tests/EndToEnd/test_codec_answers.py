"""Another codec in the answer to the server's own offer, and what is too long for any codec.

A re-INVITE without a session description leaves the offer to the server (RFC 3261 section 14.2); the answer comes in the
ACK. The offer has named the ports already, so the stream that follows the change is received where the former one was.
"""

import time

import pytest

from peer import bodies, g711, matroska, records
from peer.recorded_call import RecordedCall
from peer.rtp import assert_heard
from peer.server import EarshotServer, configuration, connector
from secure_call import finish, frames, paced

pytestmark = pytest.mark.engine
ILBC = ("97", ["rtpmap:97 iLBC/8000", "fmtp:97 mode=20"])
PCMU = ("0", ["rtpmap:0 PCMU/8000"])
PCMA = ("8", ["rtpmap:8 PCMA/8000"])


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    """servers(format): a server whose connector writes that stream format; started once each."""
    running = {}

    def get(name):
        if name not in running:
            settings = configuration(connectors=[connector(streaming={"format": name})])
            running[name] = EarshotServer(tmp_path_factory.mktemp(name), settings).start()
        return running[name]

    yield get
    for one in running.values():
        one.stop()


def send(call, packets, payload_type):
    leg = call.legs[0]
    paced([lambda octets=octets: leg.send(octets, payload_type, samples=160, heard=False) for octets in packets])


def answer_with(call, codec):
    """The server offers in its 200; the ACK answers with `codec`, at the port where the stream was."""
    port = call.answer[0].port
    response = call.dialog.invite([("Supported", "timer")], acknowledge=False)
    assert response.status == 200, response.text()
    call.connect(response)
    assert call.answer[0].port == port, "an offer of the server moves a stream for no reason"
    call.dialog.acknowledge(response, (bodies.SDP, call.offer(codecs=[codec])))


def payloads(path):
    return [octets for fragment in matroska.read_recording(path).fragments for _, octets in fragment.blocks]


@pytest.mark.parametrize("name, first, second", [
    ("payload", PCMU, PCMA), ("payload", PCMU, ILBC), ("pcm", PCMU, ILBC), ("pcm", ILBC, PCMU),
], ids=["payloads", "payloads of a codec nobody knows", "to one nobody knows", "to one that can be decoded"])
def test_a_codec_in_the_answer_to_our_offer_begins_another_stream(name, first, second, servers):
    parts = frames(131, 120)
    packets = {codec[0]: [octets[:38] for octets in parts] if codec is ILBC else parts for codec in (first, second)}
    with RecordedCall(servers(name), legs=1, seed=131) as call:
        call.invite(offer=call.offer(codecs=[first]))
        send(call, packets[first[0]][:60], int(first[0]))
        time.sleep(0.1)
        answer_with(call, second)
        call.started(2)
        time.sleep(0.3)  # the worker has the new stream
        send(call, packets[second[0]][60:], int(second[0]))
        call.bye()
        call.ended(2)
        started = call.started(2)
        legs = call.record("SDR")[1]["Legs"]
        paths = {event["detail"]["startFragmentNumber"]: records.leg_file(call.server, event) for event in started}
    assert [leg["Packets"] for leg in legs] == [60, 60] and not any(leg["Lost"] for leg in legs)
    assert all("otherCodec" not in leg["DiscardedByReason"] for leg in legs), [leg["DiscardedByReason"] for leg in legs]
    for leg, codec, half in zip(legs, (first, second), (slice(0, 60), slice(60, 120))):
        path, sent = paths[leg["StartFragmentNumber"]], packets[codec[0]][half]
        if name == "pcm" and codec is PCMU:
            assert_heard(matroska.read_recording(path).pcm, g711.decode("u", b"".join(sent)), "the decoded stream")
        else:
            assert b"".join(payloads(path)).find(b"".join(sent)) >= 0, "payloads are missing"
    assert len(paths) == 2, "both streams are in one file"


def test_the_same_codec_in_the_answer_goes_on_in_its_stream(servers):
    packets = frames(132, 60)
    with RecordedCall(servers("payload"), legs=1, seed=132) as call:
        call.invite(offer=call.offer(codecs=[PCMU]))
        send(call, packets[:30], 0)
        answer_with(call, PCMU)
        send(call, packets[30:], 0)
        _, legs = finish(call)
        path = call.files(1)[0]
    assert len(legs) == 1 and [octets for octets in payloads(path) if octets in packets] == packets


def test_datagrams_that_are_too_long_are_in_the_record_of_their_leg(servers):
    with RecordedCall(servers("pcm"), seed=133) as call:
        call.invite()
        parts = frames(133, 40)

        def step(index):
            for leg in call.legs:
                leg.send(parts[index])
            if index % 10 == 3:
                call.legs[1].send_raw(b"\x80\x00" + b"\x01" * 2500)

        paced([lambda index=index: step(index) for index in range(40)])
        recorded, legs = finish(call)
    for index, leg in enumerate(call.legs):
        assert_heard(recorded[index], leg.expected_pcm, f"leg {index}")
    assert "tooLong" not in legs[0]["DiscardedByReason"] and legs[1]["DiscardedByReason"]["tooLong"] == 4
