"""What an a=crypto line says beside its key (identifier, lifetime, session parameters), and keys that outlast a source or
a stream: each looked at from outside, by what is recorded and what the records say.
"""

import time

import pytest

from peer import g711, matroska, records
from peer.recorded_call import RecordedCall
from peer.rtp import assert_heard
from peer.srtp import Keys, Session
from secure_call import SecureCall, assert_all_heard, assert_legs_clean, finish, frames, paced, say

pytestmark = pytest.mark.engine
DEFAULT = "AES_CM_128_HMAC_SHA1_80"


def pcm(parts):
    return g711.decode("u", b"".join(parts))


def send(leg, parts):
    paced([lambda one=one: leg.send(one) for one in parts])


# ---- the master key identifier


@pytest.mark.parametrize("suite", [DEFAULT, "AES_CM_256_HMAC_SHA1_32", "AEAD_AES_128_GCM"])
@pytest.mark.parametrize("length", [1, 4, 128])
def test_an_identifier_of_any_length_is_carried_by_every_packet(length, suite, server):
    with SecureCall(server, [suite], mki=bytes(length - 1) + b"\x07", lifetime="2^31", legs=1, seed=60) as call:
        call.invite()
        wire = len(call.legs[0].secure.protect(call.legs[0].packet(b"\xff" * 160)))
        assert wire == 172 + call.keys[0][0].suite.tag + length
        call.legs[0].secure.indexes.clear()
        say(call, 0.6, 60)
        recorded, legs = finish(call)
    assert_all_heard(call, recorded)
    assert_legs_clean(legs)
    assert (legs[0]["Unauthenticated"], legs[0]["KeyLifetimeExceeded"]) == (0, False)


def test_an_identifier_that_is_another_or_missing_is_refused(server):
    with SecureCall(server, mki=b"\x00\x07", legs=1, seed=61) as call:
        call.invite()
        leg, parts, keys = call.legs[0], frames(61, 40), call.keys[0][0]
        other = Session(Keys(DEFAULT, keys.key, keys.salt, mki=b"\x00\x08"))
        without = Session(Keys(DEFAULT, keys.key, keys.salt))

        def step(index):
            packet = leg.packet(b"\x2a" * 160)
            leg.send_raw(other.protect(packet))
            leg.send_raw(without.protect(packet))
            leg.send(parts[index])

        paced([lambda index=index: step(index) for index in range(40)])
        recorded, legs = finish(call)
    assert_heard(recorded[0], pcm(parts), "the call")
    assert (legs[0]["Packets"], legs[0]["Unauthenticated"], legs[0]["Lost"]) == (40, 80, 0)


@pytest.mark.parametrize("suite", [DEFAULT, "AEAD_AES_256_GCM"])
def test_the_identifier_tells_the_keys_apart_while_they_change(suite, server):
    with SecureCall(server, [suite], mki=b"\x01", legs=1, seed=62) as call:
        call.invite()
        leg, parts = call.legs[0], frames(62, 90)
        leg.sequence = 65_500  # the counter comes round under the first key
        send(leg, parts[:40])
        old = leg.secure
        call.renew_keys(mki=b"\x02")
        call.reoffer()
        new = leg.secure
        for index in range(40, 60):  # the change at the sender, packet by packet
            leg.secure = old if index % 2 == 0 else new
            send(leg, parts[index:index + 1])
        leg.secure = new
        send(leg, parts[60:])
        recorded, legs = finish(call)
    assert_heard(recorded[0], pcm(parts), "the call")
    assert (legs[0]["Packets"], legs[0]["Unauthenticated"], legs[0]["Lost"]) == (90, 0, 0)


