"""Who may call, and what every other request gets: 400, 401, 403, 404, 405, 420, 415, 481, 503, or nothing."""

import socket
import statistics
import time

import pytest

from peer import bodies, digest, records, sip
from peer.endpoint import Dialog, Endpoint
from peer.recorded_call import RecordedCall
from peer.server import connector

SECRET = ("sbc", "pa55: w0rd")


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    """A server whose connector has a digest user and allows 127.0.0.1 only."""
    from peer.server import EarshotServer, configuration

    settings = configuration(connectors=[connector(allowed=["127.0.0.1/32", "::1/128"], credentials=[SECRET])])
    running = EarshotServer(tmp_path_factory.mktemp("guarded"), settings).start()
    yield running
    running.stop()


# ---- requests that are refused


@pytest.mark.parametrize("method", ["SUBSCRIBE", "NOTIFY", "PUBLISH", "INFO", "REFER", "PRACK", "MESSAGE", "REGISTER"])
def test_other_methods_get_405_with_allow(method, server):
    with Endpoint(server.udp) as client:
        response = client.request(method, server.uri())
    assert response.status == 405
    assert {"invite", "ack", "cancel", "bye", "options"} <= set(response.listed("allow"))


def test_other_methods_inside_a_call_get_405_and_the_call_goes_on(server):
    with RecordedCall(server, seed=300) as call:
        call.invite()
        assert call.dialog.request("INFO").status == 405
        assert call.dialog.request("OPTIONS").status == 200
        call.bye()
        call.ended()


@pytest.mark.parametrize("method", ["INVITE", "OPTIONS"])
def test_a_host_that_is_no_connector_gets_404(method, server):
    with Endpoint(server.udp) as client:
        dialog = Dialog(client, f"sip:+13605550199@nosuchconnector0000001.voiceconnector.test:{server.udp[1]}")
        response = dialog.invite() if method == "INVITE" else dialog.request("OPTIONS")
    assert response.status == 404


def test_the_nodes_address_reaches_the_one_connector_that_allows_the_source(server):
    with RecordedCall(server, seed=301, uri=f"sip:+13605550199@127.0.0.1:{server.udp[1]}") as call:
        call.invite()
        call.bye()


def test_the_nodes_address_reaches_nobody_when_two_connectors_allow_the_source(new_server):
    server = new_server(connectors=[connector(), connector("endtoend00000000000002", "back door")])
    with RecordedCall(server, seed=302, uri=f"sip:+13605550199@127.0.0.1:{server.udp[1]}") as call:
        response = call.dialog.invite(*bodies.recording_offer(call.offer(), bodies.metadata()))
        assert response.status in (403, 404, 484), response.start


def test_each_connector_is_reached_by_its_own_name(new_server):
    other = "endtoend00000000000002"
    server = new_server(connectors=[connector(), connector(other, "back door", allowed=["127.0.0.2/32"])])
    with RecordedCall(server, seed=305, host="127.0.0.2", uri=f"sip:1@{other}.voiceconnector.test:{server.udp[1]}") as call:
        call.invite()
        started = records.wait_for_events(server, "STARTED", call.call_id, 2)
        assert {event["detail"]["voiceConnectorId"] for event in started} == {other}
        assert all(f"stream/ChimeVoiceConnector-{other}-" in event["detail"]["streamArn"] for event in started)
        call.bye()
    with Endpoint(server.udp) as client:
        uri = f"sip:1@{other}.voiceconnector.test:{server.udp[1]}"
        response = Dialog(client, uri).invite(*bodies.recording_offer(bodies.offer([4000]), bodies.metadata(["1"])))
    assert response.status == 403, "who is allowed at one connector is not allowed at another"


def test_a_source_that_is_not_allowed_gets_403(guarded):
    with Endpoint(guarded.udp, host="127.0.0.2") as client:
        response = Dialog(client, guarded.uri()).invite(*bodies.recording_offer(bodies.offer([4000]), bodies.metadata(["1"])))
    assert response.status == 403


def test_rubbish_is_dropped_without_an_answer_and_the_server_goes_on(guarded):
    with Endpoint(guarded.udp, host="127.0.0.2") as stranger:
        for octets in (b"\0" * 200, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"INVITE", b"\r\n\r\n", bytes(range(256)) * 20,
                       b"INVITE sip:x SIP/2.0\r\n\r\n", b"SIP/2.0 200 OK\r\n\r\n"):
            stranger.send_raw(octets)
        assert stranger.nothing_arrives(0.7), stranger.arrived
        assert not stranger.faults
    assert guarded.alive()
    with Endpoint(guarded.udp) as client:
        assert client.request("OPTIONS", guarded.uri()).status in (200, 401)


