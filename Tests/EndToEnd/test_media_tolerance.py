"""What networks and senders do to RTP, on real sockets: the call goes on, the rest of the audio is where it belongs."""

import os
import random
import socket
import struct
import time

import pytest

from peer import g711, matroska
from peer.recorded_call import RecordedCall
from peer.rtp import Speaker, assert_heard
from secure_call import frames, paced


@pytest.fixture
def call(server, request):
    with RecordedCall(server, seed=500 + len(request.node.name)) as placed:
        yield placed


def finish(call):
    """BYE; gives (PCM of leg 0, leg 0 of the SDR)."""
    call.bye()
    call.ended()
    pcm = matroska.read_recording(call.files()[0]).pcm
    legs = sorted(call.record("SDR")[1]["Legs"], key=lambda leg: leg["MediaIndex"])
    return pcm, legs[0]


def places(pcm, *pieces):
    """Where each piece of sent codes begins in the recording, in milliseconds."""
    return [assert_heard(pcm, g711.decode("u", b"".join(piece)), f"piece {index}") / 16 for index, piece in enumerate(pieces)]


def test_five_seconds_of_silence_do_not_end_a_call(call):
    call.invite()
    began = time.monotonic()
    assert call.endpoint.nothing_arrives(5.0, lambda m: not m.is_response), "the server sent a request into the silence"
    assert call.dialog.request("OPTIONS").status == 200
    lasted = time.monotonic() - began
    pcm, leg = finish(call)
    assert not any(pcm) and len(pcm) / 16000 == pytest.approx(lasted, abs=0.6)
    assert leg["Packets"] == 0 and leg["EmptyReason"]


def test_a_media_limit_ends_a_silent_call_but_not_one_on_hold(new_server):
    server = new_server(media={"idleTimeout": "1s"})
    with RecordedCall(server, seed=580) as silent, RecordedCall(server, seed=581) as held, RecordedCall(server, seed=582) as busy:
        for one in (silent, held, busy):
            one.invite()
        held.reinvite(held.offer(direction="inactive"))
        speaker = busy.speak([g711.noise(20, 3), b""], wait=False)
        bye = silent.endpoint.wait(lambda m: not m.is_response and m.method == "BYE", 5, "BYE of the silent call")
        assert bye.arrived - silent.dialog.sent_at >= 0.9
        assert len(silent.ended()) == 2 and silent.record("CDR")
        assert held.endpoint.nothing_arrives(1.5, lambda m: not m.is_response), "a call on hold is no dead call"
        assert not busy.endpoint.requests("BYE"), "one leg that speaks keeps its call"
        speaker.stop()
        held.bye()
        busy.bye()


def test_a_leg_that_never_speaks_is_as_long_as_the_other(call):
    call.invite()
    call.speak([g711.noise(1, 1.0), b""])
    call.bye()
    call.ended()
    lengths = [len(matroska.read_recording(path).pcm) for path in call.files()]
    assert lengths[0] == lengths[1] >= 16000
    legs = sorted(call.record("SDR")[1]["Legs"], key=lambda leg: leg["MediaIndex"])
    assert not legs[0].get("EmptyReason") and legs[1]["EmptyReason"]


def test_a_pressed_key_is_not_heard_as_loss(call):
    call.invite(offer=call.offer(events=True))
    leg, before, after = call.legs[0], frames(2, 30), frames(3, 30)
    steps = [lambda one=one: leg.send(one) for one in before]
    base = []

    def event(index, final):
        if index == 0:
            base.append(leg.timestamp)
        leg.timestamp = base[0]  # RFC 4733 section 2.5.1.2: every packet of an event has its first timestamp
        leg.send(struct.pack("!BBH", 5, 0x8A if final else 0x0A, min(index + 1, 8) * 160), 101, index == 0, 0, heard=False)

    steps += [lambda index=index: event(index, index >= 7) for index in range(10)]

    def resume(one):
        leg.timestamp = base[0] + 10 * 160
        leg.send(one, marker=True)

    steps.append(lambda: resume(after[0]))
    steps += [lambda one=one: leg.send(one) for one in after[1:]]
    paced(steps)
    pcm, found = finish(call)
    first, second = places(pcm, before, after)
    assert second - first == pytest.approx(30 * 20 + 10 * 20, abs=1)
    assert (found["Lost"], found["ConcealedMilliseconds"]) == (0, 0)


