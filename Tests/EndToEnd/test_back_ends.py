"""io_uring and epoll do the same; `auto` falls back with one line, and says why."""

import re
import sys
import time

import pytest

from peer import g711
from peer.recorded_call import RecordedCall
from peer.rtp import assert_heard
from peer.server import PACKAGE, EarshotServer, configuration
from secure_call import SecureCall, assert_all_heard, assert_legs_clean, finish, frames, paced, say

pytestmark = pytest.mark.engine
SANDBOX = [sys.executable, PACKAGE / "Tests" / "EndToEnd" / "peer" / "without_io_uring.py"]


@pytest.fixture(scope="module", params=["io_uring", "epoll"])
def server(request, tmp_path_factory):
    running = EarshotServer(
        tmp_path_factory.mktemp(request.param), configuration(media={"backend": request.param})).start()
    yield running
    running.stop()


def test_a_call_is_recorded_sample_for_sample(server):
    with RecordedCall(server, seed=110) as call:
        call.invite()
        say(call, 2.0, 110)
        recorded, legs = finish(call)
    assert_all_heard(call, recorded)
    assert_legs_clean(legs)
    assert [leg["Packets"] for leg in legs] == [100, 100]


def test_an_encrypted_call_is_recorded_sample_for_sample(server):
    with SecureCall(server, ["AEAD_AES_128_GCM"], seed=111) as call:
        call.invite()
        say(call, 1.0, 111)
        recorded, legs = finish(call)
    assert_all_heard(call, recorded)
    assert_legs_clean(legs)


def test_twelve_calls_at_once_lose_nothing(server):
    calls = [RecordedCall(server, seed=112 + number) for number in range(12)]
    for call in calls:
        call.invite()
    speakers = [call.speak([g711.noise(112 + number, 2.0), g711.noise(512 + number, 2.0)], wait=False)
                for number, call in enumerate(calls)]
    for speaker in speakers:
        speaker.finish()
    for call in calls:
        recorded, legs = finish(call)
        assert_all_heard(call, recorded)
        assert_legs_clean(legs)
        call.__exit__(None)


def test_a_burst_after_a_stop_is_taken_whole(server):
    """Half a second of packets at once, as after a network that stood still."""
    with RecordedCall(server, legs=1, seed=113) as call:
        call.invite()
        leg, parts = call.legs[0], frames(113, 75)
        paced([lambda one=one: leg.send(one) for one in parts[:25]])
        time.sleep(0.5)
        for one in parts[25:50]:
            leg.send(one)
        paced([lambda one=one: leg.send(one) for one in parts[50:]])
        recorded, legs = finish(call)
    assert_heard(recorded[0], leg.expected_pcm, "the leg")
    assert legs[0]["Lost"] == 0 and legs[0]["KernelDrops"] == 0


def test_what_lies_in_the_socket_at_the_end_belongs_to_the_call(server):
    with RecordedCall(server, legs=1, seed=114) as call:
        call.invite()
        say(call, 0.6, 114)
        call.bye(settle=0.01)
        call.ended()
        assert call.record("SDR")[1]["Legs"][0]["Packets"] == 30


def test_ipv6_media_are_recorded(server, new_server):
    other = new_server(bind="::1", media={"backend": "epoll"})
    with RecordedCall(other, host="::1", seed=115) as call:
        call.invite()
        say(call, 0.6, 115)
        recorded, _ = finish(call)
    assert_all_heard(call, recorded)


def test_reports_come_in_time(server):
    with RecordedCall(server, seed=116) as call:
        call.invite()
        speaker = call.speak([g711.noise(116, 11), g711.noise(117, 11)], wait=False)
        deadline, found = time.monotonic() + 11, False
        while not found and time.monotonic() < deadline:
            found = bool(call.legs[0].received_control())
            time.sleep(0.05)
        speaker.stop()
        call.bye()
    assert found, "no report within 11 s"


# ---- where the kernel refuses io_uring


def lines_about(server):
    return [line for line in server.log.read_text().splitlines() if "io_uring" in line]


def test_auto_falls_back_with_one_line_that_says_why(new_server):
    server = new_server(wrapper=SANDBOX, media={"backend": "auto"})
    said = lines_about(server)
    assert len(said) == 1, said
    assert "epoll" in said[0] and re.search(r"EPERM|not permitted|refus|forbid|denied|seccomp", said[0], re.I), said[0]
    with RecordedCall(server, seed=118) as call:
        call.invite()
        say(call, 0.6, 118)
        recorded, _ = finish(call)
    assert_all_heard(call, recorded)


def test_auto_says_nothing_where_io_uring_is_there(new_server):
    server = new_server(media={"backend": "auto"})
    assert not [line for line in lines_about(server) if "warn" in line.lower()]


def test_io_uring_by_name_does_not_start_where_it_is_refused(new_server):
    server = new_server(start=False, wrapper=SANDBOX, media={"backend": "io_uring"})
    with pytest.raises(AssertionError, match="ended with code"):
        server.start()
    said = "\n".join(lines_about(server))
    assert "epoll" in said or "auto" in said, f"the message names no remedy: {said or server.tail()}"
    server.process = None


def test_doctor_says_what_will_be_used(new_server):
    server = new_server(start=False, media={"backend": "auto"})
    said = server.run("doctor", "--config", server.file)
    assert "io_uring" in said.stdout + said.stderr or "epoll" in said.stdout + said.stderr