@pytest.mark.parametrize("missing", ["Call-ID", "From", "To", "CSeq", "Max-Forwards", "Contact"])
def test_an_invite_without_a_required_header_gets_400_that_names_it(missing, server):
    with Endpoint(server.udp) as client:
        headers, body = bodies.recording_offer(bodies.offer([4000]), bodies.metadata(["1"]))
        octets = Dialog(client, server.uri()).build("INVITE", headers, body, sequence=1)
        lines = [line for line in octets.split(b"\r\n") if not line.lower().startswith(missing.lower().encode() + b":")]
        client.send_raw(b"\r\n".join(lines))
        response = client.wait(lambda m: m.is_response and m.status >= 200, 3, "400")
    assert response.status == 400
    said = response.reason + " ".join(response.all("warning"))
    assert missing.lower() in said.lower(), f"{said!r} does not name {missing}"


def test_an_extension_that_is_not_known_gets_420(server):
    with Endpoint(server.udp) as client:
        response = Dialog(client, server.uri()).invite([("Require", "siprec, teleport")])
    assert response.status == 420 and response.listed("unsupported") == ["teleport"]


def test_a_body_that_is_not_known_gets_415_with_accept(server):
    with Endpoint(server.udp) as client:
        response = Dialog(client, server.uri()).invite([("Require", "siprec"), ("Content-Type", "application/fish")], b"blub")
    assert response.status == 415 and "application/sdp" in response.listed("accept")


@pytest.mark.parametrize("method", ["BYE", "UPDATE", "INVITE"])
def test_requests_of_a_dialog_that_does_not_exist_get_481(method, server):
    with Endpoint(server.udp) as client:
        dialog = Dialog(client, server.uri())
        dialog.remote_tag = "nosuchtag"
        response = dialog.invite() if method == "INVITE" else dialog.request(method)
    assert response.status == 481


def test_a_request_out_of_order_gets_500_and_the_call_goes_on(server):
    with RecordedCall(server, seed=303) as call:
        call.dialog.sequence = 100
        call.invite()
        branch = sip.branch()
        call.endpoint.send_raw(call.dialog.build("BYE", branch=branch, sequence=50))
        assert call.dialog.final(branch, "BYE").status == 500
        call.bye()
        call.ended()


def test_an_unencrypted_call_to_a_connector_that_requires_encryption_is_refused(new_server):
    server = new_server(connectors=[{**connector(), "requireEncryption": True}])
    with RecordedCall(server, seed=304) as call:
        response = call.dialog.invite(*bodies.recording_offer(call.offer(), bodies.metadata()))
        assert 400 <= response.status < 700 and response.status != 404, response.start


# ---- digest


def challenged(client, server):
    dialog = Dialog(client, server.uri())
    response = dialog.invite(*bodies.recording_offer(bodies.offer([4000]), bodies.metadata(["1"])))
    assert response.status == 401, response.start
    return {one.get("algorithm", "MD5").upper(): one for one in digest.challenges(response.all("www-authenticate"))}


def test_the_challenge_offers_md5_and_sha256_with_qop_and_fresh_nonces(guarded):
    with Endpoint(guarded.udp) as client:
        first, second = challenged(client, guarded), challenged(client, guarded)
    assert set(first) == {"MD5", "SHA-256"} == set(second)
    assert all(one["realm"] and "auth" in one["qop"].split(",") for one in first.values())
    assert first["MD5"]["nonce"] != second["MD5"]["nonce"]


def answer(call, value, seed_headers=()):
    headers, body = bodies.recording_offer(call.offer(), bodies.metadata())
    return call.dialog.invite(headers + [("Authorization", value)] + list(seed_headers), body)


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
def test_the_right_password_is_taken_and_named_in_the_cdr(algorithm, guarded):
    with RecordedCall(guarded, seed=310) as call:
        challenge = challenged(call.endpoint, guarded)[algorithm]
        response = answer(call, digest.authorization(challenge, *SECRET, "INVITE", call.dialog.target))
        assert response.status == 200, response.text()
        call.connect(response)
        call.bye()
        call.ended()
        assert call.record("CDR")[1]["SipAuthUser"] == "sbc"


def test_requests_inside_an_authenticated_call_are_not_challenged_again(guarded):
    with RecordedCall(guarded, seed=311) as call:
        call.invite(credentials=SECRET)
        call.reinvite()
        call.bye()


