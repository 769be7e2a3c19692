"""Offers of every shape, hold and resume, streams that come and go during a call."""

import time

import pytest

from peer import bodies, g711, matroska
from peer.recorded_call import RecordedCall
from peer.rtp import RTPLeg, assert_heard


def recorded(call, index=0, count=None):
    return matroska.read_recording(call.files(count)[index])


def pause(call, seconds):
    """Lets time pass without packets, and on the senders' RTP clocks as well (RFC 3550 section 5.1)."""
    time.sleep(seconds)
    for leg in call.legs:
        leg.timestamp += int(seconds * 8000)
        leg.fresh = True


# ---- shapes of the first offer


def test_without_a_session_description_the_server_offers_and_the_ack_answers(server):
    with RecordedCall(server, seed=101) as call:
        headers, body = bodies.metadata_only(bodies.metadata())
        response = call.dialog.invite(headers + [("Require", "siprec")], body, acknowledge=False)
        assert response.status == 200, response.text()
        offer = call.connect(response)
        assert offer and all(media.kind == "audio" and media.direction == "recvonly" for media in offer)
        assert {"0", "8"} <= set(offer[0].formats), "both laws are offered"
        labels = [media.label for media in offer]
        call.dialog.acknowledge(response, (bodies.SDP, bodies.offer([leg.port for leg in call.legs][:len(offer)], labels)))
        started = call.started(len(offer))
        call.speak([g711.noise(1, 0.6)] * len(offer))
        call.bye()
        call.ended(len(offer))
        for index in range(len(started)):
            assert_heard(recorded(call, index, len(started)).pcm, call.legs[index].expected_pcm, f"leg {index}")


@pytest.mark.parametrize("where", ["header", "URI parameter"])
def test_record_only_calls_without_metadata_are_recorded(where, server):
    parameter = ";X-Voice-Connector-Record-Only=true" if where == "URI parameter" else ""
    with RecordedCall(server, legs=1, seed=102, uri=server.uri() + parameter) as call:
        call.dialog.contact = f"<sip:cucm@{call.endpoint.here}>"  # an ordinary caller: no +sip.src, no Require
        headers = [("Content-Type", bodies.SDP)] + ([("X-Voice-Connector-Record-Only", "true")] if where == "header" else [])
        call.send_invite(headers, call.offer(labels=[None]))
        started = call.started(1)[0]["detail"]
        assert started["metadataStatus"] == "missing" and "siprecMetadata" not in started
        assert call.answer[0].label is None and call.answer[0].direction == "recvonly"
        call.speak([g711.noise(2, 0.6)])
        call.bye()
        call.ended(1)
        assert_heard(recorded(call, 0, 1).pcm, call.legs[0].expected_pcm, "the recorded leg")


def test_two_record_only_dialogs_of_one_call_are_two_recordings_with_delayed_offers(server):
    """The built-in bridge of a telephone: near end and far end come as two dialogs without a session description."""
    calls = []
    for end in ("nearend", "farend"):
        call = RecordedCall(server, legs=1, seed=len(calls) + 103)
        call.dialog.from_uri += f";x-{end}"
        response = call.dialog.invite([("X-Voice-Connector-Record-Only", "true")], acknowledge=False)
        assert response.status == 200, response.text()
        offer = call.connect(response)
        call.dialog.acknowledge(response, (bodies.SDP, bodies.offer(
            [call.legs[0].port] + [0] * (len(offer) - 1), [media.label for media in offer])))
        calls.append(call)
    for call in calls:
        assert call.started(1)
        call.speak([g711.noise(3, 0.4)])
        call.bye()
        call.ended(1)
        assert_heard(recorded(call, 0, 1).pcm, call.legs[0].expected_pcm, "the leg of one dialog")
        call.__exit__(None)


def test_one_mixed_line_is_one_stream(server):
    with RecordedCall(server, legs=1, seed=104) as call:
        call.invite(bodies.metadata(["1"], senders=[0], people=[0, 1]))
        call.speak([g711.noise(4, 0.4)])
        call.bye()
        assert len(call.ended(1)) == 1
        assert len(call.record("SDR")[1]["Legs"]) == 1


