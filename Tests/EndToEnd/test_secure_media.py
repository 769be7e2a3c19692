"""SRTP by SDES: every suite, negotiation, new keys in mid-call, and everything that must not be recorded.

The far end's SRTP is peer/srtp.py, which shares nothing with the service and is checked by published packets.
"""

import time

import pytest

from peer import bodies, g711, matroska, rtcp, sip
from peer.recorded_call import RecordedCall
from peer.rtp import assert_heard
from peer.server import EarshotServer, configuration, connector
from peer.srtp import SUITES, Keys, Session
from secure_call import SecureCall, assert_all_heard, assert_legs_clean, finish, frames, paced, say

pytestmark = pytest.mark.engine
DEFAULT = "AES_CM_128_HMAC_SHA1_80"


# ---- the suites


@pytest.mark.parametrize("suite", SUITES)
def test_a_call_is_recorded_sample_for_sample_with(suite, server):
    with SecureCall(server, [suite], seed=20) as call:
        call.invite()
        assert [media.protocol for media in call.answer] == ["RTP/SAVP", "RTP/SAVP"]
        say(call, 1.5, 20)
        recorded, legs = finish(call)
    assert_all_heard(call, recorded)
    assert_legs_clean(legs)
    assert [leg["Packets"] for leg in legs] == [75, 75]


def test_the_spelling_of_rfc_6188_is_repeated_in_the_answer(server):
    with RecordedCall(server, legs=1, seed=21) as call:
        keys = Keys("AES_CM_256_HMAC_SHA1_80")
        line = keys.line(3, name="AES_256_CM_HMAC_SHA1_80")
        call.invite(offer=call.offer(protocol="RTP/SAVP", cryptos=[[line]]))
        assert call.answer[0].value("crypto").startswith("3 AES_256_CM_HMAC_SHA1_80 inline:")
        call.legs[0].secure = Session(keys)
        say(call, 0.6, 21)
        recorded, _ = finish(call)
    assert_all_heard(call, recorded)


def test_packets_with_a_master_key_identifier_are_opened(server):
    with SecureCall(server, mki=b"\x00\x2a", seed=22) as call:
        call.invite()
        say(call, 0.6, 22)
        recorded, legs = finish(call)
    assert_all_heard(call, recorded)
    assert_legs_clean(legs)


# ---- negotiation


def test_the_first_usable_line_is_taken(server):
    with SecureCall(server, ["AEAD_AES_256_GCM", DEFAULT], legs=1, seed=23) as call:
        call.invite()
        assert call.answer[0].value("crypto").startswith("1 AEAD_AES_256_GCM inline:")
        say(call, 0.6, 23)
        recorded, _ = finish(call)
    assert_all_heard(call, recorded)


@pytest.mark.parametrize("first", [
    "1 F8_128_HMAC_SHA1_80 inline:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "1 AES_CM_128_HMAC_SHA1_80 inline:AAAA",
    "1 AES_CM_128_HMAC_SHA1_80 inline:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA NOT_KNOWN=1",
    "1 AES_CM_128_HMAC_SHA1_80 inline:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA UNENCRYPTED_SRTP",
    "1 AES_CM_128_HMAC_SHA1_80 inline:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA KDR=1",
], ids=["an unknown suite", "a short key", "an unknown session parameter", "no encryption", "a key derivation rate"])
def test_a_line_is_passed_over_for(first, server):
    keys = Keys(DEFAULT)
    with RecordedCall(server, legs=1, seed=24) as call:
        call.invite(offer=call.offer(protocol="RTP/SAVP", cryptos=[[first, keys.line(7)]]))
        assert call.answer[0].value("crypto").startswith(f"7 {DEFAULT} inline:")
        call.legs[0].secure = Session(keys)
        say(call, 0.5, 24)
        recorded, _ = finish(call)
    assert_all_heard(call, recorded)


@pytest.mark.parametrize("lines", [[Keys(DEFAULT).line(1, "NOT_KNOWN=1")], []], ids=["an unknown parameter", "no key"])
def test_an_offer_without_a_usable_key_is_refused(lines, server):
    with RecordedCall(server, seed=25) as call:
        call.invite(offer=call.offer(protocol="RTP/SAVP", cryptos=[lines, lines]), status=488)


