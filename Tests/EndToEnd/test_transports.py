"""UDP, TCP, TLS and IPv6: framing, sizes, retransmission, routing headers, session timers, CANCEL."""

import ssl
import subprocess
import time

import pytest

from peer import bodies, g711, matroska, sip
from peer.endpoint import Dialog, Endpoint
from peer.recorded_call import RecordedCall
from peer.rtp import assert_heard
from peer.server import connector


def record(call, seed):
    """A whole call with half a second of speech, compared sample for sample."""
    call.invite()
    call.speak([g711.noise(seed, 0.5), g711.noise(seed + 1, 0.5)])
    call.bye()
    call.ended()
    for index, path in enumerate(call.files()):
        assert_heard(matroska.read_recording(path).pcm, call.legs[index].expected_pcm, f"leg {index}")


def plain_invite(client, server, transport="tcp"):
    dialog = Dialog(client, server.uri(transport))
    dialog.sequence = 1
    headers, body = bodies.recording_offer(bodies.offer([4000, 4002]), bodies.metadata())
    branch = sip.branch()
    octets = dialog.build("INVITE", headers, body, branch)
    dialog.last_invite = (branch, 1, octets)
    return dialog, branch, octets


def finish(dialog, response):
    dialog.establish(response)
    dialog.acknowledge(response)
    assert dialog.bye().status == 200


# ---- a whole call on each transport


def test_a_call_over_tcp_is_recorded(server):
    with RecordedCall(server, transport="tcp", seed=400) as call:
        record(call, 400)
        assert "transport=tcp" in call.response.get("contact").lower()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["TLS 1.2", "TLS 1.3"])
def test_a_call_over_tls_is_recorded(version, server):
    with Endpoint(server.tls, "tls", tls_version=version) as client:
        assert client.socket.version() == version.name.replace("_", ".")
        with RecordedCall(server, transport="tls", seed=402 + version, endpoint=client) as call:
            record(call, 402 + version)


def test_the_certificate_that_the_server_made_is_self_signed_and_the_log_says_so(server):
    pem = ssl.get_server_certificate(server.tls)
    shown = subprocess.run(["openssl", "x509", "-noout", "-issuer", "-subject", "-checkend", "86400"], input=pem, text=True,
                           capture_output=True)
    assert shown.returncode == 0, shown.stdout + shown.stderr
    issuer, subject = [line.split("=", 1)[1].strip() for line in shown.stdout.splitlines()[:2]]
    assert issuer == subject
    assert "self-signed" in server.log.read_text().lower()
    assert list((server.data / "tls").iterdir())


def test_the_certificate_stays_the_same_across_restarts(new_server):
    server = new_server()
    first = ssl.get_server_certificate(server.tls)
    server.stop()
    server.start()
    assert ssl.get_server_certificate(server.tls) == first


def test_signalling_and_media_over_ipv6_are_recorded(new_server):
    server = new_server(bind="::1", connectors=[connector(allowed=["::1/128"])])
    for transport in ("udp", "tcp"):
        with RecordedCall(server, transport=transport, host="::1", seed=410 + len(transport)) as call:
            record(call, 410)
            assert {media.address for media in call.answer} == {"::1"}
            assert b"c=IN IP6 ::1" in call.response.body


def test_one_server_takes_both_address_families_when_it_binds_to_all(new_server):
    server = new_server(bind="::", node={"advertisedAddress": "127.0.0.1"})
    port = server.udp[1]
    for host in ("127.0.0.1", "::1"):
        with Endpoint((host, port), host=host) as client:
            assert client.request("OPTIONS", server.uri()).status == 200


# ---- framing


def test_an_invite_in_single_octets_over_tcp_is_one_message(server):
    with Endpoint(server.tcp, "tcp") as client:
        dialog, branch, octets = plain_invite(client, server)
        for start in range(0, len(octets), 7):
            client.send_raw(octets[start:start + 7])
        response = dialog.final(branch, "INVITE")
        assert response.status == 200
        finish(dialog, response)


def test_requests_in_one_segment_are_answered_each(server):
    with Endpoint(server.tcp, "tcp") as client:
        dialogs = [plain_invite(client, server) for _ in range(3)]
        client.send_raw(b"\r\n\r\n" + b"\r\n".join(octets for _, _, octets in dialogs) + b"\r\n\r\n")
        for dialog, branch, _ in dialogs:
            finish(dialog, dialog.final(branch, "INVITE"))


