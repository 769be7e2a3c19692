"""A producer of its own for PutMedia: Matroska by hand, a raw socket, chunked encoding, acknowledgments as they come."""

import hashlib
import hmac
import json
import socket
import struct
import threading
import time


def element(identifier, payload):
    raw = identifier.to_bytes((identifier.bit_length() + 7) // 8, "big")
    return raw + (0x0100000000000000 | len(payload)).to_bytes(8, "big") + payload


def number(identifier, value):
    return element(identifier, value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big"))


def text(identifier, value):
    return element(identifier, value.encode())


UNKNOWN = b"\x01" + b"\xff" * 7


def header(tracks=1):
    """EBML, Segment of unknown size, Info, Tracks: PCM of 8 kHz."""
    entries = b"".join(element(0xAE, number(0xD7, index + 1) + number(0x73C5, index + 1) + number(0x83, 2)
                               + text(0x86, "A_PCM/INT/LIT") + text(0x536E, f"audio {index + 1}")
                               + element(0xE1, element(0xB5, struct.pack(">d", 8000)) + number(0x9F, 1) + number(0x6264, 16)))
                       for index in range(tracks))
    return (element(0x1A45DFA3, text(0x4282, "matroska") + number(0x4287, 4) + number(0x4285, 2))
            + b"\x18\x53\x80\x67" + UNKNOWN
            + element(0x1549A966, number(0x2AD7B1, 1_000_000) + text(0x4D80, "peer") + text(0x5741, "peer"))
            + element(0x1654AE6B, entries))


def tags(pairs):
    return element(0x1254C367, element(0x7373, b"".join(
        element(0x67C8, text(0x45A3, name) + text(0x4487, value)) for name, value in pairs)))


def cluster(timecode, blocks, unknown=False):
    """`blocks` are (track, relative time, payload)."""
    inside = number(0xE7, timecode) + b"".join(
        element(0xA3, bytes([0x80 | track]) + struct.pack(">h", relative) + b"\x80" + payload) for track, relative, payload in blocks)
    return b"\x1f\x43\xb6\x75" + UNKNOWN + inside if unknown else element(0x1F43B675, inside)


def fragment(timecode, pcm=None, seconds=1.0, pairs=(), unknown=False, tracks=1):
    """The tags of a fragment, if any, and its cluster of blocks of 100 ms."""
    pcm = bytes(int(seconds * 8000) * 2) if pcm is None else pcm
    blocks = [(track + 1, at // 16, pcm[at:at + 1600]) for at in range(0, len(pcm), 1600) for track in range(tracks)]
    return (tags(pairs) if pairs else b"") + cluster(timecode, blocks, unknown)


class Producer:
    """One PutMedia call. A context manager; bytes go out as `send` is told to."""

    def __init__(self, server, stream, timecodes="ABSOLUTE", start=None, role="admin", headers=(), signer=None,
                 streaming_signature=False):
        self.socket = socket.create_connection(server.http, timeout=15)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        fields = {"x-amzn-fragment-timecode-type": timecodes, "x-amzn-fragment-acknowledgment-required": "1",
                  "x-amzn-producer-start-timestamp": start or f"{time.time():.3f}", "transfer-encoding": "chunked",
                  "connection": "keep-alive", "user-agent": "peer/1", **({"x-amzn-stream-name": stream} if stream else {}),
                  **dict(headers)}
        self.streaming = None
        if streaming_signature:
            fields["x-amz-content-sha256"] = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
            fields["content-encoding"] = "aws-chunked"
        fields = {name: value for name, value in fields.items() if value is not None}
        signer = signer or server.signer(role)
        # Signed over the header with the hash of nothing, as Amazon's C++ producer does.
        signed = signer.headers("POST", "/putMedia", "%s:%d" % server.http, b"", fields)
        if streaming_signature:
            self.streaming = _ChunkSigner(signer, signed)
        lines = "".join(f"{name}: {value}\r\n" for name, value in signed.items())
        self.socket.sendall(f"POST /putMedia HTTP/1.1\r\n{lines}\r\n".encode())
        self.status, self.headers, self.body, self.lines = None, {}, b"", []
        self.is_over, self.failure = threading.Event(), None
        self.news = threading.Condition()
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.thread.join(3)
        self.socket.close()

    def send(self, octets, size=None, spoil=False):
        """The octets as chunks of `size` (all at once without it)."""
        for at in range(0, len(octets), size or max(1, len(octets))):
            part = octets[at:at + (size or len(octets))]
            if self.streaming:
                part = self.streaming.frame(part, spoil)
            self.socket.sendall(b"%x\r\n%s\r\n" % (len(part), part))

    def finish(self):
        """The end of the body."""
        if self.streaming:
            part = self.streaming.frame(b"")
            self.socket.sendall(b"%x\r\n%s\r\n" % (len(part), part))
        self.socket.sendall(b"0\r\n\r\n")

    def _read(self):
        try:
            with self.socket.makefile("rb") as file:
                self.status = int(file.readline().split()[1])
                while (line := file.readline().strip()):
                    name, _, value = line.decode().partition(":")
                    self.headers[name.lower()] = value.strip()
                self._notify()
                if "content-length" in self.headers:
                    self.body = file.read(int(self.headers["content-length"]))
                else:
                    while (count := int(file.readline().strip() or b"0", 16)):
                        self.body += file.read(count)
                        file.readline()
                        self._split()
                    file.readline()
        except (OSError, ValueError, IndexError) as error:
            self.failure = error
        self.is_over.set()
        self._notify()

    def _split(self):
        *whole, self.body = self.body.split(b"\n")
        with self.news:
            self.lines += [json.loads(line) for line in whole if line.strip()]
            self.news.notify_all()

    def _notify(self):
        with self.news:
            self.news.notify_all()

    def wait_for_status(self, timeout=5):
        with self.news:
            assert self.news.wait_for(lambda: self.status is not None or self.is_over.is_set(), timeout), "PutMedia was not answered"
        return self.status

    def wait_for(self, kind, count=1, timeout=8):
        """The acknowledgments of a kind, as soon as there are so many."""
        def found():
            return [line for line in self.lines if line["EventType"] == kind]

        with self.news:
            self.news.wait_for(lambda: len(found()) >= count or self.is_over.is_set(), timeout)
            assert len(found()) >= count, f"{len(found())} of {count} {kind}; there are {self.lines}; {self.failure!r}"
            return found()

    def acknowledgments(self, timeout=8):
        """All of them, when the answer is over."""
        assert self.is_over.wait(timeout), f"the answer has not ended; there are {self.lines}"
        return self.lines

    def error(self, timeout=8):
        """(name, status, message) of a refused call."""
        assert self.is_over.wait(timeout), "the answer has not ended"
        return self.headers.get("x-amzn-errortype"), self.status, json.loads(self.body).get("Message")


class _ChunkSigner:
    """The frames of STREAMING-AWS4-HMAC-SHA256-PAYLOAD."""

    def __init__(self, signer, fields):
        self.stamp, self.scope = fields["x-amz-date"], signer._scope(fields["x-amz-date"])
        key = ("AWS4" + signer.secret).encode()
        for part in self.scope.split("/"):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        self.key, self.previous = key, fields["authorization"].rpartition("Signature=")[2]

    def frame(self, data, spoil=False):
        empty = hashlib.sha256(b"").hexdigest()
        string = "\n".join(["AWS4-HMAC-SHA256-PAYLOAD", self.stamp, self.scope, self.previous, empty,
                            hashlib.sha256(data).hexdigest()])
        self.previous = hmac.new(self.key, string.encode(), hashlib.sha256).hexdigest()
        if spoil:
            data = data[:-1] + bytes([data[-1] ^ 1])
        return b"%x;chunk-signature=%s\r\n%s\r\n" % (len(data), self.previous.encode(), data)