def test_a_fifth_audio_line_is_refused_and_the_first_four_are_recorded(server):
    with RecordedCall(server, legs=5, seed=105) as call:
        call.invite(bodies.metadata(["1", "2", "3", "4"], senders=[0, 1, 2, 3]))
        assert [media.port > 0 for media in call.answer] == [True] * 4 + [False]
        call.legs.pop().close()
        call.speak([g711.noise(50 + n, 0.4) for n in range(4)])
        call.bye()
        call.ended(4)
        for index in range(4):
            assert_heard(recorded(call, index).pcm, call.legs[index].expected_pcm, f"leg {index}")


def test_labels_are_opaque_and_a_line_without_one_is_taken(server):
    with RecordedCall(server, seed=106, labels=["16777227", None]) as call:
        call.invite(bodies.metadata(["16777227"], senders=[0]))
        assert [media.label for media in call.answer] == ["16777227", None]
        call.bye()
        call.ended()


def test_the_callers_stream_is_the_one_that_the_first_participant_sends(server):
    with RecordedCall(server, seed=107) as call:
        call.invite(bodies.metadata(["1", "2"], senders=[1, 0]))  # Bob sends label 1, Alice, who stands first, label 2
        assert [event["detail"]["isCaller"] for event in call.started()] == [False, True]
        call.bye()


def test_both_laws_in_one_call_each_decode_by_their_own(server):
    with RecordedCall(server, seed=108) as call:
        call.legs[1].law = "a"
        call.invite(offer=call.offer(law=["u", "a"]))
        assert [media.formats for media in call.answer] == [["0"], ["8"]]
        call.speak([g711.noise(6, 0.6), g711.noise(7, 0.6)])
        call.bye()
        call.ended()
        for index in range(2):
            assert_heard(recorded(call, index).pcm, call.legs[index].expected_pcm, f"leg {index}")


# ---- hold, pause, resume


@pytest.mark.parametrize("with_metadata", [True, False], ids=["with metadata", "with SDP only"])
def test_hold_and_resume_leave_one_timed_silence_in_the_recording(with_metadata, server):
    document = bodies.metadata() if with_metadata else None
    with RecordedCall(server, seed=110 + with_metadata) as call:
        call.invite()
        ports = [media.port for media in call.answer]
        call.speak([g711.noise(8, 0.6), g711.noise(9, 0.6)])
        before = [bytes(leg.sent) for leg in call.legs]
        stopped = call.legs[0].last_sent
        call.reinvite(call.offer(direction="inactive"), document)
        assert [media.direction for media in call.answer] == ["inactive", "inactive"]
        assert [media.port for media in call.answer] == ports, "the ports stay"
        pause(call, 1.0)
        call.reinvite(call.offer(), document)
        assert [media.direction for media in call.answer] == ["recvonly", "recvonly"]
        for leg in call.legs:
            leg.sent.clear()
            leg.first_sent = None
        call.speak([g711.noise(10, 0.6), g711.noise(11, 0.6)])
        resumed = call.legs[0].first_sent
        call.bye()
        ended = call.ended()
        assert all(event["detail"].get("endReason", "") != "FAILED" for event in ended)
        lengths = set()
        for index, leg in enumerate(call.legs):
            pcm = recorded(call, index).pcm
            lengths.add(len(pcm))
            first = assert_heard(pcm, g711.decode("u", before[index]), f"leg {index} before the hold")
            second = assert_heard(pcm, leg.expected_pcm, f"leg {index} after the hold")
            silence = (second - first - 2 * len(before[index])) / 16000
            assert silence == pytest.approx(resumed - stopped - 0.02, abs=0.06), "the hold is as long as it was, and once"
        assert len(lengths) == 1, "both legs have equal length"