def test_several_keys_in_one_line_are_passed_over_for_a_line_with_one(server):
    first, second, third = (Keys(DEFAULT, mki=bytes([number])) for number in (1, 2, 3))
    both = f"1 {DEFAULT} {first.inline};{second.inline}"
    with RecordedCall(server, legs=1, seed=63) as call:
        call.invite(offer=call.offer(protocol="RTP/SAVP", cryptos=[[both, third.line(2)]]))
        assert call.answer[0].value("crypto").startswith(f"2 {DEFAULT} inline:")
        call.legs[0].secure = Session(third)
        say(call, 0.5, 63)
        recorded, _ = finish(call)
    assert_all_heard(call, recorded)
    with RecordedCall(server, legs=1, seed=64) as call:
        response = call.invite(offer=call.offer(protocol="RTP/SAVP", cryptos=[[both]]), status=488)
        assert first.inline not in response.text() and second.inline not in response.text()


# ---- the lifetime


def warnings(server, transaction):
    return [line for line in server.log.read_text().splitlines()
            if "longer than its lifetime" in line and transaction in line]


@pytest.mark.parametrize("lifetime", ["2^5", "32"])
def test_a_key_used_beyond_its_lifetime_is_recorded_told_and_logged_once(lifetime, server):
    with SecureCall(server, lifetime=lifetime, plain=[1], seed=65) as call:
        call.invite()
        say(call, 1.0, 65)
        recorded, legs = finish(call)
        assert_all_heard(call, recorded)
        assert_legs_clean(legs)
        assert [leg["KeyLifetimeExceeded"] for leg in legs] == [True, False]
        assert len(warnings(server, call.transaction)) == 1


def test_a_key_used_up_to_its_lifetime_is_no_cause_for_alarm(server):
    with SecureCall(server, lifetime="50", legs=1, seed=66) as call:
        call.invite()
        say(call, 1.0, 66)
        recorded, legs = finish(call)
        assert_all_heard(call, recorded)
        assert (legs[0]["Packets"], legs[0]["KeyLifetimeExceeded"]) == (50, False)
        assert not warnings(server, call.transaction)


def test_a_sender_that_changes_its_key_in_time_stays_within_each_lifetime(server):
    with SecureCall(server, lifetime="40", legs=1, seed=67) as call:
        call.invite()
        leg, parts = call.legs[0], frames(67, 70)
        send(leg, parts[:35])
        call.renew_keys(lifetime="40")
        call.reoffer()
        send(leg, parts[35:])
        recorded, legs = finish(call)
    assert_heard(recorded[0], pcm(parts[:35]), "under the first key")
    assert_heard(recorded[0], pcm(parts[35:]), "under the second key")
    assert (legs[0]["Packets"], legs[0]["KeyLifetimeExceeded"], legs[0]["Lost"]) == (70, False, 0)


def test_the_same_key_in_another_offer_does_not_begin_its_lifetime_anew(server):
    with SecureCall(server, lifetime="40", legs=1, seed=68) as call:
        call.invite()
        leg, parts = call.legs[0], frames(68, 70)
        send(leg, parts[:35])
        call.reoffer()
        send(leg, parts[35:])
        _, legs = finish(call)
    assert (legs[0]["Packets"], legs[0]["KeyLifetimeExceeded"]) == (70, True)


@pytest.mark.parametrize("lifetime", ["0", "2^49", "-1", "2^", "x"])
def test_a_lifetime_that_means_nothing_refuses_the_line(lifetime, server):
    with RecordedCall(server, legs=1, seed=69) as call:
        line = Keys(DEFAULT, lifetime=lifetime).line()
        call.invite(offer=call.offer(protocol="RTP/SAVP", cryptos=[[line]]), status=488)


# ---- session parameters


@pytest.mark.parametrize("parameter", [
    "UNENCRYPTED_SRTP", "UNENCRYPTED_SRTCP", "UNAUTHENTICATED_SRTP", "KDR=4", "WSH=32", "FEC_ORDER=FEC_SRTP",
    "FEC_KEY=inline:AAAA", "NOT_KNOWN", "WSH=64 NOT_KNOWN=1",
])
def test_a_session_parameter_that_is_not_understood_refuses_the_line(parameter, server):
    with RecordedCall(server, legs=1, seed=70) as call:
        line = Keys(DEFAULT).line(1, parameter)
        call.invite(offer=call.offer(protocol="RTP/SAVP", cryptos=[[line]]), status=488)