def test_one_unusable_stream_does_not_cost_the_other(server):
    keys = Keys(DEFAULT)
    with RecordedCall(server, seed=26) as call:
        call.invite(offer=call.offer(
            protocol="RTP/SAVP", cryptos=[[Keys(DEFAULT).line(1, "NOT_KNOWN=1")], [keys.line()]]))
        assert [media.port != 0 for media in call.answer] == [False, True]
        call.bye()


def test_no_key_is_in_any_log_record_or_event(server):
    with SecureCall(server, seed=27) as call:
        call.invite()
        say(call, 0.3, 27)
        finish(call)
        theirs = [media.value("crypto").split("inline:")[1] for media in call.answer]
    secrets = [keys[0].inline.removeprefix("inline:") for keys in call.keys] + theirs
    files = [path for path in server.data.rglob("*") if path.is_file()] + [server.log]
    for path in files:
        content = path.read_bytes()
        assert not any(secret.encode() in content for secret in secrets), f"a key is in {path}"


# ---- while a call goes on


def test_a_mixed_call_has_one_encrypted_leg(server):
    with SecureCall(server, plain=[1], seed=30) as call:
        call.invite()
        assert [media.protocol for media in call.answer] == ["RTP/SAVP", "RTP/AVP"]
        say(call, 1.0, 30)
        recorded, legs = finish(call)
    assert_all_heard(call, recorded)
    assert_legs_clean(legs)


@pytest.mark.parametrize("suite", [DEFAULT, "AEAD_AES_128_GCM"], ids=["the same suite", "another suite"])
def test_new_keys_by_re_invite_lose_nothing(suite, server):
    with SecureCall(server, seed=31) as call:
        call.invite()
        say(call, 0.8, 31)
        indexes = [dict(leg.secure.indexes) for leg in call.legs]
        call.renew_keys(suite)
        call.reinvite()
        for leg, known in zip(call.legs, indexes):
            leg.secure.indexes = known
        say(call, 0.8, 32)
        recorded, legs = finish(call)
    for index, (leg, pcm) in enumerate(zip(call.legs, recorded)):
        half = len(leg.expected_pcm) // 2
        assert_heard(pcm, leg.expected_pcm[:half], f"leg {index} under the first key")
        assert_heard(pcm, leg.expected_pcm[half:], f"leg {index} under the second key")
    assert all(leg["Lost"] == 0 for leg in legs)


def test_packets_under_way_while_the_key_changes_are_still_opened(server):
    with SecureCall(server, legs=1, seed=33) as call:
        call.invite()
        leg, parts = call.legs[0], frames(33, 60)
        paced([lambda one=one: leg.send(one) for one in parts[:30]])
        old = leg.secure
        call.renew_keys()
        call.reinvite()
        new = leg.secure
        leg.secure = old  # the answer has not reached the sender's media yet
        paced([lambda one=one: leg.send(one) for one in parts[30:35]])
        leg.secure = new
        new.indexes = dict(old.indexes)
        paced([lambda one=one: leg.send(one) for one in parts[35:]])
        recorded, legs = finish(call)
    assert_heard(recorded[0], g711.decode("u", b"".join(parts[:35])), "the part under the first key")
    assert_heard(recorded[0], g711.decode("u", b"".join(parts[35:])), "the part under the second key")


def test_the_roll_over_counter_follows_a_wrap(server):
    with SecureCall(server, seed=34) as call:
        for leg in call.legs:
            leg.sequence = 65_500
        call.invite()
        say(call, 1.6, 34)
        assert call.legs[0].sequence > 65_536
        recorded, legs = finish(call)
    assert_all_heard(call, recorded)
    assert_legs_clean(legs)


