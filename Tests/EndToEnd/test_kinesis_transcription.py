"""The transcription example's own parts against the service: its parser, its signature check, broken connections, the webhook."""

import hashlib
import hmac
import json
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

import pytest

from kinesis import CLIENTS, KinesisServer, LiveCall, need, need_http, read_now, recorded_call
from peer import g711, media_body
from peer.recorded_call import RecordedCall
from peer.rtp import assert_heard
from peer.server import PACKAGE, REGION, connector

need_http()
need("boto3")
EXAMPLE = PACKAGE / "examples" / "transcribe"
sys.path.append(str(EXAMPLE))

import events  # noqa: E402
import legs  # noqa: E402
import media  # noqa: E402

SECRET = "between-us-only"


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    running = KinesisServer(tmp_path_factory.mktemp("kinesis")).start()
    yield running
    running.stop()


# --- the parser ---------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def body(node):
    call = recorded_call(node, seconds=2.2, seed=130)
    chunks = read_now(node, call.streams[0], {"StartSelectorType": "EARLIEST"})
    answer = node.archived().get_media_for_fragment_list(
        StreamName=call.streams[0], Fragments=[chunk.number for chunk in media_body.audio_chunks(chunks)])
    return call, answer["Payload"].read()


@pytest.mark.parametrize("size", [1, 13, 640, 1 << 20])
def test_the_parser_takes_pieces_of_any_size(body, size):
    call, data = body
    parser, audio, seen = media.MediaParser(), b"", []
    for at in range(0, len(data), size):
        for fragment, piece in parser.feed(data[at:at + size]):
            audio += piece
            seen.append((fragment.number, fragment.tags["TransactionId"], fragment.rate))
    assert audio == media_body.pcm(media_body.read_body(data))
    assert {transaction for _, transaction, _ in seen} == {call.transaction} and {rate for *_, rate in seen} == {8000}
    assert [number for number, *_ in seen] == sorted(number for number, *_ in seen)


def test_the_parser_refuses_what_it_cannot_hand_on(body):
    with pytest.raises(media.MediaError):
        list(media.MediaParser().feed(bytes(64)))
    with pytest.raises(media.MediaError, match="A_OPUS"):
        list(media.MediaParser().feed(body[1].replace(b"A_PCM/INT/LIT", b"A_OPUS\0\0\0\0\0\0\0")))


# --- signatures of events -------------------------------------------------------------------------------------------------------


def signature(body, secret=SECRET, when=None):
    moment = str(int(when or time.time()))
    return f"t={moment},v1=" + hmac.new(secret.encode(), moment.encode() + b"." + body, hashlib.sha256).hexdigest()


def test_events_are_taken_with_a_good_signature_only():
    good = signature(b"{}")
    assert events.is_genuine(good, b"{}", SECRET)
    assert not events.is_genuine(good, b"{ }", SECRET) and not events.is_genuine(good, b"{}", "another")
    for header in (None, "", "v1=ab", "t=1", "t=x,v1=y", "nonsense", good[:-1]):
        assert not events.is_genuine(header, b"{}", SECRET), header
    for age in (-400, 400):
        assert not events.is_genuine(signature(b"{}", when=time.time() + age), b"{}", SECRET)


def test_the_webhook_takes_an_event_once_and_refuses_strangers():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    stopping, got = threading.Event(), []
    receiver = threading.Thread(
        target=lambda: got.extend(events.receive_webhook("127.0.0.1", port, SECRET, stopping)), daemon=True)
    receiver.start()
    body = json.dumps({"id": "1", "detail": {}}).encode()

    def post(header):
        request = urllib.request.Request(f"http://127.0.0.1:{port}/", body, {"X-Earshot-Signature": header, "X-Earshot-Event-Id": "1"})
        for _ in range(50):
            try:
                return urllib.request.urlopen(request, timeout=5).status
            except urllib.error.HTTPError as error:
                return error.code
            except urllib.error.URLError:
                time.sleep(0.05)  # not listening yet

    assert [post("t=1,v1=00"), post(signature(body)), post(signature(body)), post(signature(body, "another"))] == [403, 204, 204, 403]
    time.sleep(0.3)
    stopping.set()
    receiver.join(3)
    assert [event["id"] for event in got] == ["1"]


# --- legs -------------------------------------------------------------------------------------------------------------------------


