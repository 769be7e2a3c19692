"""Many calls at a time and one after the other: every leg has its audio, streams are shared out and reused, nothing is left."""

import json
import os
import time

import pytest

from peer import g711, matroska, records
from peer.recorded_call import RecordedCall
from peer.rtp import Speaker, assert_heard
from peer.server import connector

CALLS = 20


def sockets(server):
    """How many datagram sockets the server has open."""
    inodes = set()
    for entry in os.scandir(f"/proc/{server.pid}/fd"):
        try:
            target = os.readlink(entry.path)
        except OSError:
            continue
        if target.startswith("socket:"):
            inodes.add(target)
    return len(inodes)


def test_forty_legs_at_once_are_each_recorded_sample_for_sample(server):
    calls = [RecordedCall(server, seed=1000 + n) for n in range(CALLS)]
    try:
        for call in calls:
            call.invite()
        speech = [(leg, g711.noise(10000 + 10 * n + index, 2.0)) for n, call in enumerate(calls) for index, leg in enumerate(call.legs)]
        speaker = Speaker(speech)
        speaker.start()
        speaker.finish()
        for call in calls:
            call.bye(settle=0.01)
        names = []
        for n, call in enumerate(calls):
            call.ended()
            names += [records.stream_name(event) for event in call.started()]
            for index, path in enumerate(call.files()):
                assert_heard(matroska.read_recording(path).pcm, call.legs[index].expected_pcm, f"call {n}, leg {index}")
            assert [leg["Packets"] for leg in call.record("SDR")[1]["Legs"]] == [100, 100]
        assert len(set(names)) == 2 * CALLS, "no two legs at a time share a stream"
    finally:
        for call in calls:
            call.__exit__(None)


def test_calls_after_each_other_use_two_streams_and_leave_nothing_open(new_server):
    server = new_server()
    with RecordedCall(server, seed=1100) as call:
        call.invite()
        call.bye(settle=0)
        call.ended()
    before, names = None, set()
    for n in range(30):
        with RecordedCall(server, seed=1101 + n) as call:
            call.invite()
            names |= {records.stream_name(event) for event in call.started()}
            call.bye(settle=0)
            call.ended()
        if n == 9:
            before = server.memory()
    assert len(names) == 2
    deadline = time.monotonic() + 8
    while sockets(server) > 12:  # listeners and a few of the event loops; ports cool down after a BYE
        assert time.monotonic() < deadline, f"{sockets(server)} sockets are still open"
        time.sleep(0.1)
    assert server.memory() - before < 8000, f"{server.memory() - before} kB more after twenty further calls"
    assert not list((server.data / "calls").glob("*"))


def test_a_connector_with_streaming_off_answers_and_keeps_no_audio(new_server):
    settings = connector()
    settings["streaming"]["disabled"] = True
    server = new_server(connectors=[settings])
    with RecordedCall(server, seed=1140) as call:
        call.invite()
        call.speak([g711.noise(1, 0.3), g711.noise(2, 0.3)])
        call.bye()
    assert not [event for event in records.events(server) if event["detail"]["streamingStatus"] == "STARTED"]
    assert not list((server.data / "streams").rglob("*.mkv"))


@pytest.mark.parametrize("on", [True, False], ids=["asked for", "not asked for"])
def test_sip_messages_are_kept_as_json_lines_only_when_asked_for(on, new_server):
    server = new_server(logging={"sipMessages": on})
    with RecordedCall(server, seed=1150) as call:
        call.invite()
        call.bye()
        call.ended()
    path = server.data / "logs" / "sip.jsonl"
    server.stop()
    if not on:
        assert not path.exists() or path.read_text() == ""
        return
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for line in lines:
        assert {"event_timestamp", "sip_message"} <= set(line)
        assert isinstance(line["event_timestamp"], int) and "\n" in line["sip_message"]
    starts = [line["sip_message"].splitlines()[0] for line in lines]
    assert any(start.startswith("INVITE sip:") for start in starts) and "SIP/2.0 200 OK" in starts
    assert any(start.startswith("BYE sip:") for start in starts)
