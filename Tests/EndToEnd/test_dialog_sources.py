"""Requests inside a call that come another way than its INVITE: without TLS where that is asked for, or from strangers."""

import pytest

from peer import bodies
from peer.endpoint import Endpoint
from peer.server import connector
from secure_call import SecureCall, assert_all_heard, finish, say

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def strict(tmp_path_factory):
    """A server whose connector takes TLS from 127.0.0.1 only; another connector knows 127.0.0.9."""
    from peer.server import EarshotServer, configuration

    settings = configuration(connectors=[
        connector(requireEncryption=True, allowed=("127.0.0.1/32",)),
        connector("endtoend00000000000002", "back door", allowed=("127.0.0.9/32",))])
    running = EarshotServer(tmp_path_factory.mktemp("strict"), settings).start()
    yield running
    running.stop()


def requests(call):
    """Everything that could change the call: each would point its media elsewhere, refresh it, or end it."""
    ports = [9000 + 2 * index for index in range(len(call.legs))]
    version = call.version
    moved = call.offer(ports=ports)
    call.version = version
    yield "UPDATE", [("Content-Type", bodies.SDP), ("Session-Expires", "90;refresher=uac")], moved
    yield "UPDATE", [("Session-Expires", "90;refresher=uac")], b""
    yield ("INVITE", *bodies.recording_offer(moved))
    yield "OPTIONS", [], b""
    yield "BYE", [], b""


@pytest.mark.parametrize("host, transport", [
    ("127.0.0.1", "udp"), ("127.0.0.1", "tcp"), ("127.0.0.9", "udp"), ("127.0.0.9", "tcp"), ("127.0.0.9", "tls"),
    ("127.0.0.77", "udp"), ("127.0.0.77", "tls")])
def test_a_request_by_another_way_is_refused_and_the_call_knows_nothing_of_it(host, transport, strict):
    with SecureCall(strict, transport="tls", legs=1, seed=55) as call, \
            Endpoint(strict.addresses[transport], transport, host) as other:
        call.invite()
        say(call, 0.4)
        own, number = call.dialog.endpoint, call.dialog.sequence
        for method, headers, body in requests(call):
            call.dialog.endpoint, call.dialog.sequence = other, number + 500
            if method == "INVITE":
                response = call.dialog.invite(headers, body)
            else:
                response = call.dialog.request(method, headers, body)
            assert response.status == 403, f"{method}: {response.start}"
            assert b"crypto" not in response.body and not response.all("contact"), response.text()
        # The caller's numbers go on where they were: 500 more would have made them old.
        call.dialog.endpoint, call.dialog.sequence = own, number
        say(call, 0.4, seed=2)
        assert call.reoffer().status == 200
        say(call, 0.4, seed=3)
        recorded, _ = finish(call)
        assert_all_heard(call, recorded)


def test_another_connection_with_tls_from_the_same_address_goes_on(strict):
    with SecureCall(strict, transport="tls", legs=1, seed=56) as call, Endpoint(strict.tls, "tls") as other:
        call.invite()
        call.dialog.endpoint = other
        assert call.reinvite(call.offer()).status == 200
        call.bye()
        call.ended()
