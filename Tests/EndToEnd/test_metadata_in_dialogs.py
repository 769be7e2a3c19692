"""Recording metadata: how it may be packed, and how it changes during a call."""

import pytest

from peer import bodies, records
from peer.recorded_call import RecordedCall

GTD = ("application/gtd", "signal;handling=optional", b"IAM,\r\nGCI,91036128574411e789f9d0ff56c3c658")


def packed(description, document):
    """(name, Content-Type value, body) of every way to pack the same two parts."""
    sdp, data = (bodies.SDP, None, description), (bodies.METADATA, "recording-session", document)
    kind, plain = bodies.multipart([sdp, data])
    yield "as RFC 7866 shows it", kind, plain
    yield "metadata before the SDP", *bodies.multipart([data, sdp])
    yield "a third part at the end", *bodies.multipart([sdp, data, GTD])
    yield "a third part between", *bodies.multipart([sdp, GTD, data])
    yield "preamble and epilogue", kind, b"This is a preamble.\r\n\r\n" + plain + b"\r\nand an epilogue --foobar\r\n"
    yield "blanks after the boundaries", kind, plain.replace(b"--foobar\r\n", b"--foobar \t\r\n").replace(b"foobar--", b"foobar-- ")
    yield "bare line feeds", kind, plain.replace(b"\r\n", b"\n")
    yield "no final boundary", kind, plain.replace(b"--foobar--\r\n", b"")
    yield "no blank after the colon", kind, plain.replace(b": application", b":application")
    yield "lengths in the parts", kind, (
        f"--foobar\r\nContent-Length:{len(description)}\r\nContent-Type:application/sdp\r\n\r\n".encode() + description
        + f"\r\n--foobar\r\nContent-Type:application/rs-metadata+xml\r\nContent-Length:{len(document)}\r\n\r\n".encode()
        + document + b"\r\n--foobar--\r\n")
    yield "an unquoted boundary and capitals", "Multipart/Mixed; Boundary=foobar", plain
    yield "the older media type", kind, plain.replace(b"rs-metadata+xml", b"rs-metadata")
    yield "a media type without its middle", kind, plain.replace(b"application/rs-metadata+xml", b"application/ +xml")
    yield "no disposition", kind, plain.replace(b"Content-Disposition: recording-session\r\n", b"")


NAMES = [name for name, _, _ in packed(b"v=0\r\n", b"<recording/>")]


@pytest.mark.parametrize("name", NAMES)
def test_metadata_is_found_however_it_is_packed(name, server):
    with RecordedCall(server, seed=200 + NAMES.index(name)) as call:
        _, kind, body = next(one for one in packed(call.offer(), bodies.metadata()) if one[0] == name)
        call.send_invite([("Require", "siprec"), ("Content-Type", kind)], body)
        for index, event in enumerate(call.started(2)):
            assert event["detail"]["metadataStatus"] == "complete"
            assert event["detail"]["isCaller"] is (index == 0)
            raw = event["detail"]["siprecMetadata"].replace("\r\n", "\n").strip()
            assert raw == bodies.metadata().decode().replace("\r\n", "\n").strip()
        call.bye(settle=0)


@pytest.mark.parametrize("document", [
    b'<recording xmlns="urn:ietf:params:xml:ns:recording:1"><datamode>complete</datamode>',
    b"<recording><participant></recording>",
    b'<recording xmlns="urn:ietf:params:xml:ns:recording:1"><nameID aor="<sip:bob@biloxi.test>"/></recording>',
    b"\xff\xfe\x00not xml at all",
    b"",
    b"<a>" * 5000,
    b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]><recording>&b;</recording>',
], ids=["cut off", "crossed tags", "a bare sip URI", "not UTF-8", "empty", "5000 levels deep", "entities"])
def test_metadata_that_cannot_be_read_never_refuses_the_call(document, server):
    with RecordedCall(server, seed=230) as call:
        call.invite(document)
        for event in call.started(2):
            assert event["detail"]["metadataStatus"] in ("unreadable", "partial", "missing"), event["detail"]["metadataStatus"]
        assert [event["detail"]["isCaller"] for event in call.started(2)] == [True, False], "by the order of the m-lines"
        call.bye(settle=0)
        call.ended()


# ---- changes during the call


def updated(call, count=1):
    found = records.wait_for_events(call.server, "UPDATED", call.call_id, count)
    for event in found:
        records.check_envelope(event)
        detail = event["detail"]
        assert detail["transactionId"] == call.transaction
        assert isinstance(detail["updateHeaders"], dict) and detail["updateHeaders"]["call-id"] == call.call_id
        assert all(key == key.lower() for key in detail["updateHeaders"])
        assert "streamArn" not in detail and "direction" not in detail, "UPDATED names no stream"
    return found