def test_junk_before_a_request_ends_the_connection_or_is_skipped_and_nothing_else_breaks(server):
    client = Endpoint(server.tcp, "tcp")
    try:
        dialog, branch, octets = plain_invite(client, server)
        client.send_raw(b"\x16\x03\x01 this is not SIP\r\n\r\n")
        try:
            client.send_raw(octets)
            response = dialog.final(branch, "INVITE", 3)
            assert response.status == 200
            finish(dialog, response)
        except (AssertionError, OSError):
            client.wait_for_end(3)
    finally:
        client.close()
    with Endpoint(server.tcp, "tcp") as other:
        assert other.request("OPTIONS", server.uri("tcp")).status == 200


def test_a_message_over_64_kilobytes_is_refused(server):
    client = Endpoint(server.tcp, "tcp")
    try:
        dialog = Dialog(client, server.uri("tcp"))
        headers, body = bodies.recording_offer(bodies.offer([4000, 4002]), bodies.metadata() + b" " * 70000)
        dialog.sequence = 1
        try:
            client.send_raw(dialog.build("INVITE", headers, body))
        except OSError:
            pass  # refused while it was still being sent
        deadline = time.monotonic() + 5
        while not client.ended and not any(m.is_response and m.status >= 300 for m in client.arrived):
            assert time.monotonic() < deadline, f"neither refused nor closed: {client.arrived}"
            time.sleep(0.02)
        assert all(m.status in (400, 413, 513) for m in client.arrived), client.arrived
    finally:
        client.close()
    assert server.alive()


def test_an_endless_header_is_not_collected_for_ever(server):
    client = Endpoint(server.tcp, "tcp")
    try:
        with pytest.raises((OSError, AssertionError)):
            client.send_raw(b"INVITE sip:x SIP/2.0\r\nX-Long: ")
            for _ in range(400):
                client.send_raw(b"a" * 4096)
            client.wait_for_end(3)
            raise AssertionError("closed")
    finally:
        client.close()
    assert server.alive() and server.memory() < 400_000


def test_a_message_of_forty_kilobytes_over_udp_is_taken(server):
    with RecordedCall(server, seed=420) as call:
        document = bodies.metadata().replace(b"</recording>", b"<!-- " + b"x" * 40000 + b" --></recording>")
        call.invite(document)
        assert all(event["detail"]["metadataStatus"] == "complete" for event in call.started())
        call.bye()


# ---- transactions


def test_a_retransmitted_invite_gets_the_same_answer_and_makes_no_second_call(server):
    with RecordedCall(server, seed=430) as call:
        headers, body = bodies.recording_offer(call.offer(), bodies.metadata())
        branch = call.dialog.send("INVITE", headers, body)
        call.response = call.dialog.final(branch, "INVITE")
        call.endpoint.send_raw(call.dialog.last_invite[2])
        deadline = time.monotonic() + 3
        while len(copies := [m for m in call.endpoint.arrived if m.is_response and m.status == 200]) < 2:
            assert time.monotonic() < deadline, "no answer to the retransmission"
            time.sleep(0.01)
        assert {copy.raw for copy in copies} == {call.response.raw}
        call.dialog.establish(call.response)
        call.dialog.acknowledge(call.response)
        assert len(call.started()) == 2
        call.bye()
        assert len(call.ended()) == 2


def test_a_200_is_sent_again_until_it_is_acknowledged(server):
    with RecordedCall(server, seed=431) as call:
        headers, body = bodies.recording_offer(call.offer(), bodies.metadata())
        branch = call.dialog.send("INVITE", headers, body)
        call.response = call.dialog.final(branch, "INVITE")
        deadline = time.monotonic() + 3
        while len([m for m in call.endpoint.arrived if m.is_response and m.status == 200]) < 3:
            assert time.monotonic() < deadline, "the 200 was not sent again (RFC 3261 section 13.3.1.4)"
            time.sleep(0.02)
        call.dialog.establish(call.response)
        call.dialog.acknowledge(call.response)
        time.sleep(0.05)
        count = len(call.endpoint.arrived)
        assert call.endpoint.nothing_arrives(2.2, lambda m: m.is_response and call.endpoint.arrived.index(m) >= count)
        call.bye()