@pytest.mark.parametrize("kind", ["an unknown payload type", "an unknown payload type of the same call clock"])
def test_payloads_that_are_not_known_never_break_a_call(kind, call):
    call.invite()
    leg, before, after = call.legs[0], frames(4, 25), frames(5, 25)
    strange = (lambda: leg.send(os.urandom(60), 97, samples=160, heard=False)) if "same" in kind else (
        lambda: leg.send(os.urandom(700), 115, samples=480, heard=False))
    paced([lambda one=one: leg.send(one) for one in before] + [strange] * 10 + [lambda one=one: leg.send(one) for one in after])
    pcm, found = finish(call)
    first, second = places(pcm, before, after)
    if "same" in kind:
        assert second - first == pytest.approx(25 * 20 + 10 * 20, abs=1)
    assert found["Packets"] >= 50 and found["Lost"] == 0


def test_lost_packets_are_counted_and_the_rest_stays_in_its_place(call):
    call.invite()
    leg, all_frames = call.legs[0], frames(6, 75)
    lost = {20, 21, 40}

    def step(index):
        if index in lost:
            leg.sequence += 1
            leg.timestamp += 160
        else:
            leg.send(all_frames[index])

    paced([lambda index=index: step(index) for index in range(75)])
    pcm, found = finish(call)
    a, b, c = places(pcm, all_frames[:20], all_frames[22:40], all_frames[41:])
    assert (b - a, c - a) == (pytest.approx(22 * 20, abs=0.2), pytest.approx(41 * 20, abs=0.2))
    assert found["Lost"] == 3 and found["ConcealedMilliseconds"] + found["FilledMilliseconds"] >= 60


def test_reordered_and_doubled_packets_give_the_same_samples(call):
    call.invite()
    leg, all_frames = call.legs[0], frames(7, 60)
    packets = []
    for one in all_frames:
        packets.append(leg.packet(one, marker=not packets))
        leg.sequence += 1
        leg.timestamp += 160
    order = list(range(60))
    for index in (10, 25, 40):
        order[index], order[index + 1] = order[index + 1], order[index]
    steps = []
    for index in order:
        steps.append(lambda index=index: [leg.send_raw(packets[index]) for _ in range(2 if index in (15, 50) else 1)])
    paced(steps)
    pcm, found = finish(call)
    places(pcm, all_frames)
    assert (found["Duplicates"], found["Lost"], found["Late"]) == (2, 0, 0) and found["Reordered"] >= 3


def test_jitter_of_150_milliseconds_is_taken_up(call):
    call.invite()
    leg, all_frames = call.legs[0], frames(8, 75)
    generator = random.Random(8)
    start, due = time.perf_counter(), []
    for index, one in enumerate(all_frames):
        due.append((start + index * 0.02 + (generator.random() * 0.15 if index > 5 else 0), leg.packet(one, marker=index == 0)))
        leg.sequence += 1
        leg.timestamp += 160
    for moment, packet in sorted(due):
        time.sleep(max(0, moment - time.perf_counter()))
        leg.send_raw(packet)
    pcm, found = finish(call)
    places(pcm, all_frames)
    assert (found["Lost"], found["Late"]) == (0, 0)


@pytest.mark.parametrize("milliseconds", [10, 30, 40, 60])
def test_packets_of_other_lengths_are_recorded(milliseconds, call):
    call.invite()
    size = milliseconds * 8
    seconds = 1200 // milliseconds * milliseconds / 1000
    speaker = Speaker([(call.legs[0], g711.noise(9, seconds))], milliseconds)
    speaker.start()
    speaker.finish()
    assert call.legs[0].packets == int(seconds * 8000) // size
    pcm, found = finish(call)
    assert_heard(pcm, call.legs[0].expected_pcm, f"{milliseconds} ms packets")
    assert found["Lost"] == 0