def test_a_peer_that_begins_its_roll_over_counter_anew_at_a_re_invite_is_followed(server):
    with SecureCall(server, legs=1, seed=35) as call:
        leg = call.legs[0]
        leg.sequence = 65_520
        call.invite()
        first, second = frames(35, 40), frames(36, 40)
        paced([lambda one=one: leg.send(one) for one in first])
        call.reinvite()  # the same key; connect() has made a session that knows nothing
        leg.sequence = 20_000
        leg.fresh = True
        paced([lambda one=one: leg.send(one) for one in second])
        recorded, _ = finish(call)
    assert_heard(recorded[0], g711.decode("u", b"".join(first)), "before the re-INVITE")
    assert_heard(recorded[0], g711.decode("u", b"".join(second)), "after it")


def test_a_new_source_under_the_same_key_is_followed(server):
    with SecureCall(server, legs=1, seed=37) as call:
        call.invite()
        leg, first, second = call.legs[0], frames(37, 30), frames(38, 30)
        paced([lambda one=one: leg.send(one) for one in first])
        leg.ssrc, leg.sequence, leg.timestamp, leg.fresh = leg.ssrc ^ 0xFFFF, 7, 9, True
        paced([lambda one=one: leg.send(one) for one in second])
        recorded, _ = finish(call)
    for part in (first, second):
        assert_heard(recorded[0], g711.decode("u", b"".join(part)), "a source")


def test_a_replayed_packet_is_recorded_once(server):
    with SecureCall(server, legs=1, seed=39) as call:
        call.invite()
        leg, parts, wires = call.legs[0], frames(39, 50), []

        def step(index):
            wires.append(leg.send(parts[index]))
            if index >= 5:
                leg.send_raw(wires[index - 5])

        paced([lambda index=index: step(index) for index in range(50)])
        recorded, legs = finish(call)
    assert_heard(recorded[0], g711.decode("u", b"".join(parts)), "the call")
    assert legs[0]["Lost"] == 0 and legs[0]["Packets"] <= 50 + legs[0]["Duplicates"]


# ---- what is not authentic


def test_a_leg_under_a_wrong_key_is_empty_and_says_why(server):
    with SecureCall(server, seed=40) as call:
        call.invite()
        call.legs[0].secure = Session(Keys(DEFAULT))
        say(call, 1.0, 40)
        recorded, legs = finish(call)
    assert not any(recorded[0]), "audio that was not authentic is in the recording"
    assert_heard(recorded[1], call.legs[1].expected_pcm, "the other leg")
    assert legs[0]["Unauthenticated"] == 50 and legs[1]["Unauthenticated"] == 0
    reason = legs[0]["EmptyReason"]
    assert "key" in reason.lower() or "authentic" in reason.lower(), reason


def test_plain_rtp_to_an_encrypted_leg_is_never_recorded(server):
    with SecureCall(server, seed=41) as call:
        call.invite()
        call.legs[0].secure = None
        say(call, 1.0, 41)
        recorded, legs = finish(call)
    assert not any(recorded[0]), "plain RTP was recorded on an encrypted leg"
    assert legs[0]["EmptyReason"] and legs[0]["Unauthenticated"] == 50
    assert_heard(recorded[1], call.legs[1].expected_pcm, "the other leg")


def test_damaged_and_forged_packets_between_true_ones_change_nothing(server):
    with SecureCall(server, legs=1, seed=42) as call:
        call.invite()
        leg, parts, forger = call.legs[0], frames(42, 60), Session(Keys(DEFAULT))

        def step(index):
            far = leg.packet(b"\x2a" * 160)
            # A number far ahead, which would push an unguarded roll-over counter on.
            far = far[:2] + ((leg.sequence + 30_000) & 0xFFFF).to_bytes(2, "big") + far[4:]
            leg.send_raw(forger.protect(far))
            wire = leg.send(parts[index])
            leg.send_raw(wire[:-1] + bytes([wire[-1] ^ 1]))
            leg.send_raw(wire[:20])

        paced([lambda index=index: step(index) for index in range(60)])
        recorded, legs = finish(call)
    assert_heard(recorded[0], g711.decode("u", b"".join(parts)), "the call")
    assert legs[0]["Lost"] == 0 and legs[0]["Unauthenticated"] >= 60


# ---- reports