class BreakingProxy(threading.Thread):
    """Passes connections on to the service and breaks each GetMedia after so many bytes of its body."""

    def __init__(self, target, most):
        super().__init__(daemon=True)
        self.target, self.most, self.broken = target, most, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = "http://127.0.0.1:%d" % self.listener.getsockname()[1]
        self.start()

    def run(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        with client, socket.create_connection(self.target) as server:
            seen = {"media": False}

            def up():
                try:
                    while octets := client.recv(65536):
                        seen["media"] = seen["media"] or b"/getMedia" in octets
                        server.sendall(octets)
                    server.shutdown(socket.SHUT_WR)
                except OSError:
                    pass

            threading.Thread(target=up, daemon=True).start()
            passed = 0
            try:
                while octets := server.recv(4096):
                    client.sendall(octets)
                    passed += len(octets)
                    if seen["media"] and passed > self.most:
                        self.broken += 1
                        client.shutdown(socket.SHUT_RDWR)  # in the middle of a chunk
                        return
            except OSError:
                pass


def test_a_leg_is_read_without_gap_or_doubling_over_broken_connections(node):
    boto3 = need("boto3")
    recorded_call(node, seconds=1.2, seed=131)  # so that something else is on the streams before
    proxy = BreakingProxy(node.http, 33_000)
    key = node.key("consumer")
    session = boto3.session.Session(key["accessKeyId"], key["secretAccessKey"], region_name=REGION)
    with LiveCall(node, seed=132) as live:
        over, heard = threading.Event(), bytearray()
        leg = legs.Leg(session, proxy.url, live.call.started()[0], lambda _, pcm: heard.extend(pcm), lambda _: over.set())
        leg.start()
        time.sleep(6.5)
        live.end()
        leg.end()
        assert over.wait(20) and leg.failure is None, leg.failure
        assert proxy.broken >= 2, f"the connection broke {proxy.broken} times"
        assert leg.rate == 8000 and abs(leg.first_sample - time.time()) < 30
        offset = assert_heard(bytes(heard), live.legs[0].expected_pcm, "the leg over broken connections")
        assert 0 <= offset < 16_000
    proxy.listener.close()


def test_a_leg_ends_where_the_next_call_begins(node):
    boto3 = need("boto3")
    key = node.key("consumer")
    session = boto3.session.Session(key["accessKeyId"], key["secretAccessKey"], region_name=REGION)
    over, heard = threading.Event(), bytearray()
    with LiveCall(node, seed=133) as live:
        leg = legs.Leg(session, node.url, live.call.started()[0], lambda _, pcm: heard.extend(pcm), lambda _: over.set())
        leg.start()
        time.sleep(1.5)
        live.end()
    with LiveCall(node, seed=134) as following:
        assert leg.arn in [event["detail"]["streamArn"] for event in following.call.started()]
        assert over.wait(15), "the leg reads the next call"
        time.sleep(0.5)
    assert_heard(bytes(heard), live.legs[0].expected_pcm, "the leg")
    for other in following.legs:
        assert bytes(heard).find(other.expected_pcm[3200:3520]) < 0


# --- the whole ----------------------------------------------------------------------------------------------------------------------


def transcribe(node, folder, *arguments):
    """The example itself, waiting for calls."""
    need("pocketsphinx")
    key = node.key("consumer")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "EARSHOT_"))}
    process = subprocess.Popen(
        [CLIENTS / "bin" / "python", EXAMPLE / "transcribe.py", "--endpoint", node.url, "--json", folder / "words.jsonl", "--once",
         *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={
             **environment, "AWS_ACCESS_KEY_ID": key["accessKeyId"], "AWS_SECRET_ACCESS_KEY": key["secretAccessKey"],
             "PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1", "EARSHOT_WEBHOOK_SECRET": SECRET})
    assert process.stdout.readline().startswith("ready"), process.stdout.read()
    return process


def call_with_speech(node, test_data):
    """The callee says a number; the caller listens."""
    source = test_data / "speech" / "misc" / "dhd.2934z.wav"
    codes = subprocess.run(["ffmpeg", "-v", "error", "-i", source, "-f", "mulaw", "-ar", "8000", "-ac", "1", "pipe:1"],
                           capture_output=True, check=True, timeout=30).stdout
    silence = bytes([g711.SILENCE["u"]])
    with RecordedCall(node, seed=135) as call:
        call.invite()
        call.speak([silence * (len(codes) + 16_000), silence * 4000 + codes + silence * 12_000])
        call.bye()
        call.ended()
    return call


def assert_understood(process, folder, call):
    output, _ = process.communicate(timeout=40)
    assert process.returncode == 0, output
    lines = [json.loads(line) for line in (folder / "words.jsonl").read_text().splitlines()]
    said = {role: [word["text"] for line in lines if line["kind"] == "words" and line["speaker"] == role for word in line["words"]]
            for role in ("caller", "callee")}
    speaker = "caller" if call.started()[1]["detail"]["isCaller"] else "callee"
    found = set(said[speaker]) & {"two", "nine", "three", "four", "zero"}
    assert len(found) >= 4, f"understood: {said}\n{output}"
    other = said["caller" if speaker == "callee" else "callee"]
    assert not set(other) & {"two", "nine", "three", "four", "zero"}, f"the silent leg is said to have spoken: {other}"
    assert all(word["end"] <= line["at"] for line in lines if line["kind"] == "words" for word in line["words"])


def test_a_call_is_transcribed_from_the_event_log(node, tmp_path, test_data):
    process = transcribe(node, tmp_path, "--events", str(node.data / "logs" / "events.jsonl"))
    call = call_with_speech(node, test_data)
    assert_understood(process, tmp_path, call)


def test_a_call_is_transcribed_from_the_webhook(tmp_path, test_data):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    node = KinesisServer(
        tmp_path / "node", connectors=[connector(streaming={"notificationTargets": ["Webhook"]})],
        delivery={"webhook": {"url": f"http://127.0.0.1:{port}/", "secret": SECRET}}).start()
    process = transcribe(node, tmp_path, "--webhook", str(port))
    call = call_with_speech(node, test_data)
    assert_understood(process, tmp_path, call)
    node.stop()


def test_a_recogniser_that_is_not_installed_is_told_by_name(tmp_path):
    need("pocketsphinx")
    told = subprocess.run([CLIENTS / "bin" / "python", EXAMPLE / "transcribe.py", "--recogniser", "vosk"], capture_output=True, text=True,
                          timeout=20, cwd=tmp_path)
    assert told.returncode == 1 and "vosk is not installed" in told.stderr, told.stderr