def test_a_cancel_after_the_answer_changes_nothing(server):
    with RecordedCall(server, seed=432) as call:
        call.invite()
        assert call.dialog.cancel().status in (200, 481)
        assert call.dialog.request("OPTIONS").status == 200
        call.bye()
        call.ended()


def test_a_cancel_on_the_heels_of_its_invite_leaves_no_call_behind(server):
    with Endpoint(server.tcp, "tcp") as client:
        dialog, branch, octets = plain_invite(client, server)
        client.send_raw(octets + dialog.build("CANCEL", branch=branch, sequence=1))
        cancelled = client.wait(lambda m: m.is_response and m.cseq[1] == "CANCEL", what="answer to CANCEL")
        response = dialog.final(branch, "INVITE")
        assert (cancelled.status, response.status) in ((200, 487), (200, 200), (481, 200)), (cancelled.start, response.start)
        if response.status == 200:
            finish(dialog, response)
        else:
            dialog.acknowledge(response)


def test_a_cancel_of_nothing_gets_481(server):
    with Endpoint(server.udp) as client:
        dialog = Dialog(client, server.uri())
        dialog.last_invite = (sip.branch(), 1, b"")
        assert dialog.cancel().status == 481


# ---- headers


def test_the_answer_says_where_the_request_came_from(server):
    with Endpoint(server.udp) as client:
        via = client.request("OPTIONS", server.uri()).get("via")
    assert sip.parameter(via, "rport") == str(client.port) and sip.parameter(via, "received") in ("127.0.0.1", None)


def test_record_route_is_echoed_in_order(server):
    routes = ["<sip:127.0.0.1:5091;lr>", "<sip:127.0.0.1:5092;lr;did=4a1.b2>"]
    with RecordedCall(server, seed=440) as call:
        headers, body = bodies.recording_offer(call.offer(), bodies.metadata())
        response = call.dialog.invite([("Record-Route", route) for route in routes] + headers, body)
        assert response.status == 200
        assert [route.strip() for value in response.all("record-route") for route in value.split(",")] == routes
        call.bye()


def test_compact_names_folding_and_odd_spacing_are_read(server):
    with RecordedCall(server, seed=441) as call:
        headers, body = bodies.recording_offer(call.offer(), bodies.metadata())
        octets = call.dialog.build("INVITE", headers, body, sip.branch(), 1)
        for long, short in ((b"Via", b"v"), (b"From", b"F"), (b"To", b"t"), (b"Call-ID", b"i"), (b"Contact", b"m"),
                            (b"Content-Type", b"c"), (b"Content-Length", b"l")):
            octets = octets.replace(b"\r\n" + long + b": ", b"\r\n" + short + b" :\r\n\t  ", 1)
        call.endpoint.send_raw(octets)
        response = call.endpoint.wait(lambda m: m.is_response and m.status >= 200, what="final response")
        assert response.status == 200 and response.get("call-id") == call.call_id
        call.dialog.sequence = 1
        call.dialog.establish(response)
        call.dialog.acknowledge(response)
        call.bye()


def test_the_session_timer_is_negotiated_with_the_client_as_refresher(server):
    with RecordedCall(server, seed=442) as call:
        call.invite(headers=[("Supported", "timer"), ("Session-Expires", "1800")])
        value = call.response.get("session-expires")
        assert value.split(";")[0].strip() == "1800" and sip.parameter(value, "refresher") == "uac"
        assert "timer" in call.response.listed("require")
        response = call.dialog.request("UPDATE", [("Supported", "timer"), ("Session-Expires", "1800;refresher=uac")])
        assert response.status == 200 and response.get("session-expires", "").startswith("1800")
        call.bye()


def test_a_session_interval_that_is_too_small_gets_422_with_the_smallest(server):
    with RecordedCall(server, seed=443) as call:
        headers, body = bodies.recording_offer(call.offer(), bodies.metadata())
        response = call.dialog.invite(headers + [("Supported", "timer"), ("Session-Expires", "30")], body)
        assert response.status == 422 and int(response.get("min-se")) >= 90
