"""A session border controller forks a call to the recorder: the answer, the events and the records."""

import re
import statistics
import stat

import pytest

from evidence import SECONDS
from peer import records, sip
from peer.recorded_call import RecordedCall
from peer.server import CONNECTOR


# ---- the answer


def test_the_answer_is_a_plain_session_description(evidence):
    assert evidence.call.response.get("content-type") == "application/sdp"
    assert evidence.call.response.body.startswith(b"v=0\r\n")


def test_the_answer_has_the_same_m_lines_with_their_labels_and_receives_only(evidence):
    answer = evidence.call.answer
    assert [(m.kind, m.protocol, m.label, m.direction) for m in answer] == [
        ("audio", "RTP/AVP", "1", "recvonly"), ("audio", "RTP/AVP", "2", "recvonly")]
    assert all(m.formats == ["0"] for m in answer), "only the offered payload type may be answered"


def test_each_leg_gets_an_even_port_of_its_own_at_the_advertised_address(evidence):
    ports = [media.port for media in evidence.call.answer]
    assert len(set(ports)) == 2 and all(port % 2 == 0 and port > 0 for port in ports)
    assert {media.address for media in evidence.call.answer} == {"127.0.0.1"}


def test_the_contact_says_that_this_is_a_session_recording_server(evidence):
    contact = evidence.call.response.get("contact")
    assert re.search(r">.*;\s*\+sip\.srs(\s*;|\s*$)", contact), contact
    assert "siprec" in evidence.call.response.listed("supported")


def test_the_answer_names_the_methods_and_bodies_that_are_taken(evidence):
    allowed = evidence.call.response.listed("allow")
    assert {"invite", "ack", "cancel", "bye", "options", "update"} <= set(allowed), allowed
    accepted = set(evidence.call.response.listed("accept"))
    assert "application/sdp" in accepted and accepted & {"application/rs-metadata", "application/rs-metadata+xml"}, accepted


def test_options_is_answered_with_what_a_recording_server_supports(server):
    with RecordedCall(server) as call:
        response = call.endpoint.request("OPTIONS", server.uri())
    assert response.status == 200
    assert "siprec" in response.listed("supported") and "invite" in response.listed("allow")
    assert "application/sdp" in response.listed("accept")


def test_twenty_calls_are_answered_within_twenty_milliseconds_in_the_median(server):
    times = []
    for seed in range(20):
        with RecordedCall(server, seed=seed) as call:
            call.invite()
            times.append(call.setup_seconds * 1000)
            call.bye(settle=0)
    assert statistics.median(times) <= 20, f"milliseconds from INVITE to 200: {sorted(round(t, 1) for t in times)}"


# ---- events


def test_one_started_event_a_leg_carries_every_member_of_the_contract(evidence):
    started = evidence.call.started()
    assert len(started) == 2
    for event in started:
        records.check_started(event)
    assert len({event["detail"]["streamArn"] for event in started}) == 2
    assert len({event["detail"]["transactionId"] for event in started}) == 1
    assert len({event["id"] for event in started}) == 2


def test_started_tells_caller_from_callee_and_by_which_rule(evidence):
    details = [event["detail"] for event in evidence.call.started()]
    assert [(d["isCaller"], d["sdp"]) for d in details] == [
        (True, {"mediaIndex": 0, "mediaLabel": "1"}), (False, {"mediaIndex": 1, "mediaLabel": "2"})]
    assert {(d["fromNumber"], d["toNumber"]) for d in details} == {("+12065550100", "+13605550199")}
    assert details[0]["roleRule"] == details[1]["roleRule"]


def test_started_holds_the_metadata_as_it_was_sent_and_the_headers_of_the_invite(evidence):
    from peer import bodies

    for event in evidence.call.started():
        detail = event["detail"]
        assert detail["siprecMetadata"].strip() == bodies.metadata().decode().strip(), "raw XML with its CRLF"
        assert detail["metadataStatus"] == "complete"
        assert detail["callId"] == evidence.call.call_id == detail["inviteHeaders"]["call-id"]
        assert detail["inviteHeaders"]["cseq"] == "1 INVITE"
        assert detail["inviteHeaders"]["from"].endswith(f";tag={evidence.call.dialog.local_tag}")


