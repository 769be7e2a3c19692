"""Loss that is made up for, and the figures of each leg: loss, jitter, round trip, quality, discards, alignment."""

import math
import random
import struct
import time

import pytest

from peer import g711, records, rtcp
from peer.recorded_call import RecordedCall
from peer.rtp import assert_heard
from secure_call import finish, frames, paced, say

pytestmark = pytest.mark.engine


def test_every_leg_has_every_figure(server):
    with RecordedCall(server, seed=95) as call:
        call.invite()
        say(call, 1.0, 95)
        _, legs = finish(call)
    for leg in legs:
        records.check_members(leg, records.LEG_QUALITY, "SDR leg")
        assert 4.0 <= leg["Mos"] <= 4.4 or leg["Mos"] == pytest.approx(4.4, abs=0.1), leg
        assert leg["Unauthenticated"] == leg["KernelDrops"] == 0


def test_loss_is_made_up_for_and_fades(server):
    with RecordedCall(server, legs=1, seed=96) as call:
        call.invite()
        leg = call.legs[0]
        tone = g711.encode("u", b"".join(
            struct.pack("<h", int(8000 * math.sin(2 * math.pi * 200 * n / 8000))) for n in range(16000)))
        # Noise first, because a tone fits itself at every period.
        parts = frames(96, 20) + [tone[at:at + 160] for at in range(3200, len(tone), 160)]

        def step(index):
            if 40 <= index < 42 or 60 <= index < 70:
                leg.sequence += 1
                leg.timestamp += 160
            else:
                leg.send(parts[index])

        paced([lambda index=index: step(index) for index in range(100)])
        recorded, legs = finish(call)
    pcm = recorded[0]
    start = assert_heard(pcm, g711.decode("u", b"".join(parts[:20])), "before the loss")

    def loudness(frame):
        part = pcm[start + frame * 320:start + (frame + 1) * 320]
        values = struct.unpack(f"<{len(part) // 2}h", part)
        return (sum(value * value for value in values) / len(values)) ** 0.5

    assert loudness(40) > 2000, "a short loss is a hole"
    assert loudness(60) > 2000 and loudness(68) == 0, "a long loss is made up for at first, and fades to silence"
    assert legs[0]["Lost"] == 12 and 40 <= legs[0]["ConcealedMilliseconds"] <= 240
    assert legs[0]["LargestGapMilliseconds"] >= 140


def test_quality_falls_with_loss(server):
    scores = {}
    for part in (0, 5, 20):
        generator = random.Random(part)
        with RecordedCall(server, legs=1, seed=97 + part) as call:
            call.invite()
            leg, parts = call.legs[0], frames(97, 100)

            def step(index):
                if index % 100 and generator.random() * 100 < part:
                    leg.sequence += 1
                    leg.timestamp += 160
                else:
                    leg.send(parts[index])

            paced([lambda index=index: step(index) for index in range(100)])
            _, legs = finish(call)
            scores[part] = legs[0]["Mos"]
    assert 4.4 >= scores[0] > scores[5] > scores[20] >= 1.0, scores


def test_jitter_is_that_of_the_network(server):
    with RecordedCall(server, legs=1, seed=98) as call:
        call.invite()
        leg, generator = call.legs[0], random.Random(98)
        start = time.perf_counter()
        for index, one in enumerate(frames(98, 150)):
            time.sleep(max(0, start + index * 0.02 + generator.choice([0, 0.010]) - time.perf_counter()))
            leg.send(one)
        _, legs = finish(call)
    # Half of all neighbours differ by 10 ms: RFC 3550 section A.8 converges to about 5 ms.
    assert 2_500 <= legs[0]["JitterMicroseconds"] <= 8_500


def reference_time(compound):
    """(SSRC, middle 32 bits of the NTP time) of an XR receiver reference time block (RFC 3611 section 4.4), or None."""
    at = 0
    while at + 4 <= len(compound):
        _, kind, words = struct.unpack("!BBH", compound[at:at + 4])
        end = at + 4 * (words + 1)
        if kind == 207:
            place = at + 8
            while place + 4 <= end:
                block, _, length = struct.unpack("!BBH", compound[place:place + 4])
                if block == 4:
                    high, low = struct.unpack("!II", compound[place + 4:place + 12])
                    return struct.unpack("!I", compound[at + 4:at + 8])[0], (high & 0xFFFF) << 16 | low >> 16
                place += 4 * (length + 1)
        at = end
    return None