@pytest.mark.parametrize("parameter", ["WSH=64", "WSH=1024", "KDR=0", "-NOT_KNOWN=1", "KDR=0 WSH=128 -X"])
def test_a_session_parameter_that_changes_nothing_is_taken(parameter, server):
    keys = Keys(DEFAULT)
    with RecordedCall(server, legs=1, seed=71) as call:
        call.invite(offer=call.offer(protocol="RTP/SAVP", cryptos=[[keys.line(1, parameter)]]))
        call.legs[0].secure = Session(keys)
        say(call, 0.4, 71)
        recorded, _ = finish(call)
    assert_all_heard(call, recorded)


# ---- one key, many sources


def test_a_hundred_sources_after_one_another_are_all_heard(server):
    with SecureCall(server, legs=1, seed=72) as call:
        call.invite()
        leg, parts = call.legs[0], frames(72, 300)

        def step(index):
            if index % 3 == 0 and index < 270:
                leg.ssrc, leg.sequence, leg.fresh = (leg.ssrc + 0x10001) & 0xFFFFFFFF, 1000 + index, True
            leg.send(parts[index])

        paced([lambda index=index: step(index) for index in range(300)])
        recorded, legs = finish(call)
    assert legs[0]["Unauthenticated"] == 0
    assert_heard(recorded[0], pcm(parts[267:]), "the last source")


def test_who_speaks_is_not_pushed_out_by_new_sources(server):
    with SecureCall(server, legs=1, seed=73) as call:
        call.invite()
        leg, parts = call.legs[0], frames(73, 100)
        leg.sequence = 65_500  # it comes round: an entry made anew would know nothing of that
        wires, other = [], [0x5EED0000]

        def step(index):
            wires.append(leg.send(parts[index]))
            if index < 20:
                return
            for _ in range(4):
                other[0] += 1
                mine, leg.ssrc = leg.ssrc, other[0]
                leg.send_raw(leg.secure.protect(leg.packet(b"\0" * 20, 120)))  # nothing that can be heard
                leg.ssrc = mine

        paced([lambda index=index: step(index) for index in range(100)])
        for wire in wires:  # of who speaks nothing is heard twice
            leg.send_raw(wire)
        recorded, legs = finish(call)
    assert_heard(recorded[0], pcm(parts), "who speaks")
    assert legs[0]["Unauthenticated"] == 100


# ---- one key, two streams


def test_a_stream_that_follows_another_goes_on_with_its_counter(server):
    """A change of codec opens a stream on new ports with the same keys; the sender's numbers go on."""
    unknown = ("97", ["rtpmap:97 iLBC/8000", "fmtp:97 mode=20"])
    known = ("0", ["rtpmap:0 PCMU/8000"])
    with SecureCall(server, legs=1, seed=74) as call:
        call.invite(offer=call.offer(codecs=[unknown]))
        leg, first, second, wires = call.legs[0], frames(74, 80), frames(75, 60), []
        # Two rounds of numbers in two seconds, as hours of a call would make them.
        leg.sequence = 65_500
        send_as = lambda one: wires.append(leg.send(one[:38], 97, samples=160, heard=False))
        paced([lambda one=one: send_as(one) for one in first[:40]])
        for leap in range(5):
            leg.sequence += 30_000
            send_as(first[40])
        paced([lambda one=one: send_as(one) for one in first[41:]])
        assert leg.sequence >> 16 >= 2
        before = leg.destination
        call.reoffer(codecs=[known])
        assert leg.destination != before
        call.started(2)
        paced([lambda one=one: leg.send(one, 0) for one in second])
        for wire in wires[-30:]:  # what the former stream has received, sent to the new one
            leg.send_raw(wire)
        time.sleep(0.05)
        call.bye()
        call.ended(2)
        legs = call.record("SDR")[1]["Legs"]
        paths = {event["detail"]["startFragmentNumber"]: records.leg_file(call.server, event) for event in call.started(2)}
    assert [one["Unauthenticated"] for one in legs] == [0, 30]
    assert legs[1]["Packets"] == 60
    recording = matroska.read_recording(paths[legs[1]["StartFragmentNumber"]])
    assert_heard(recording.pcm, pcm(second), "the stream that follows")
