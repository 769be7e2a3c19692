"""Amazon's own clients against the service, and what the tests with them share: servers with HTTP, keys, readers."""

import glob
import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import pytest

from peer import g711, media_body, records
from peer.recorded_call import RecordedCall
from peer.server import PACKAGE, REGION, EarshotServer, configuration, connector, find_binary
from peer.sigv4 import Signer

# What scripts/setup installs from PyPI; the tests run with the system's Python, which then finds it here.
CLIENTS = PACKAGE / ".build" / "python"
for _folder in glob.glob(str(CLIENTS / "lib" / "python3*" / "site-packages")):
    if _folder not in sys.path:
        sys.path.insert(0, _folder)


def need(module):
    """The module, or a skipped test; in CI it must be there."""
    try:
        return __import__(module)
    except ImportError as error:
        if os.environ.get("CI"):
            raise AssertionError(f"{module} is missing in CI ({error}): scripts/setup installs it into {CLIENTS}") from None
        return pytest.skip(f"skipped: no Python package {module}; scripts/setup installs it", allow_module_level=True)


def need_program(name):
    path = CLIENTS / "bin" / name
    if path.exists():
        return path
    assert not os.environ.get("CI"), f"{path} is missing in CI: scripts/setup installs it"
    return pytest.skip(f"skipped: no {path}; scripts/setup installs it")


def need_http():
    """Skips with a binary from before the HTTP interface."""
    if b"requireSignatures" not in find_binary().read_bytes():
        pytest.skip("skipped: this binary has no HTTP interface yet", allow_module_level=True)


class KinesisServer(EarshotServer):
    """A server with the HTTP interface on a free port, and its keys."""

    def __init__(self, folder, http=None, environment=None, data=None, **settings):
        settings.setdefault("connectors", [connector(cps=500)])
        super().__init__(folder, configuration(http={"bind": "127.0.0.1", "port": 0, **(http or {})}, **settings),
                         environment, data)
        self._keys = {}

    @property
    def http(self):
        return self.addresses.get("http") or self.addresses["https"]

    @property
    def url(self):
        host, port = self.http
        return f"http://{host}:{port}"

    def key(self, role="admin"):
        """A key of a role, made once: accessKeyId, secretAccessKey."""
        if role not in self._keys:
            self._keys[role] = self.new_key(role)
        return self._keys[role]

    def new_key(self, role):
        made = self.run("keys", "create", "--role", role, "--note", "end to end", "--data", self.data, "--json")
        assert made.returncode == 0, made.stderr
        return json.loads(made.stdout)

    def signer(self, role="admin"):
        key = self.key(role)
        return Signer(key["accessKeyId"], key["secretAccessKey"], REGION)

    def client(self, service, role="admin", key=None, **options):
        """A boto3 client with nothing but an endpoint, a region and a key."""
        boto3, config = need("boto3"), need("botocore.config")
        key = key or self.key(role)
        return boto3.client(
            service, endpoint_url=self.url, region_name=options.pop("region", REGION), aws_access_key_id=key["accessKeyId"],
            aws_secret_access_key=key["secretAccessKey"],
            config=config.config.Config(retries={"max_attempts": 0}, read_timeout=30, connect_timeout=5, max_pool_connections=64,
                                        **options))

    def video(self, role="admin"):
        return self.client("kinesisvideo", role)

    def media(self, stream, role="consumer"):
        """A client of the media service at the data endpoint that the control plane names, as AWS's consumers get it."""
        endpoint = self.video(role).get_data_endpoint(StreamName=stream, APIName="GET_MEDIA")["DataEndpoint"]
        assert endpoint == self.url, f"the data endpoint is {endpoint}, the service is at {self.url}"
        return self.client("kinesis-video-media", role)

    def archived(self, role="consumer"):
        return self.client("kinesis-video-archived-media", role)

    def aws(self, *arguments, role="consumer", timeout=40, check=True):
        """The AWS CLI, as anybody would run it."""
        key = self.key(role)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        environment.update(
            AWS_ACCESS_KEY_ID=key["accessKeyId"], AWS_SECRET_ACCESS_KEY=key["secretAccessKey"], AWS_DEFAULT_REGION=REGION,
            AWS_CONFIG_FILE=os.devnull, AWS_SHARED_CREDENTIALS_FILE=os.devnull, AWS_MAX_ATTEMPTS="1", AWS_PAGER="")
        program = need_program("aws")
        result = subprocess.run([program, "--endpoint-url", self.url, *map(str, arguments)], stdin=subprocess.DEVNULL,
                                capture_output=True, text=True, timeout=timeout, env=environment, cwd=self.folder)
        assert not check or result.returncode == 0, f"aws {' '.join(map(str, arguments))}: {result.stderr}"
        return result

    def request(self, path, body=b"", headers=None, method="POST", timeout=10):
        """(status, headers in lower case, body) of one plain HTTP request."""
        connection = http.client.HTTPConnection(*self.http, timeout=timeout)
        try:
            connection.putrequest(method, path, skip_host="host" in {name.lower() for name in headers or {}},
                                  skip_accept_encoding=True)
            for name, value in {"content-length": str(len(body)), **(headers or {})}.items():
                connection.putheader(name, value)
            connection.endheaders(body)
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def signed(self, path, fields, role="admin", signer=None, headers=(), when=None, timeout=10):
        """The same of a signed operation with a JSON body."""
        body = fields if isinstance(fields, bytes) else json.dumps(fields).encode()
        host = "%s:%d" % self.http
        made = (signer or self.signer(role)).headers(
            "POST", path, host, body, {"content-type": "application/json", **dict(headers)}, when)
        return self.request(path, body, made, timeout=timeout)