def test_a_new_ssrc_and_a_new_law_go_on_on_the_same_leg(call):
    call.invite(offer=call.offer().replace(b"RTP/AVP 0", b"RTP/AVP 0 8"))
    leg, first, second, third = call.legs[0], frames(10, 30), frames(11, 30), frames(12, 30)
    steps = [lambda one=one: leg.send(one) for one in first]

    def change(law, one):
        leg.ssrc, leg.sequence, leg.timestamp, leg.law = leg.ssrc ^ 0xFFFF, 100, 5, law
        leg.send(one, marker=True)

    steps += [lambda: change("u", second[0])] + [lambda one=one: leg.send(one) for one in second[1:]]
    steps += [lambda one=one: leg.send(one, 8) for one in third]
    paced(steps)
    pcm, _ = finish(call)
    one, two = places(pcm, first, second)
    assert two - one == pytest.approx(600, abs=25)
    assert_heard(pcm, g711.decode("a", b"".join(third)), "the part in A-law")


def test_a_pause_of_the_sender_is_timed_silence_and_not_loss(call):
    call.invite(offer=call.offer().replace(b"RTP/AVP 0", b"RTP/AVP 0 13").replace(
        b"a=ptime", b"a=rtpmap:13 CN/8000\r\na=ptime"))
    leg, before, after = call.legs[0], frames(13, 30), frames(14, 30)

    def comfort_noise():
        leg.send(b"\x40", 13, samples=160, heard=False)
        leg.timestamp += 39 * 160

    def resume():
        leg.send(after[0], marker=True)

    paced([lambda one=one: leg.send(one) for one in before] + [comfort_noise] + [None] * 39 + [resume]
          + [lambda one=one: leg.send(one) for one in after[1:]])
    pcm, found = finish(call)
    first, second = places(pcm, before, after)
    assert second - first == pytest.approx(30 * 20 + 40 * 20, abs=1)
    assert found["Lost"] == 0 and found["ConcealedMilliseconds"] == 0


def test_a_stranger_cannot_put_sound_into_a_leg(call):
    call.invite()
    leg, all_frames = call.legs[0], frames(15, 60)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind(("127.0.0.3", 0))

        def step(index):
            if index > 10:
                fake = struct.pack("!BBHII", 0x80, 0, leg.sequence & 0xFFFF, leg.timestamp & 0xFFFFFFFF, leg.ssrc) + b"\x2a" * 160
                stranger.sendto(fake, leg.destination)
            leg.send(all_frames[index])

        paced([lambda index=index: step(index) for index in range(60)])
    pcm, found = finish(call)
    places(pcm, all_frames)
    assert found["Packets"] == 60


def test_rtp_rubbish_is_counted_nowhere_and_changes_nothing(call):
    call.invite()
    leg, all_frames = call.legs[0], frames(16, 60)
    generator = random.Random(16)
    rubbish = [b"", b"\x80", b"\0" * 12, b"\x40" * 200, b"\xbf" * 40, b"\x80\x00" + b"\xff" * 8, generator.randbytes(1400),
               b"\x90\x00\0\1\0\0\0\1\0\0\0\1\xbe\xde\xff\xff", b"\xa0\x00\0\1\0\0\0\1\0\0\0\1" + b"\xff" * 20, b"\x80\xc8\0\6" + b"\0" * 24]

    def step(index):
        leg.send_raw(rubbish[index % len(rubbish)])
        leg.send(all_frames[index])

    paced([lambda index=index: step(index) for index in range(60)])
    pcm, found = finish(call)
    places(pcm, all_frames)
    assert found["Lost"] == 0 and 60 <= found["Packets"] <= 63


@pytest.mark.parametrize("mux", [False, True], ids=["on the RTCP port", "on the RTP port with rtcp-mux"])
def test_receiver_reports_are_sent(mux, call):
    call.invite(offer=call.offer(extra=["rtcp-mux"] if mux else ()))
    assert ("rtcp-mux" in call.answer[0].attributes) is mux
    codes = g711.noise(17, 12)
    speaker = call.speak([codes, codes], wait=False)
    deadline, reports = time.monotonic() + 11, []
    leg = call.legs[0]
    while not reports and time.monotonic() < deadline:
        reports = [packet for packet in leg.received_control() if packet[1] == 201]
        time.sleep(0.05)
    speaker.stop()
    assert reports, "no receiver report within 11 s"
    blocks = reports[0][0] & 0x1F
    assert blocks >= 1 and struct.unpack("!I", reports[0][8:12])[0] == leg.ssrc
    fraction_and_lost, highest = struct.unpack("!II", reports[0][12:20])
    assert fraction_and_lost == 0 and 0 <= (leg.sequence - highest) & 0xFFFF < 1000
    call.bye()
