"""SIGTERM in mid-call: no new calls, live ones go on to their end or to the limit, everything is closed, exit code 0."""

import time

import pytest

from peer import bodies, g711, matroska, records
from peer.endpoint import Dialog, Endpoint
from peer.recorded_call import RecordedCall
from peer.rtp import assert_heard
from peer.server import configuration, EarshotServer


@pytest.fixture
def draining(tmp_path):
    """Makes servers with a drain limit; what is still running at the end is a fault of the test, not left behind."""
    made = []

    def make(limit):
        server = EarshotServer(tmp_path / f"drain{len(made)}", configuration(shutdown={"drain": limit})).start()
        made.append(server)
        return server

    yield make
    for server in made:
        server.destroy()


def test_while_draining_new_calls_get_503_and_a_live_call_goes_on_to_its_bye(draining):
    server = draining("20s")
    with RecordedCall(server, seed=800) as call, Endpoint(server.udp) as other:
        call.invite()
        speaker = call.speak([g711.noise(801, 2.0), g711.noise(802, 2.0)], wait=False)
        time.sleep(0.5)
        server.terminate()
        deadline = time.monotonic() + 1
        while True:
            late = Dialog(other, server.uri())
            response = late.invite(*bodies.recording_offer(bodies.offer([4000]), bodies.metadata(["1"])))
            if response.status == 503:
                break
            late.bye()  # it came before the signal was taken
            assert time.monotonic() < deadline, f"a new call is answered {response.start!r} while draining"
        assert int(response.get("retry-after").split(";")[0].split("(")[0]) >= 1
        assert call.dialog.request("OPTIONS").status == 200
        call.reinvite()
        speaker.finish()
        assert server.alive(), "the live call keeps the server up"
        call.bye()
        ended = time.monotonic()
        assert server.wait_for_exit(10) == 0
        assert time.monotonic() - ended < 5, "nothing is left to wait for after the last BYE"
    assert any(line.startswith("drained") for line in server.lines)
    for index in range(2):
        pcm = matroska.read_recording(call.files()[index]).pcm
        assert_heard(pcm, call.legs[index].expected_pcm, f"leg {index}")
    assert len(call.ended()) == 2
    assert call.record("CDR")[1]["Status"] == "Completed" == call.record("SDR")[1]["Status"]


def test_at_the_limit_the_streams_are_closed_and_the_records_written(draining):
    server = draining("1s")
    with RecordedCall(server, seed=810) as call:
        call.invite()
        speaker = call.speak([g711.noise(811, 8.0), g711.noise(812, 8.0)], wait=False)
        time.sleep(0.6)
        server.terminate()
        began = time.monotonic()
        assert server.wait_for_exit(12) == 0, server.tail()
        assert 0.7 <= time.monotonic() - began <= 8
        speaker.stop()
        assert call.endpoint.requests("BYE"), "the other side is told"
    assert any(line.startswith("drained") for line in server.lines)
    for index, path in enumerate(call.files()):
        pcm = matroska.read_recording(path).pcm
        heard = call.legs[index].expected_pcm[: 16000 + 320 * 10]
        assert_heard(pcm, heard, f"leg {index}: the part before the limit")
    assert len(call.ended()) == 2
    for kind in ("CDR", "SDR"):
        content = call.record(kind)[1]
        assert content["TransactionId"] == call.transaction
        assert content["Status"] == "Failed" and "stopped during the call" in content["StatusMessage"], content
    assert not list((server.data / "calls").glob("*"))
    server.start()
    server.stop()
    assert sum(event["detail"]["streamingStatus"] == "ENDED" for event in records.events(server)) == 2, "written once"


def test_without_calls_the_server_ends_at_once(draining):
    server = draining("30s")
    began = time.monotonic()
    server.terminate()
    assert server.wait_for_exit(5) == 0
    assert time.monotonic() - began < 3


def test_a_second_signal_does_not_wait_for_the_limit(draining):
    server = draining("60s")
    with RecordedCall(server, seed=820) as call:
        call.invite()
        server.terminate()
        time.sleep(0.5)
        assert server.alive()
        server.terminate()
        try:
            code = server.wait_for_exit(4)
        except AssertionError:
            call.bye()  # a server that keeps waiting is right as well, as long as it ends with its last call
            code = server.wait_for_exit(10)
        assert code in (0, 130, 143)
