"""Listening: raw audio over a WebSocket, and the page in a real browser.

The WebSocket client, the signatures and the token of a link are made here from their specifications, with nothing of
Earshot's. The browser is Debian's chromium, driven over its debugging port; without it those tests are skipped.
"""

import base64
import glob
import hashlib
import hmac
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import wave

import pytest

from peer.server import find_binary

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SPEECH = {role: os.path.join(ROOT, "fixtures", role + ".wav") for role in ("caller", "callee")}
CHROMIUM = shutil.which("chromium")
browser = pytest.mark.skipif(CHROMIUM is None, reason="skipped: chromium is not installed (apt-get install chromium)")


class WebSocket:
    """RFC 6455, the client's side, as far as these tests need it."""

    def __init__(self, host, port, target, headers=()):
        self.socket = socket.create_connection((host, port), timeout=20)
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [f"GET {target} HTTP/1.1", f"Host: {host}:{port}", "Upgrade: websocket", "Connection: Upgrade",
                 f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13", *headers]
        self.socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        self.file = self.socket.makefile("rb")
        self.status = int(self.file.readline().split()[1])
        fields = {}
        while (line := self.file.readline().strip()):
            name, _, value = line.decode().partition(":")
            fields[name.lower()] = value.strip()
        if self.status != 101:
            self.body = self.file.read(int(fields.get("content-length", 0)))
            return
        accept = hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
        assert fields["sec-websocket-accept"] == base64.b64encode(accept).decode()

    def send(self, opcode, body):
        mask = os.urandom(4)
        length = len(body)
        head = bytes([0x80 | opcode]) + (
            bytes([0x80 | length]) if length < 126 else bytes([0xFE]) + struct.pack(">H", length) if length < 65536
            else bytes([0xFF]) + struct.pack(">Q", length))
        self.socket.sendall(head + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(body)))

    def receive(self):
        """(opcode, body) of the next frame; pings are answered and passed over."""
        while True:
            first, second = self.file.read(2)
            length = second & 0x7F
            if length == 126:
                length, = struct.unpack(">H", self.file.read(2))
            elif length == 127:
                length, = struct.unpack(">Q", self.file.read(8))
            body = self.file.read(length)
            if first & 0x0F != 9:
                return first & 0x0F, body
            self.send(10, body)

    def frames(self):
        """All frames up to the close, which is answered."""
        while True:
            opcode, body = self.receive()
            yield opcode, body
            if opcode == 8:
                try:
                    self.send(8, body)
                except OSError:
                    pass  # the service has waited long enough for this
                return

    def close(self):
        self.socket.close()