def test_an_update_that_carries_metadata_only_gives_an_updated_event(server):
    """As Avaya sends it: a dummy participant first, the real one in an UPDATE without a session description."""
    with RecordedCall(server, seed=240) as call:
        call.invite(bodies.metadata(["1", "2"], senders=[0, 0], people=[0]))
        document = bodies.metadata()
        response = call.dialog.request("UPDATE", *bodies.metadata_only(document))
        assert response.status == 200 and not response.body, "no offer, so no answer"
        assert updated(call)[0]["detail"]["siprecMetadata"].strip() == document.decode().strip()
        assert updated(call)[0]["detail"]["updateHeaders"]["cseq"].endswith("UPDATE")
        call.bye(settle=0)
        call.ended()


def test_an_update_with_an_offer_is_answered(server):
    with RecordedCall(server, seed=241) as call:
        call.invite()
        response = call.dialog.request("UPDATE", *bodies.recording_offer(call.offer(direction="inactive"), bodies.metadata()))
        assert response.status == 200
        assert [media.direction for media in call.connect(response)] == ["inactive", "inactive"]
        call.bye(settle=0)


@pytest.mark.parametrize("mode", ["complete", "partial"])
def test_metadata_in_a_reinvite_gives_an_updated_event(mode, server):
    with RecordedCall(server, seed=242) as call:
        call.invite()
        document = bodies.metadata(["1", "2"], mode, senders=[0, 2], people=[0, 2]) if mode == "complete" else bodies.metadata(
            [], mode, senders=[], people=[0, 2], left=[0])  # Alice leaves, Carol comes: a transfer
        call.reinvite(document=document)
        assert updated(call)[0]["detail"]["siprecMetadata"].strip() == document.decode().strip()
        assert not call.endpoint.requests("UPDATE"), "it could be applied: no snapshot is asked for"
        call.bye(settle=0)
        call.ended()


def test_a_reinvite_without_metadata_is_no_change_of_the_metadata(server):
    with RecordedCall(server, seed=243) as call:
        call.invite()
        call.reinvite()
        call.bye(settle=0)
        call.ended()
        mine = [event["detail"] for event in records.events(server) if event["detail"].get("callId") == call.call_id]
        assert not [detail for detail in mine if detail["streamingStatus"] == "UPDATED" and detail.get("siprecMetadata")]


def snapshot_request(call):
    """The server's request for a snapshot (RFC 7866 section 8.1.1): an UPDATE or INVITE in this dialog."""
    request = call.endpoint.wait(lambda m: not m.is_response and m.method in ("UPDATE", "INVITE"), 5, "request for a snapshot")
    assert b"requestsnapshot" in request.body, request.text()
    assert request.get("content-type", "").startswith("application/rs-metadata")
    assert request.get("content-disposition", "").startswith("recording-session")
    assert request.call_id == call.call_id
    assert request.tag("from") == call.dialog.remote_tag and request.tag("to") == call.dialog.local_tag
    assert request.start.split()[1].startswith("sip:src@"), "the Request-URI is the client's Contact"
    assert "siprec" in request.listed("require") + request.listed("supported")
    return request


UNKNOWN = bodies.metadata([], "partial", senders=[], people=[]).replace(b"</recording>", (
    f'<participantstreamassoc participant_id="{bodies.PEOPLE[3][0]}"><send>{bodies.STREAMS[3]}</send></participantstreamassoc>'
    "</recording>").encode())


@pytest.mark.parametrize("case", ["it names a participant and a stream that nobody described", "nothing came before it"])
def test_a_partial_update_that_cannot_be_applied_makes_the_server_ask_for_a_snapshot(case, server):
    with RecordedCall(server, seed=244 + len(case)) as call:
        if "before" in case:
            call.invite(b"<recording")  # cannot be read: so there is nothing that an update could be applied to
            update = bodies.metadata([], "partial", senders=[], people=[2])
        else:
            call.invite()
            update = UNKNOWN
        assert call.dialog.request("UPDATE", *bodies.metadata_only(update)).status == 200
        snapshot_request(call)
        document = bodies.metadata()
        assert call.dialog.request("UPDATE", *bodies.metadata_only(document)).status == 200
        wanted = document.decode().strip()
        found = updated(call, 2)
        assert any(event["detail"]["siprecMetadata"].strip() == wanted for event in found)
        call.bye(settle=0)
        call.ended()


def test_metadata_in_an_update_that_cannot_be_read_is_kept_and_the_call_goes_on(server):
    with RecordedCall(server, seed=250) as call:
        call.invite()
        assert call.dialog.request("UPDATE", *bodies.metadata_only(b"<recording><participant>")).status == 200
        found = updated(call)
        assert found[0]["detail"]["siprecMetadata"] == "<recording><participant>"
        call.bye(settle=0)
        call.ended()


def test_a_bye_that_carries_metadata_ends_the_call(server):
    with RecordedCall(server, seed=251) as call:
        call.invite()
        headers, body = bodies.metadata_only(bodies.metadata([], "partial", senders=[], people=[0, 1], left=[0, 1]))
        call.bye([("Require", "siprec")] + headers, body)
        assert len(call.ended()) == 2
        assert call.record("CDR")[1]["Status"] == "Completed"


def test_an_update_outside_a_dialog_is_refused(server):
    with RecordedCall(server, seed=252) as call:
        response = call.endpoint.request("UPDATE", server.uri(), *bodies.metadata_only(bodies.metadata()))
        assert response.status in (405, 481)