def delay_since(ssrc, reporter, last, delay):
    """A compound with one DLRR sub-block (RFC 3611 section 4.5)."""
    body = struct.pack("!BBHIII", 5, 0, 3, reporter, last, delay)
    return struct.pack("!BBHI", 0x80, 201, 1, ssrc) + rtcp.description(ssrc) + struct.pack("!BBHI", 0x80, 207, 5, ssrc) + body


def test_the_round_trip_is_measured_with_a_peer_that_answers(server):
    """A leg that only receives has no sender reports to be answered; RFC 3611 gives receivers a way."""
    with RecordedCall(server, legs=1, seed=99) as call:
        call.invite()
        speaker = call.speak([g711.noise(99, 14)], wait=False)
        leg, deadline, answered = call.legs[0], time.monotonic() + 13, 0
        while time.monotonic() < deadline and answered < 1:
            for compound in leg.received_control():
                if found := reference_time(compound):
                    reporter, last = found
                    time.sleep(0.08)  # 80 ms that the peer does not own up to
                    leg.send_control(delay_since(leg.ssrc, reporter, last, 0))
                    answered += 1
            time.sleep(0.01)
        speaker.stop()
        _, legs = finish(call)
    assert answered, "no receiver reference time within 13 s"
    assert 75_000 <= legs[0]["RoundTripMicroseconds"] <= 200_000


def test_reports_of_the_peer_are_read(server):
    """Sender reports, VoIP metrics and BYE, then rubbish: the call is as it was."""
    with RecordedCall(server, seed=100) as call:
        call.invite()
        parts = [frames(100, 60), frames(101, 60)]

        def step(index):
            for number, leg in enumerate(call.legs):
                if index % 10 == 5:
                    leg.send_control(rtcp.sender_report(leg.ssrc, time.time(), leg.timestamp, leg.packets, leg.packets * 160))
                    leg.send_control(rtcp.voip_metrics(leg.ssrc, 1, loss=12, round_trip=150, mos=38))
                    leg.send_control(b"\x80\xc8\x00\xff" + b"\1" * 40)
                    leg.send_control(b"\x81\xc9\x00\x01" + b"\xff" * 4)
                if index == 30:
                    leg.send_control(rtcp.goodbye(leg.ssrc))
                leg.send(parts[number][index])

        paced([lambda index=index: step(index) for index in range(60)])
        recorded, legs = finish(call)
    for index, leg in enumerate(call.legs):
        assert_heard(recorded[index], leg.expected_pcm, f"leg {index}")
        assert legs[index]["Lost"] == 0


def test_legs_are_aligned_by_their_senders_clocks(server):
    """One leg travels 150 ms longer; both senders' reports say when they spoke (RFC 3550 section 6.4.1)."""
    delay, seconds = 0.15, 14.0
    with RecordedCall(server, seed=102) as call:
        call.invite()
        # Speech with pauses: alignment is made where nobody can hear it.
        codes = bytearray()
        for block in range(int(seconds * 2)):
            codes += g711.noise(102 + block, 0.25) + b"\xff" * 2000
        parts = [bytes(codes[at:at + 160]) for at in range(0, len(codes), 160)]
        start, wall = time.perf_counter(), time.time()
        base = [leg.timestamp for leg in call.legs]
        due = sorted((index * 0.02 + number * delay, number, index) for number in (0, 1) for index in range(len(parts)))
        for moment, number, index in due:
            time.sleep(max(0, start + moment - time.perf_counter()))
            leg = call.legs[number]
            if index % 50 == 10:
                leg.send_control(rtcp.sender_report(
                    leg.ssrc, wall + index * 0.02, base[number] + index * 160, leg.packets, leg.packets * 160))
            leg.send(parts[index])
        recorded, _ = finish(call)
    last = g711.decode("u", bytes(codes[-4000 - 6 * 4000:-2000 - 6 * 4000]))
    places = [pcm.find(last[320:2000]) / 16 for pcm in recorded]
    assert all(place > 0 for place in places), "a late part of the speech is not in both recordings"
    assert abs(places[0] - places[1]) <= 30, f"the legs lie {abs(places[0] - places[1]):.0f} ms apart"


def test_discards_are_told_by_reason(server):
    with RecordedCall(server, legs=1, seed=104) as call:
        call.invite()
        leg, parts = call.legs[0], frames(104, 50)

        def step(index):
            leg.send(parts[index])
            leg.send_raw(b"\x00" * 40)

        paced([lambda index=index: step(index) for index in range(50)])
        recorded, legs = finish(call)
    assert_heard(recorded[0], leg.expected_pcm, "the leg")
    told = legs[0]["DiscardedByReason"]
    assert sum(told.values()) >= 50 and all(isinstance(value, int) and value >= 0 for value in told.values()), told


