"""GetMedia readers for measurements: signed requests on plain sockets, and what is in the bodies."""

import json
import selectors
import socket
import subprocess
import time

import sip_calls  # noqa: F401  (finds the end-to-end tests' instruments)
from peer.sigv4 import Signer
from processes import ServiceFailure

MASTERS = {0x18538067, 0x1549A966, 0x1654AE6B, 0x1254C367, 0x7373, 0x67C8, 0x1F43B675}
EBML, CLUSTER, SIMPLE_BLOCK = 0x1A45DFA3, 0x1F43B675, 0xA3
TAG_NAME, TAG_STRING = 0x45A3, 0x4487
NOW, EARLIEST = {"StartSelectorType": "NOW"}, {"StartSelectorType": "EARLIEST"}


def make_signer(binary, service):
    """The signer of an admin key that is made for it."""
    made = subprocess.run(
        [binary, "keys", "create", "--role", "admin", "--note", "bench", "--data", service.data, "--json"],
        stdin=subprocess.DEVNULL, capture_output=True, timeout=20)
    if made.returncode != 0:
        raise ServiceFailure(f"no access key could be made: {made.stderr.decode(errors='replace')}")
    key = json.loads(made.stdout)
    return Signer(key["accessKeyId"], key["secretAccessKey"])


def post(service, signer, path, fields):
    """A connection on which a signed operation has been asked for."""
    connection = socket.create_connection(service.http, timeout=10)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    body = json.dumps(fields).encode()
    head = signer.headers("POST", path, "%s:%d" % service.http, body, {"content-type": "application/json"})
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
    connection.sendall(f"POST {path} HTTP/1.1\r\n{lines}content-length: {len(body)}\r\n\r\n".encode() + body)
    return connection


def answer(connection):
    """What came of an answer behind its header, which must be a 200."""
    got = b""
    while b"\r\n\r\n" not in got:
        piece = connection.recv(65536)
        if not piece:
            raise ServiceFailure(f"the connection ended within the header: {got[:200]!r}")
        got += piece
    head, _, rest = got.partition(b"\r\n\r\n")
    if b" 200 " not in head.split(b"\r\n")[0]:
        raise ServiceFailure(f"the request was refused: {head.splitlines()[0].decode()} {rest[:200]!r}")
    return rest


def get_media(service, signer, stream, selector=NOW):
    """A connection whose GetMedia was answered with 200, and what came behind the header."""
    connection = post(service, signer, "/getMedia", {"StreamName": stream, "StartSelector": selector})
    return connection, answer(connection)


class Unchunker:
    """Takes Transfer-Encoding: chunked apart."""

    def __init__(self):
        self._buffer, self._left, self.is_over = b"", 0, False

    def feed(self, piece):
        self._buffer += piece
        found = []
        while self._buffer and not self.is_over:
            if self._left > 2:
                part = self._buffer[:self._left - 2]
                found.append(part)
                self._buffer = self._buffer[len(part):]
                self._left -= len(part)
                if self._left > 2:
                    break
            elif self._left:  # the line end behind a chunk
                if len(self._buffer) < self._left:
                    break
                self._buffer, self._left = self._buffer[self._left:], 0
            else:
                line, end, rest = self._buffer.partition(b"\r\n")
                if not end:
                    break
                size = int(line, 16)
                self._buffer, self._left, self.is_over = rest, size + 2, size == 0
        return b"".join(found)


class Reader:
    """One reader's connection, with what it received and when."""

    def __init__(self, service, signer, stream):
        self.stream, self.pieces = stream, []
        self.connection, rest = get_media(service, signer, stream)
        self._unchunker = Unchunker()
        self._note(rest)
        self.connection.setblocking(False)

    def _note(self, octets):
        if body := self._unchunker.feed(octets):
            self.pieces.append((time.time(), body))

    def receive(self):
        """Takes what is there; False at the end."""
        try:
            octets = self.connection.recv(1 << 18)
        except BlockingIOError:
            return True
        self._note(octets)
        return bool(octets) and not self._unchunker.is_over


def read_all(readers, until):
    """Reads all of them until the moment (monotonic), or their ends."""
    with selectors.DefaultSelector() as selector:
        for reader in readers:
            selector.register(reader.connection, selectors.EVENT_READ, reader)
        while (left := until - time.monotonic()) > 0 and selector.get_map():
            for key, _ in selector.select(left):
                if not key.data.receive():
                    selector.unregister(key.fileobj)


class Heard:
    """The audio of a body with its lags: how long after it was spoken each block had been read."""

    def __init__(self, pieces):
        self.audio, self.lags, self.numbers = bytearray(), [], []
        self._buffer, self._name, self._tags, self._in_fragment = b"", None, {}, 0
        for moment, piece in pieces:
            self._feed(moment, piece)

    def _feed(self, moment, piece):
        self._buffer += piece
        at = 0
        while (found := self._head(at)) is not None:
            identifier, size, start = found
            if identifier in MASTERS:
                at = start
                if identifier == CLUSTER:
                    self.numbers.append(self._tags.get("AWS_KINESISVIDEO_FRAGMENT_NUMBER", ""))
                    self._in_fragment = 0
                continue
            if len(self._buffer) < start + size:
                break
            payload = self._buffer[start:start + size]
            at = start + size
            if identifier == EBML:
                self._tags = {}
            elif identifier == TAG_NAME:
                self._name = payload.decode()
            elif identifier == TAG_STRING:
                self._tags[self._name] = payload.decode()
            elif identifier == SIMPLE_BLOCK:
                self.audio += payload[4:]
                self._in_fragment += len(payload) - 4
                spoken = float(self._tags["AWS_KINESISVIDEO_PRODUCER_TIMESTAMP"]) + self._in_fragment / 16000
                self.lags.append((moment - spoken) * 1000)
        self._buffer = self._buffer[at:]

    def _head(self, at):
        values = []
        for keep_marker in (True, False):
            if at >= len(self._buffer):
                return None
            length = 9 - self._buffer[at].bit_length()
            if at + length > len(self._buffer):
                return None
            value = int.from_bytes(self._buffer[at:at + length], "big")
            values.append(value if keep_marker else value & ((1 << 7 * length) - 1))
            at += length
        return values[0], values[1], at


def file_audio(path):
    """The audio of a recording: all its blocks, one behind the other."""
    with open(path, "rb") as file:
        return bytes(Heard([(0.0, file.read())]).audio)