def presigned(key, secret, host, path, query=()):
    """A path with a Signature V4 in its query."""
    def sign(with_key, text):
        return hmac.new(with_key, text.encode(), "sha256").digest()
    now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    scope = f"{now[:8]}/us-east-1/kinesisvideo/aws4_request"
    values = sorted([*query, ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"), ("X-Amz-Credential", f"{key}/{scope}"),
                     ("X-Amz-Date", now), ("X-Amz-Expires", "60"), ("X-Amz-SignedHeaders", "host")])
    text = "&".join(f"{name}={urllib.parse.quote(value, safe='-_.~')}" for name, value in values)
    canonical = "\n".join(["GET", path, text, f"host:{host}\n", "host", hashlib.sha256(b"").hexdigest()])
    signed = "\n".join(["AWS4-HMAC-SHA256", now, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    derived = ("AWS4" + secret).encode()
    for part in scope.split("/"):
        derived = sign(derived, part)
    return f"{path}?{text}&X-Amz-Signature={hmac.new(derived, signed.encode(), 'sha256').hexdigest()}"


def token(key, secret, transaction, seconds=600):
    """The token of a link, as docs/listening.md has it."""
    expiry = int(time.time()) + seconds
    text = f"earshot-listen-v1\n{transaction}\n{key}\n{expiry}"
    return f"v1.{key}.{expiry}.{hmac.new(secret.encode(), text.encode(), 'sha256').hexdigest()}"


class Service:
    """A service with its HTTP interface, a consumer's key, and calls of real speech."""

    def __init__(self, folder):
        self.folder, self.data, self.processes = folder, folder / "data", []
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        environment = {key: value for key, value in os.environ.items() if not key.startswith("EARSHOT_")}
        environment.update(EARSHOT_SIP_BIND="127.0.0.1", EARSHOT_SIP_UDP="0", EARSHOT_SIP_TCP="0", EARSHOT_SIP_TLS="0",
                           EARSHOT_HTTP_BIND="127.0.0.1", EARSHOT_HTTP_PORT=str(self.port))
        serve = self.start("serve", "serve", "--data", str(self.data), environment=environment)
        self.sip = None
        for line in serve.stdout:
            if line.startswith(b"ready "):
                parts = dict(part.split("=", 1) for part in line.decode().split()[1:] if "=" in part)
                self.sip = parts.get("udp") or parts.get("tcp")
                break
        assert self.sip, "the service was not ready: " + (folder / "serve.log").read_text()[-2000:]
        threading.Thread(target=serve.stdout.read, daemon=True).start()
        made = json.loads(subprocess.run(
            [str(find_binary()), "keys", "create", "--role", "consumer", "--json", "--data", str(self.data)],
            check=True, capture_output=True, timeout=20).stdout)
        self.key = next(value for value in made.values() if str(value).startswith("AKIA"))
        self.secret = made["secretAccessKey"]

    def start(self, name, *arguments, environment=None):
        with open(self.folder / (name + ".log"), "wb") as log:
            process = subprocess.Popen([str(find_binary()), *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                       stderr=log, env=environment, cwd=self.folder)
        self.processes.append(process)
        return process

    def call(self, name):
        """Places a call; its transaction and its streams by role once both are announced."""
        seen = len(self.events())
        process = self.start(name, "call", "--to", f"sip:{self.sip}", "--caller", SPEECH["caller"],
                             "--callee", SPEECH["callee"])
        threading.Thread(target=process.stdout.read, daemon=True).start()
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            started = [event["detail"] for event in self.events()[seen:] if event["detail"]["streamingStatus"] == "STARTED"]
            if len(started) == 2:
                streams = {("caller" if one["isCaller"] else "callee"): one["streamArn"].split("/")[-2] for one in started}
                return process, started[0]["transactionId"], streams
            time.sleep(0.05)
        raise AssertionError("the call's streams were not announced")

    def events(self):
        path = self.data / "logs" / "events.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def socket(self, stream, **query):
        host = f"127.0.0.1:{self.port}"
        target = presigned(self.key, self.secret, host, f"/streams/{stream}/audio", list(query.items()))
        return WebSocket("127.0.0.1", self.port, target)

    def get(self, path, transaction=None):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}")
        if transaction:
            request.add_header("Authorization", "Bearer " + token(self.key, self.secret, transaction))
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def stop(self):
        for process in reversed(self.processes):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    if b"earshot-listen-v1" not in find_binary().read_bytes():
        pytest.skip("this binary has no listening yet")
    running = Service(tmp_path_factory.mktemp("listening"))
    yield running
    running.stop()


@pytest.fixture(scope="module")
def ended(service):
    process, transaction, streams = service.call("ended")
    assert process.wait(timeout=90) == 0
    time.sleep(1)
    return transaction, streams


def listen(frames):
    """The start, the gaps, the samples and the end of all frames up to the close; every time stamp is checked."""
    start = end = code = None
    gaps, samples, at = [], b"", None
    for opcode, body in frames:
        if opcode == 1:
            message = json.loads(body)
            if message["type"] == "start":
                assert start is None and not samples, "the metadata comes first, and once"
                start, at = message, message["startMilliseconds"]
            elif message["type"] == "gap":
                gaps.append(message)
                at = message["to"]
            else:
                end = message
        elif opcode == 2:
            time_stamp, = struct.unpack(">Q", body[:8])
            assert abs(time_stamp - at) <= 1, "frames lie end to end"
            at = time_stamp + (len(body) - 8) * 1000 // 2 // start["sampleRate"]
            samples += body[8:]
        elif opcode == 8:
            code, = struct.unpack(">H", body[:2])
    return start, gaps, samples, end, code


def test_live_audio_follows_the_call_and_ends_with_it(service):
    process, transaction, streams = service.call("live")
    one = service.socket(streams["caller"])
    assert one.status == 101
    opcode, body = one.receive()
    start = json.loads(body)
    assert (opcode, start["type"], start["transactionId"]) == (1, "start", transaction)
    assert (start["sampleRate"], start["encoding"], len(start["fragment"])) == (8000, "S16LE", 47)
    late = []
    for opcode, body in one.frames():
        if opcode == 2:
            stamp, = struct.unpack(">Q", body[:8])
            late.append(time.time() * 1000 - stamp)
        elif opcode == 1:
            assert json.loads(body)["type"] in ("gap", "end")
        elif opcode == 8:
            assert struct.unpack(">H", body[:2]) == (1000,)
    assert process.wait(timeout=30) == 0
    late.sort()
    assert len(late) > 100 and late[len(late) // 2] < 500, "frames come while the call is up"


def test_from_start_gives_the_whole_call(service, ended):
    transaction, streams = ended
    for role, stream in streams.items():
        start, gaps, samples, end, code = listen(service.socket(stream, **{"from": "start"}).frames())
        with wave.open(SPEECH[role]) as file:
            wanted = file.getnframes() / file.getframerate()
        assert start["transactionId"] == transaction
        assert abs(len(samples) / 16000 - wanted) < 1
        assert end["type"] == "end" and code == 1000


def test_a_reader_that_stands_still_costs_nobody_anything(service):
    process, _, streams = service.call("stalled")
    lazy = service.socket(streams["caller"], **{"from": "start"})
    quick = service.socket(streams["caller"], **{"from": "start"})
    _, _, samples, _, code = listen(quick.frames())
    assert code == 1000
    # What the lazy one did not read is there in full when it does.
    _, _, others, _, code = listen(lazy.frames())
    assert code == 1000 and others == samples
    assert process.wait(timeout=30) == 0


def test_who_has_no_signature_or_no_such_stream_is_refused(service, ended):
    stream = ended[1]["caller"]
    assert WebSocket("127.0.0.1", service.port, f"/streams/{stream}/audio").status == 403
    assert service.socket("none").status == 404
    assert service.socket(stream, **{"from": "yesterday"}).status == 400


def test_a_link_opens_its_call_and_no_other(service, ended):
    transaction = ended[0]
    path = f"/listen/{transaction}/call"
    assert service.get(path)[0] == 403
    assert service.get(path, transaction="0" * 36)[0] == 403
    status, body = service.get(path, transaction)
    call = json.loads(body)
    assert status == 200 and not call["isLive"] and [leg["name"] for leg in call["legs"]] == ["caller", "callee"]
    status, body = service.get(f"/listen/{transaction}/audio?from=0&to=10000", transaction)
    assert status == 200 and body[:4] == b"\x1a\x45\xdf\xa3"


def test_the_audio_is_what_ffmpeg_takes_for_stereo_opus(service, ended, tmp_path):
    if not shutil.which("ffprobe"):
        pytest.skip("skipped: no ffprobe")
    transaction = ended[0]
    for start in (0, 5000):
        _, body = service.get(f"/listen/{transaction}/audio?from={start}&to={start + 5000}", transaction)
        path = tmp_path / f"{start}.webm"
        path.write_bytes(body)
        probe = subprocess.run(["ffprobe", "-v", "error", "-show_packets", "-show_streams", "-of", "json", str(path)],
                               capture_output=True, check=True, timeout=30)
        found = json.loads(probe.stdout)
        assert not probe.stderr and found["streams"][0]["codec_name"] == "opus" and found["streams"][0]["channels"] == 2
        times = [float(packet["pts_time"]) * 1000 for packet in found["packets"]]
        # The call is shorter than the second range.
        assert abs(times[0] - start) < 25 and (len(times) == 250 if start == 0 else 50 <= len(times) < 250)


class Browser:
    """A headless chromium on one page."""

    def __init__(self, folder, url, size=(1280, 900), dark=False):
        self.process = subprocess.Popen(
            [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-port=0",
             "--autoplay-policy=no-user-gesture-required", "--remote-allow-origins=*", f"--user-data-dir={folder}/profile",
             f"--window-size={size[0]},{size[1]}", *(["--blink-settings=preferredColorScheme=0"] if dark else []), "about:blank"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        ports = f"{folder}/profile/DevToolsActivePort"
        deadline = time.monotonic() + 40
        while not (os.path.exists(ports) and open(ports).read().strip()):
            assert time.monotonic() < deadline, "chromium did not start"
            time.sleep(0.1)
        port = int(open(ports).readline())
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json", timeout=10) as answer:
            pages = [page for page in json.load(answer) if page["type"] == "page"]
        self.socket = WebSocket("127.0.0.1", port, urllib.parse.urlsplit(pages[0]["webSocketDebuggerUrl"]).path)
        self.count, self.problems = 0, []
        self.ask("Runtime.enable")
        self.ask("Log.enable")
        self.ask("Page.enable")
        self.ask("Emulation.setDeviceMetricsOverride", width=size[0], height=size[1], deviceScaleFactor=2 if size[0] < 600 else 1,
                 mobile=size[0] < 600)
        if dark:
            self.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])
        self.ask("Page.navigate", url=url)

    def ask(self, method, **parameters):
        self.count += 1
        self.socket.send(1, json.dumps({"id": self.count, "method": method, "params": parameters}).encode())
        while True:
            message = b""
            opcode, message = self.socket.receive()
            answer = json.loads(message)
            if answer.get("method") == "Runtime.exceptionThrown":
                self.problems.append(answer["params"]["exceptionDetails"].get("exception", {}).get("description", "?"))
            if answer.get("method") == "Log.entryAdded" and answer["params"]["entry"]["level"] == "error":
                self.problems.append(answer["params"]["entry"]["text"])
            if answer.get("id") == self.count:
                assert "error" not in answer, answer
                return answer["result"]

    def run(self, script):
        return self.ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True,
                        userGesture=True)["result"].get("value")

    def wait(self, script, seconds=20):
        deadline = time.monotonic() + seconds
        while not (found := self.run(script)):
            assert time.monotonic() < deadline, (script, self.run("document.body.innerText"), self.problems)
            time.sleep(0.1)
        return found

    def picture(self, path):
        with open(path, "wb") as file:
            file.write(base64.b64decode(self.ask("Page.captureScreenshot", format="png")["data"]))

    def stop(self):
        self.socket.close()
        self.process.terminate()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()


@pytest.fixture
def page(service, tmp_path):
    opened = []

    def make(transaction, with_link=True, **options):
        link = f"http://127.0.0.1:{service.port}/listen/{transaction}"
        if with_link:
            link += "#" + token(service.key, service.secret, transaction)
        one = Browser(tmp_path / str(len(opened)), link, **options)
        opened.append(one)
        return one

    yield make
    for one in opened:
        one.stop()


@browser
def test_the_page_plays_an_ended_call_and_seeks(page, ended):
    one = page(ended[0])
    one.wait("document.body.dataset.state === 'ready' && legs.length === 2 && legs[0].count > 100")
    # Both parties speak, so both have something to be drawn.
    assert one.run("legs.every((leg) => Math.max(...leg.peaks) > 20)")
    one.run("document.getElementById('play').click()")
    one.wait("document.body.dataset.state === 'playing' && audio.currentTime > 1")
    one.run("seek(length - 2500)")
    one.wait("audio.currentTime * 1000 > length - 2500")
    one.wait("document.body.dataset.state === 'ended'")
    assert not one.problems


@browser
def test_the_page_follows_a_live_call_to_its_end(service, page):
    process, transaction, _ = service.call("watched")
    time.sleep(2)
    one = page(transaction)
    one.wait("document.body.dataset.state === 'ready' && !document.getElementById('live').hidden")
    one.run("document.getElementById('live').click()")
    one.wait("document.body.dataset.state === 'playing' && audio.currentTime > 1")
    # Within three seconds of now: playing, not waiting for a whole range.
    one.wait("call.startMilliseconds + audio.currentTime * 1000 > Date.now() - 3000")
    assert process.wait(timeout=90) == 0
    one.wait("document.getElementById('badge').textContent === 'Ended'")
    assert not one.problems


@browser
def test_the_page_without_a_link_says_how_to_get_one(page, ended):
    one = page(ended[0], with_link=False)
    one.wait("document.body.dataset.state === 'denied'")
    assert f"earshot listen {ended[0]}" in one.run("document.getElementById('notice').innerText")