def test_a_call_that_begins_inactive_is_recorded_once_it_speaks(server):
    with RecordedCall(server, seed=112) as call:
        call.invite(offer=call.offer(direction="inactive"))
        assert [media.direction for media in call.answer] == ["inactive"] * 2 and all(m.port for m in call.answer)
        call.reinvite(call.offer(), bodies.metadata())
        assert [media.direction for media in call.answer] == ["recvonly"] * 2
        call.speak([g711.noise(12, 0.5), g711.noise(13, 0.5)])
        call.bye()
        call.ended()
        for index in range(2):
            assert_heard(recorded(call, index).pcm, call.legs[index].expected_pcm, f"leg {index}")


def test_a_reinvite_without_a_session_description_gets_the_servers_offer(server):
    with RecordedCall(server, seed=113) as call:
        call.invite()
        ports = [media.port for media in call.answer]
        response = call.dialog.invite([("Supported", "timer")], acknowledge=False)
        assert response.status == 200, response.text()
        call.connect(response)
        assert [media.port for media in call.answer] == ports
        call.dialog.acknowledge(response, (bodies.SDP, call.offer()))
        call.speak([g711.noise(14, 0.4), g711.noise(15, 0.4)])
        call.bye()
        call.ended()
        assert_heard(recorded(call).pcm, call.legs[0].expected_pcm, "the leg")


def test_a_reinvite_that_cannot_be_read_leaves_the_call_as_it_was(server):
    with RecordedCall(server, seed=114) as call:
        call.invite()
        response = call.dialog.invite([("Content-Type", bodies.SDP)], b"this is no session description")
        assert response.status in (400, 488) or response.body.startswith(b"v=0"), response.text()
        call.speak([g711.noise(16, 0.4), g711.noise(17, 0.4)])
        call.bye()
        call.ended()
        assert_heard(recorded(call).pcm, call.legs[0].expected_pcm, "the leg")


# ---- streams added and removed


def test_streams_are_added_one_by_one_up_to_four(server):
    with RecordedCall(server, seed=120) as call:
        call.invite()
        first = {event["detail"]["streamArn"] for event in call.started(2)}
        for count in (3, 4):
            call.legs.append(RTPLeg(seed=1200 + count))
            call.labels.append(str(count))
            call.reinvite(call.offer(), bodies.metadata(call.labels, senders=list(range(count))))
            assert [media.direction for media in call.answer] == ["recvonly"] * count
            assert len(call.started(count)) == count
        call.speak([g711.noise(60 + n, 0.5) for n in range(4)])
        call.bye()
        started, ended = call.started(4), call.ended(4)
        assert first < {event["detail"]["streamArn"] for event in started} and len(ended) == 4
        assert len({event["detail"]["transactionId"] for event in started}) == 1
        for index in range(4):
            assert_heard(recorded(call, index).pcm, call.legs[index].expected_pcm, f"leg {index}")
        assert len(call.record("SDR")[1]["Legs"]) == 4


@pytest.mark.parametrize("how", ["port zero", "line left out"])
def test_a_stream_that_is_removed_falls_silent_and_the_other_goes_on(how, server):
    """Its ENDED comes at once or with the call's: what is asked for is that nothing of either leg is lost or added."""
    with RecordedCall(server, seed=121 + len(how)) as call:
        call.invite()
        call.speak([g711.noise(18, 0.4), g711.noise(19, 0.4)])
        heard = call.legs[1].expected_pcm
        ports = [call.legs[0].port] + ([0] if how == "port zero" else [])
        call.reinvite(call.offer(ports=ports, labels=call.labels[:len(ports)]), bodies.metadata(["1"], senders=[0]))
        if how == "port zero":
            assert [media.port > 0 for media in call.answer] == [True, False]
        call.speak([g711.noise(20, 0.4), b""])
        call.bye()
        assert len(call.ended(2)) == 2
        first, second = recorded(call, 0).pcm, recorded(call, 1).pcm
        assert_heard(first, call.legs[0].expected_pcm, "the leg that stayed")
        offset = assert_heard(second, heard, "the leg that was removed")
        rest = memoryview(second[offset + len(heard):]).cast("h")
        assert sum(1 for sample in rest if abs(sample) > 8) <= 960 and len(second) <= len(first)
