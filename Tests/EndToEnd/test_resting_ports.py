"""Ports of a stream that has ended: they rest before they are used again, and drop what still arrives."""

import socket
import time

import pytest

from peer.recorded_call import RecordedCall
from peer.rtp import assert_heard
from secure_call import finish, say

pytestmark = pytest.mark.engine


def is_refused(destination, attempts=20):
    """Whether the kernel at the far end says that nobody listens (ICMP, port unreachable)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(destination)
        try:
            for _ in range(attempts):
                probe.send(b"\x80\x00" + bytes(170))
                time.sleep(0.005)
        except ConnectionRefusedError:
            return True
    return False


def test_what_comes_after_the_end_is_dropped_and_not_refused_until_the_rest_is_over(new_server):
    server = new_server()
    with RecordedCall(server, seed=141) as call:
        call.invite()
        say(call, 0.4, 141)
        destinations = [leg.destination for leg in call.legs]
        recorded, _ = finish(call)
        ended = time.monotonic()
        for index, leg in enumerate(call.legs):
            assert_heard(recorded[index], leg.expected_pcm, f"leg {index}")
    for host, port in destinations:
        assert not is_refused((host, port)) and not is_refused((host, port + 1)), f"port {port} refuses what is late"
    # The next calls get other ports.
    for number in range(3):
        with RecordedCall(server, seed=142 + number) as call:
            call.invite()
            assert not {leg.destination for leg in call.legs} & set(destinations), "a port is used again at once"
            call.bye()
            call.ended()
    time.sleep(max(0, ended + 5.5 - time.monotonic()))
    deadline = time.monotonic() + 5
    while not all(is_refused(destination, 2) for destination in destinations):
        assert time.monotonic() < deadline, "the rest never ends"