def test_a_wrong_password_and_an_unknown_user_get_the_same_answer(guarded):
    def refuse(user, password):
        with RecordedCall(guarded, seed=312) as call:
            challenge = challenged(call.endpoint, guarded)["SHA-256"]
            value = digest.authorization(challenge, user, password, "INVITE", call.dialog.target)
            response = answer(call, value)
            seconds = response.arrived - call.dialog.sent_at
        shape = [(name, "" if name in ("via", "call-id", "from", "to", "cseq", "www-authenticate", "date") else text)
                 for name, text in response.headers]
        offered = [sorted((key, "" if key in ("nonce", "opaque") else text) for key, text in one.items())
                   for one in digest.challenges(response.all("www-authenticate"))]
        return (response.start, shape, offered), seconds

    wrong = [refuse("sbc", "guess") for _ in range(12)]
    unknown = [refuse("nobody", "guess") for _ in range(12)]
    assert wrong[0][0][0].startswith("SIP/2.0 40")
    assert {str(one) for one, _ in wrong} == {str(one) for one, _ in unknown}
    times = [statistics.median(seconds for _, seconds in found) for found in (wrong, unknown)]
    assert abs(times[0] - times[1]) < 0.003, f"answer times {times} tell which users exist"


def test_an_answer_cannot_be_used_twice_but_a_higher_count_can(guarded):
    with RecordedCall(guarded, seed=313) as call, RecordedCall(guarded, seed=314) as replay, RecordedCall(guarded, seed=315) as more:
        challenge = challenged(call.endpoint, guarded)["MD5"]
        value = digest.authorization(challenge, *SECRET, "INVITE", call.dialog.target)
        assert answer(call, value).status == 200
        again = answer(replay, value)
        assert again.status == 401 and digest.challenges(again.all("www-authenticate"))[0]["nonce"] != challenge["nonce"]
        counted = digest.authorization(challenge, *SECRET, "INVITE", more.dialog.target, count=2)
        assert answer(more, counted).status == 200
        call.bye()
        more.bye()


def test_a_nonce_that_the_server_did_not_make_gets_a_new_challenge(guarded):
    with RecordedCall(guarded, seed=316) as call:
        challenge = dict(challenged(call.endpoint, guarded)["MD5"])
        challenge["nonce"] = challenge["nonce"][::-1]
        response = answer(call, digest.authorization(challenge, *SECRET, "INVITE", call.dialog.target))
        assert response.status == 401
        fresh = digest.challenges(response.all("www-authenticate"))[0]
        assert answer(call, digest.authorization(fresh, *SECRET, "INVITE", call.dialog.target)).status == 200
        call.bye()


# ---- load


def test_calls_over_the_limit_get_503_with_retry_after_and_calls_in_progress_stay(new_server):
    server = new_server(connectors=[connector(cps=3)])
    calls = [RecordedCall(server, seed=320 + n) for n in range(8)]
    try:
        answers = [call.dialog.invite(*bodies.recording_offer(call.offer(), bodies.metadata())) for call in calls]
        refused = [one for one in answers if one.status == 503]
        accepted = [call for call, one in zip(calls, answers) if one.status == 200]
        assert 3 <= len(accepted) <= 5 and len(refused) + len(accepted) == 8, [one.start for one in answers]
        assert all(int(one.get("retry-after").split(";")[0].split("(")[0]) >= 1 for one in refused)
        deadline = time.monotonic() + 4
        while True:  # after Retry-After, the next call is taken
            with RecordedCall(server, seed=330) as later:
                response = later.dialog.invite(*bodies.recording_offer(later.offer(), bodies.metadata()))
                if response.status == 200:
                    later.bye(settle=0)
                    break
            assert time.monotonic() < deadline, "no call is taken any more"
            time.sleep(0.2)
        for call in accepted:
            call.bye(settle=0)
            call.ended()
    finally:
        for call in calls:
            call.__exit__(None)


def test_a_full_recorder_sheds_calls_with_503(new_server):
    server = new_server(media={"maxCalls": 2})
    calls = [RecordedCall(server, seed=340 + n) for n in range(3)]
    try:
        answers = [call.dialog.invite(*bodies.recording_offer(call.offer(), bodies.metadata())) for call in calls]
        assert [one.status for one in answers] == [200, 200, 503] and answers[2].get("retry-after")
        calls[0].bye()
        calls[0].ended()
        assert calls[1].bye().status == 200
    finally:
        for call in calls:
            call.__exit__(None)
    assert len([event for event in records.events(server) if event["detail"]["streamingStatus"] == "STARTED"]) == 4


def test_a_flood_of_rubbish_does_not_disturb_a_call(server):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger, RecordedCall(server, seed=350) as call:
        for number in range(300):
            stranger.sendto(bytes([number % 256]) * (number + 1), server.udp)
        call.invite(timeout=8)
        call.bye()