class Reader(threading.Thread):
    """GetMedia in a thread of its own, as a consumer reads it: notes when which bytes came, and the end."""

    def __init__(self, server, stream, selector=None, client=None, header=None, size=4096):
        super().__init__(daemon=True)
        self.server, self.stream, self.selector = server, stream, selector or {"StartSelectorType": "NOW"}
        self.client = client or server.media(stream)
        if header:
            def add(request, **_):
                for name, value in header.items():
                    request.headers[name] = value
            self.client.meta.events.register("before-sign.kinesis-video-media.GetMedia", add)
        self.size, self.data, self.moments = size, bytearray(), []
        self.failure = self.ended = self.opened = None
        self.ready = threading.Event()
        self.stopping = False

    def run(self):
        try:
            answer = self.client.get_media(StreamName=self.stream, StartSelector=self.selector)
            self.opened, self.answer = time.monotonic(), answer
            self.ready.set()
            body = answer["Payload"]
            raw = body._raw_stream
            while not self.stopping and (piece := raw.read1(self.size)):
                self.moments.append((time.monotonic(), len(self.data)))
                self.data += piece
            self.ended = time.monotonic()
            body.close()
        except Exception as error:  # looked at by `finish`
            self.failure = error
            self.ready.set()

    def begin(self, timeout=10):
        """Starts, and waits until the answer's header is there."""
        self.start()
        assert self.ready.wait(timeout), "GetMedia was not answered"
        assert self.failure is None, f"GetMedia failed: {self.failure!r}"
        return self

    def wait_for(self, count, timeout=10):
        """Until so many bytes have come."""
        deadline = time.monotonic() + timeout
        while len(self.data) < count and time.monotonic() < deadline and self.is_alive():
            time.sleep(0.01)
        assert len(self.data) >= count, f"{len(self.data)} of {count} bytes after {timeout} s; {self.failure!r}"

    def finish(self, timeout=30):
        """The chunks of the whole body."""
        self.join(timeout)
        assert not self.is_alive(), f"the body of {self.stream} has not ended after {timeout} s"
        assert self.failure is None, f"reading failed: {self.failure!r}"
        self.chunks = media_body.read_body(self.data)
        return self.chunks


def read_now(server, stream, selector, client=None, **options):
    """All of one GetMedia body: its chunks, checked."""
    chunks = Reader(server, stream, selector, client, **options).begin().finish()
    media_body.check_live_body(chunks)
    return chunks


def read_exactly(server, stream, selector, role="consumer"):
    """The same by a request of our own: boto3 sends times in whole seconds, this one with their milliseconds."""
    status, _, body = server.signed("/getMedia", {"StreamName": stream, "StartSelector": selector}, role, timeout=30)
    assert status == 200, body
    chunks = media_body.read_body(body)
    media_body.check_live_body(chunks)
    return chunks


def refusal(call, *arguments, **options):
    """The error that boto3 raises, as (name, status, message)."""
    exceptions = need("botocore.exceptions").exceptions
    with pytest.raises(exceptions.ClientError) as caught:
        call(*arguments, **options)
    answer = caught.value.response
    return SimpleNamespace(
        name=answer["Error"]["Code"], status=answer["ResponseMetadata"]["HTTPStatusCode"], message=answer["Error"]["Message"],
        request=answer["ResponseMetadata"].get("RequestId"), type=type(caught.value).__name__)


def raw_socket(server, receive_buffer=None):
    """A connection for clients that behave as no library does."""
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    if receive_buffer:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    made.settimeout(15)
    made.connect(server.http)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


def send_get_media(server, connection, stream, selector=None, role="consumer", headers=()):
    """A signed GetMedia on a raw socket."""
    body = json.dumps({"StreamName": stream, "StartSelector": selector or {"StartSelectorType": "NOW"}}).encode()
    host = "%s:%d" % server.http
    fields = server.signer(role).headers("POST", "/getMedia", host, body, {"content-type": "application/json", **dict(headers)})
    head = "POST /getMedia HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    connection.sendall(head.encode() + f"content-length: {len(body)}\r\n\r\n".encode() + body)


def stream_names(call):
    """The names of a call's streams, in the order of its legs."""
    return [records.stream_name(event) for event in call.started()]




def recorded_call(server, seconds=4.2, seed=50, **options):
    """A call of two legs with noise of its own on each, ended and closed; `call.streams` are its streams' names."""
    with RecordedCall(server, seed=seed, **options) as call:
        call.invite()
        call.speak([g711.noise(seed * 2, seconds), g711.noise(seed * 2 + 1, seconds)])
        call.bye()
        call.ended()
        call.streams = stream_names(call)
    return call


class LiveCall:
    """A call that goes on while a test reads: a context manager; `end()` hangs up before that."""

    def __init__(self, server, seconds=30.0, seed=60, law="u", silent=()):
        self.call = RecordedCall(server, seed=seed, law=law)
        self.call.invite()
        parts = [b"" if index in silent else g711.noise(seed * 2 + index, seconds) for index in range(2)]
        self.speaker = self.call.speak(parts, wait=False) if any(parts) else None
        self.streams = stream_names(self.call)
        self.over = False

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self._hush()
        try:
            if not self.over and kind is None:
                self.end()
        finally:
            self.call.__exit__(kind)

    def _hush(self):
        if self.speaker:
            self.speaker.stop()

    def end(self):
        self._hush()
        self.call.bye()
        self.over = True
        return self.call.ended()

    @property
    def legs(self):
        return self.call.legs