def test_one_ended_event_a_leg_repeats_started_and_names_the_last_fragment(evidence):
    for started, ended in zip(evidence.call.started(), evidence.call.ended()):
        records.check_ended(ended, started)
        length = records.parse_time(ended["detail"]["endTime"]) - records.parse_time(started["detail"]["startTime"])
        assert SECONDS <= length <= SECONDS + 2.5


def test_no_event_is_written_twice_and_none_fails(evidence):
    mine = [event for event in records.events(evidence.server) if event["detail"].get("callId") == evidence.call.call_id]
    assert sorted(event["detail"]["streamingStatus"] for event in mine) == ["ENDED", "ENDED", "STARTED", "STARTED"]


# ---- records


def test_the_cdr_has_the_contracts_key_members_types_and_order(evidence):
    key, found, raw = evidence.call.record("CDR")
    started = evidence.call.started()[0]["detail"]
    records.check_object(key, found, raw, "CDR", records.parse_time(started["startTime"]))
    assert found["Status"] == "Completed" and found["CallId"] and found["StatusMessage"]
    assert found["SourcePhoneNumber"] == "+12065550100" and found["DestinationPhoneNumber"] == "+13605550199"
    assert "SipAuthUser" not in found, "absent when no digest user was used"
    seconds = found["BillableDurationSeconds"]
    assert SECONDS - 1 <= seconds <= SECONDS + 7
    assert found["BillableDurationMinutes"] == pytest.approx(seconds / 60, abs=0.01)


def test_the_sdr_has_the_contracts_key_members_types_and_order(evidence):
    key, found, raw = evidence.call.record("SDR")
    started = evidence.call.started()[0]["detail"]
    records.check_object(key, found, raw, "SDR", records.parse_time(started["startTime"]))
    assert found["Status"] == "Completed" and found["StatusMessage"] == "Streaming succeeded"
    assert key == evidence.call.record("CDR")[0], "an SDR matches its CDR by the key"


def test_the_sdr_counts_what_each_leg_received(evidence):
    legs = sorted(evidence.call.record("SDR")[1]["Legs"], key=lambda leg: leg["MediaIndex"])
    assert len(legs) == 2
    for leg, sender, event in zip(legs, evidence.call.legs, evidence.call.ended()):
        records.check_members(leg, records.LEG_MEMBERS, "SDR leg")
        assert leg["Packets"] == sender.packets, f"{leg['Packets']} of {sender.packets} packets counted"
        assert leg["Bytes"] in (sender.packets * 160, sender.packets * 172)
        assert (leg["Lost"], leg["Duplicates"], leg["Late"], leg["WriterLostMilliseconds"]) == (0, 0, 0, 0)
        assert leg["ConcealedMilliseconds"] == 0
        assert leg["StreamArn"] == event["detail"]["streamArn"] and leg["StreamName"] == records.stream_name(event)
        assert leg["IsCaller"] is event["detail"]["isCaller"] and leg["MediaLabel"] == str(leg["MediaIndex"] + 1)
        assert leg["StartFragmentNumber"] == event["detail"]["startFragmentNumber"]
        assert leg["EndFragmentNumber"] == event["detail"]["currentFragmentNumber"]
        assert not leg.get("EmptyReason")


def test_records_are_written_once_and_leave_nothing_half_written_behind(evidence):
    for kind in ("CDR", "SDR"):
        keys = list(records.objects(evidence.server, kind))
        assert sum(key.endswith(evidence.call.transaction) for key in keys) == 1
        assert all(re.fullmatch(rf"json/{CONNECTOR}/\d{{4}}/\d\d/\d\d/[\d.]+_{records.UUID}", key) for key in keys), keys
    journal = evidence.server.data / "calls"
    assert not [path for path in journal.glob("*") if evidence.call.transaction in path.name], "the journal of an ended call"


def test_the_data_folder_is_private(evidence):
    assert stat.S_IMODE(evidence.server.data.stat().st_mode) == 0o700
    for path in (evidence.server.data / "tls").glob("*"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0 or "key" not in path.name.lower(), f"{path.name} is readable by others"


def test_the_log_has_lines_with_the_transaction_id(evidence):
    assert evidence.call.transaction in evidence.server.log.read_text()


def test_a_second_bye_finds_no_call_any_more(evidence):
    assert evidence.call.dialog.bye().status == 481


def test_every_message_of_the_server_was_well_formed(evidence):
    assert not evidence.call.endpoint.faults
    assert all(isinstance(message, sip.Message) for message in evidence.call.endpoint.arrived)
