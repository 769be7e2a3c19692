"""Pressed keys (RFC 4733): what tells of them, and that nothing does where they are redacted."""

import json
import re
import struct
import time

import pytest

from peer import g711, matroska
from peer.recorded_call import RecordedCall
from peer.rtp import assert_heard
from peer.server import connector
from secure_call import finish, frames, paced

pytestmark = pytest.mark.engine
DIGITS = "4931#*7A"
CODES = {**{str(number): number for number in range(10)}, "*": 10, "#": 11, "A": 12, "B": 13, "C": 14, "D": 15}
TONE = g711.noise(4711, 0.02)  # what a careless gateway leaves in the audio under a key


def press(leg, digit, frames_held=8, tone=False):
    """The steps of one key, 20 ms each: updates, then the end three times at once (RFC 4733 section 2.5.1.4).

    With `tone`, the gateway sends the key's sound as audio besides, as many do.
    """
    base = []

    def update(index):
        if not base:
            base.append(leg.timestamp)
        final = index == frames_held - 1
        for _ in range(3 if final else 1):
            now, leg.timestamp = leg.timestamp, base[0]
            leg.send(struct.pack("!BBH", CODES[digit], 0x8A if final else 0x0A, (index + 1) * 160), 101, index == 0, 0, heard=False)
            leg.timestamp = now
        if tone:
            leg.send(TONE, heard=False)
        else:
            leg.timestamp += 160

    return [lambda index=index: update(index) for index in range(frames_held)]


def talk(leg, parts):
    return [lambda one=one: leg.send(one) for one in parts]


def events_of(server, call):
    """Every line of the event log of this call that is no STARTED, UPDATED or ENDED."""
    lines = (server.data / "logs" / "events.jsonl").read_text().splitlines()
    found = [json.loads(line) for line in lines]
    return [event for event in found if event["detail"].get("callId") == call.call_id
            and event["detail"].get("streamingStatus") not in ("STARTED", "UPDATED", "ENDED")]


def members(event):
    """Names and values at any depth."""
    for name, value in event.items():
        yield name.lower(), value
        if isinstance(value, dict):
            yield from members(value)


def test_each_key_is_an_event_with_its_duration_and_a_tag(server):
    with RecordedCall(server, legs=1, seed=90) as call:
        call.invite(offer=call.offer(events=True))
        leg, parts = call.legs[0], frames(90, 20 * (len(DIGITS) + 1))
        steps = talk(leg, parts[:20])
        for index, digit in enumerate(DIGITS):
            steps += press(leg, digit) + talk(leg, parts[20 * (index + 1):20 * (index + 2)])
        paced(steps)
        recorded, legs = finish(call)
        found = events_of(server, call)
        tags = " ".join(
            fragment.tags.get("EarshotDigits", "") for fragment in matroska.read_recording(call.files()[0]).fragments)
    keys = "".join(str(value) for event in found for name, value in members(event) if name in ("digit", "key"))
    assert keys == DIGITS, found
    lengths = [value for event in found for name, value in members(event) if "duration" in name]
    assert lengths == [160] * len(DIGITS), found
    assert "".join(re.findall(r"(\S)@\d+\+\d+", tags)) == DIGITS, tags
    assert re.findall(r"\+(\d+)", tags) == ["160"] * len(DIGITS)
    starts = [int(text) for text in re.findall(r"@(\d+)", tags)]
    assert all(b - a == pytest.approx(560, abs=3) for a, b in zip(starts, starts[1:])), starts
    assert legs[0]["Lost"] == 0 and legs[0]["ConcealedMilliseconds"] == 0


def test_a_repeated_end_of_a_key_is_one_key(server):
    with RecordedCall(server, legs=1, seed=91) as call:
        call.invite(offer=call.offer(events=True))
        leg, parts = call.legs[0], frames(91, 40)
        paced(talk(leg, parts[:20]) + press(leg, "5", 3) + talk(leg, parts[20:]))
        finish(call)
        found = events_of(server, call)
    assert len(found) == 1, found


@pytest.fixture
def discreet(new_server):
    def start(form):
        return new_server(
            connectors=[connector(streaming={"redactDigits": True, "format": form})],
            logging={"level": "debug", "sipMessages": True})

    return start


@pytest.mark.parametrize("form", ["pcm", "payload", "opus"])
def test_redacted_keys_are_nowhere(form, discreet):
    server = discreet(form)
    with RecordedCall(server, legs=1, seed=92) as call:
        call.invite(offer=call.offer(events=True))
        leg, parts = call.legs[0], frames(92, 90)
        steps = talk(leg, parts[:30])
        for digit in "49317":
            steps += press(leg, digit, 8, tone=True) + [None]
        leg_steps = steps + [lambda: setattr(leg, "timestamp", leg.timestamp + 5 * 160)] + talk(leg, parts[30:])
        paced(leg_steps)
        time.sleep(0.2)
        call.bye()
        call.ended()
        path = call.files()[0]
        call.record("SDR")
    assert events_of(server, call) == []
    written = matroska.read_recording(path)
    assert not any("EarshotDigits" in fragment.tags for fragment in written.fragments)
    blocks = b"".join(octets for fragment in written.fragments for _, octets in fragment.blocks)
    if form == "pcm":
        assert g711.decode("u", TONE[20:60]) not in blocks, "the tone under a key is in the audio"
        assert_heard(blocks, g711.decode("u", b"".join(parts[:26])), "speech before the keys")
        assert_heard(blocks, g711.decode("u", b"".join(parts[36:])), "speech after the keys")
    elif form == "payload":
        assert TONE[20:60] not in blocks, "the tone under a key is in the payloads"
        assert not any(struct.pack("!BB", CODES[digit], 0x8A) + b"\x05" in blocks for digit in "49317"), "an event is kept"
    for file in [one for one in server.data.rglob("*") if one.is_file()] + [server.log]:
        content = file.read_bytes()
        for word in (b"EarshotDigits", b'"digit"', b"Telephone Event"):
            assert word not in content, f"{word!r} is in {file}"
        if file.suffix in (".log", ".jsonl", ".json"):
            assert not re.search(rb"(?<!\d)49317(?!\d)", content), f"the keys are in {file}"


def test_audio_under_a_key_is_kept_where_nothing_is_redacted(server):
    with RecordedCall(server, legs=1, seed=93) as call:
        call.invite(offer=call.offer(events=True))
        leg, parts = call.legs[0], frames(93, 60)
        paced(talk(leg, parts[:30]) + press(leg, "8", 8, tone=True) + talk(leg, parts[30:]))
        recorded, _ = finish(call)
    assert g711.decode("u", TONE * 8) in recorded[0], "audio was cut though nothing is to be redacted"