def test_reports_on_an_encrypted_leg_are_encrypted_and_authentic(server):
    with SecureCall(server, seed=43) as call:
        call.invite()
        speaker = call.speak([g711.noise(43, 12), g711.noise(44, 12)], wait=False)
        leg, found, deadline = call.legs[0], None, time.monotonic() + 11
        while found is None and time.monotonic() < deadline:
            time.sleep(0.05)
            for packet in leg.received_control():
                found = rtcp.read(leg.their_session.unprotect_control(packet))
        speaker.stop()
        call.bye()
    assert found is not None, "no report within 11 s"
    assert leg.ssrc in found.blocks and found.blocks[leg.ssrc][1] == 0


def test_a_forged_goodbye_ends_nothing(server):
    with SecureCall(server, legs=1, seed=45) as call:
        call.invite()
        leg, parts = call.legs[0], frames(45, 60)
        forger = Session(Keys(DEFAULT))

        def step(index):
            leg.send(parts[index])
            if index == 20:
                host, port = leg.destination
                for packet in (rtcp.goodbye(leg.ssrc), forger.protect_control(rtcp.goodbye(leg.ssrc))):
                    leg.rtcp.sendto(packet, (host, port + 1))

        paced([lambda index=index: step(index) for index in range(60)])
        recorded, _ = finish(call)
    assert_heard(recorded[0], g711.decode("u", b"".join(parts)), "the call")


# ---- requireEncryption


@pytest.fixture(scope="module")
def strict_server(tmp_path_factory):
    running = EarshotServer(
        tmp_path_factory.mktemp("strict"), configuration(connectors=[connector(requireEncryption=True)])).start()
    yield running
    running.stop()


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_plain_signalling_is_refused_where_encryption_is_required(transport, strict_server):
    with SecureCall(strict_server, transport=transport, seed=50) as call:
        call.invite(status=403)


def test_plain_media_is_refused_where_encryption_is_required(strict_server):
    with RecordedCall(strict_server, transport="tls", seed=51) as call:
        response = call.invite(status=488)
        assert response.get("warning") or response.reason


def test_an_encrypted_call_is_recorded_where_encryption_is_required(strict_server):
    with SecureCall(strict_server, transport="tls", seed=52) as call:
        call.invite()
        say(call, 0.8, 52)
        recorded, legs = finish(call)
    assert_all_heard(call, recorded)
    assert_legs_clean(legs)


def test_a_plain_stream_of_a_mixed_call_is_refused_where_encryption_is_required(strict_server):
    with SecureCall(strict_server, transport="tls", plain=[1], seed=53) as call:
        call.invite()
        assert [media.port != 0 for media in call.answer] == [True, False]
        call.bye()


def test_a_call_without_an_offer_is_offered_encryption_only_where_it_is_required(strict_server):
    with SecureCall(strict_server, transport="tls", legs=1, seed=54) as call:
        headers = [("Require", "siprec"), ("Content-Type", bodies.METADATA), ("Content-Disposition", "recording-session")]
        branch = call.dialog.send("INVITE", headers, bodies.metadata(["1"]))
        response = call.dialog.final(branch, "INVITE")
        assert response.status == 200, response.text()
        call.dialog.establish(response)
        offered = [media for media in sip.parse_sdp(response.body) if media.kind == "audio"]
        assert offered and all(media.protocol == "RTP/SAVP" and media.value("crypto") for media in offered)
        keys = []
        for media in offered:
            tag, theirs = Keys.of_line(media.value("crypto"))
            keys.append(Keys(theirs.suite))
        body = bodies.offer(
            [call.legs[0].port] + [0] * (len(offered) - 1), protocol="RTP/SAVP",
            labels=[media.label or str(index + 1) for index, media in enumerate(offered)],
            cryptos=[[one.line(int(media.value("crypto").split()[0]))] for one, media in zip(keys, offered)])
        call.dialog.acknowledge(response, (bodies.SDP, body))
        call.legs[0].destination = (offered[0].address, offered[0].port)
        call.legs[0].secure = Session(keys[0])
        time.sleep(0.1)
        say(call, 0.8, 54)
        call.bye()
        call.ended(1)
        recorded = matroska.read_recording(call.files(1)[0]).pcm
    assert_heard(recorded, call.legs[0].expected_pcm, "the leg")
