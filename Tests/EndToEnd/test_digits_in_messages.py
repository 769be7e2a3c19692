"""Pressed keys in SIP messages (INFO, NOTIFY, headers): in no file where they are redacted."""

import json

import pytest

from peer.recorded_call import RecordedCall
from peer.server import connector

pytestmark = pytest.mark.engine
KEYS = "7742"
FORMS = {
    "relay": ([("Content-Type", "application/dtmf-relay")], b"Signal=7742\r\nDuration=4711\r\n"),
    "relay with a colon": ([("Content-Type", "application/dtmf-relay")], b"Signal: 7742\r\nDuration=4711\r\n"),
    "keys alone": ([("Content-Type", "application/dtmf")], b"7742"),
    "compact": ([("c", "application/dtmf")], b"7742"),
    "folded": ([("Content-Type", "\r\n application/dtmf")], b"7742"),
    "collected": ([("Content-Type", "application/vnd.nortelnetworks.digits")], b"p=Digit-Collection\r\ny=Digits\r\n\r\nd=7742\r\n"),
    "KPML": ([("Content-Type", "application/kpml-response+xml")], b'<kpml-response version="1.0" digits = "7742" code="200"/>'),
    "multipart": ([("Content-Type", "multipart/mixed;boundary=x")],
                  b"--x\r\nContent-Type: application/dtmf\r\n\r\n7742\r\n--x--\r\n"),
    "telephone-event": ([("Content-Type", "audio/telephone-event")], b"07742008"),
    "text": ([("Content-Type", "text/plain")], b"7742"),
    "header": ([("X-DTMF", "7742")], b""),
}


def exchange(server):
    """A call in which each form is sent by INFO and NOTIFY; gives the messages of the log, by form and method."""
    with RecordedCall(server, legs=1, seed=94) as call:
        call.invite()
        for name, (headers, body) in FORMS.items():
            for method in ("INFO", "NOTIFY"):
                call.dialog.request(method, [("X-Case", f"{name}/{method}")] + headers, body)
        call.bye()
        call.ended()
    server.stop()
    lines = (server.data / "logs" / "sip.jsonl").read_text().splitlines()
    found = {}
    for line in lines:
        message = json.loads(line)["sip_message"]
        if "X-Case: " in message:
            found[message.split("X-Case: ")[1].split("\r\n")[0]] = message
    assert set(found) == {f"{name}/{method}" for name in FORMS for method in ("INFO", "NOTIFY")}
    return found, [json.loads(line)["sip_message"] for line in lines]


def logged(new_server, redacts):
    return exchange(new_server(
        connectors=[connector(streaming={"redactDigits": redacts})], logging={"level": "trace", "sipMessages": True}))


def test_no_form_of_keys_is_in_the_log_where_they_are_redacted(new_server):
    found, every = logged(new_server, True)
    for name, message in found.items():
        assert KEYS not in message, f"{name}: {message}"
        assert "***" in message, name
    offer = next(message for message in every if message.startswith("INVITE"))
    assert "m=audio" in offer and "participant" in offer, "session descriptions and metadata stay"


def test_they_are_there_where_nothing_is_redacted(new_server):
    found, _ = logged(new_server, False)
    for name, message in found.items():
        assert KEYS in message, f"{name}: {message}"
