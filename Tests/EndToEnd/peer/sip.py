"""SIP messages as the wire has them: strict about what the server sends, free in what the tests send."""

import re
import secrets

COMPACT = {"v": "via", "f": "from", "t": "to", "i": "call-id", "m": "contact", "c": "content-type", "l": "content-length",
           "k": "supported", "s": "subject", "e": "content-encoding", "x": "session-expires"}


class SIPFault(AssertionError):
    """The server sent something that is not a well-formed SIP message."""


class Message:
    def __init__(self, start, headers, body, raw=b"", arrived=0.0):
        self.start, self.headers, self.body, self.raw, self.arrived = start, headers, body, raw, arrived

    @property
    def is_response(self):
        return self.start.startswith("SIP/2.0 ")

    @property
    def status(self):
        return int(self.start.split(" ", 2)[1])

    @property
    def reason(self):
        return self.start.split(" ", 2)[2]

    @property
    def method(self):
        return self.start.split(" ", 1)[0]

    def all(self, name):
        return [value for key, value in self.headers if key == name.lower()]

    def get(self, name, default=None):
        found = self.all(name)
        return found[0] if found else default

    def listed(self, name):
        """The comma-separated members of every header of that name, lower-case."""
        return [part.strip().lower() for value in self.all(name) for part in value.split(",") if part.strip()]

    @property
    def call_id(self):
        return self.get("call-id")

    @property
    def cseq(self):
        number, method = self.get("cseq").split()
        return int(number), method

    @property
    def branch(self):
        return parameter(self.get("via", ""), "branch")

    def tag(self, name):
        return parameter(self.get(name, ""), "tag")

    def __repr__(self):
        return f"<{self.start}>"

    def text(self):
        return self.raw.decode("utf-8", "replace")


def parameter(value, name):
    """A header parameter outside <>, or None."""
    outside = re.sub(r"<[^>]*>", "<>", value)
    found = re.search(r";\s*" + re.escape(name) + r"\s*=\s*(\"[^\"]*\"|[^;,\s]+)", outside, re.I)
    return found.group(1).strip('"') if found else None


def address(value):
    """The URI of a From, To or Contact value."""
    found = re.search(r"<([^>]*)>", value)
    return found.group(1) if found else value.split(";")[0].strip()


def parse(data, arrived=0.0):
    """Parses one whole message; every deviation from RFC 3261's grammar that a sane sender avoids is a fault."""
    head, separator, body = data.partition(b"\r\n\r\n")
    if not separator:
        raise SIPFault(f"no blank line in {data[:200]!r}")
    if b"\n" in head.replace(b"\r\n", b""):
        raise SIPFault(f"a bare line feed in {head[:200]!r}")
    lines = head.decode("utf-8").split("\r\n")
    if not re.fullmatch(r"(SIP/2\.0 \d{3} .*)|([A-Z]+ \S+ SIP/2\.0)", lines[0]):
        raise SIPFault(f"start line {lines[0]!r}")
    headers = []
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if not colon or not re.fullmatch(r"[A-Za-z0-9.!%*_+`'~-]+", name):
            raise SIPFault(f"header line {line!r}")
        headers.append((COMPACT.get(name.lower(), name.lower()), value.strip()))
    message = Message(lines[0], headers, body, data, arrived)
    length = message.get("content-length")
    if length is None or int(length) != len(body):
        raise SIPFault(f"Content-Length {length} with a body of {len(body)} octets in {lines[0]!r}")
    for name in ("via", "from", "to", "call-id", "cseq"):
        if not message.get(name) and not (message.is_response and message.status == 400):
            raise SIPFault(f"{lines[0]!r} has no {name}")
    return message


class StreamSplitter:
    """Cuts a TCP or TLS byte stream into messages by Content-Length."""

    def __init__(self):
        self.buffer = b""

    def feed(self, octets):
        self.buffer += octets
        messages = []
        while True:
            self.buffer = self.buffer.lstrip(b"\r\n")
            end = self.buffer.find(b"\r\n\r\n")
            if end < 0:
                return messages
            found = re.search(rb"\r\n(?:content-length|l)\s*:\s*(\d+)", self.buffer[: end + 2], re.I)
            if not found:
                raise SIPFault(f"a message without Content-Length on a stream: {self.buffer[:200]!r}")
            total = end + 4 + int(found.group(1))
            if len(self.buffer) < total:
                return messages
            messages.append(self.buffer[:total])
            self.buffer = self.buffer[total:]


def compose(start, headers, body=b""):
    """The octets of a message; adds Content-Length unless `headers` has one (then it is sent as it is)."""
    lines = [start] + [f"{name}: {value}" for name, value in headers]
    if not any(name.lower() in ("content-length", "l") for name, _ in headers):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("utf-8") + b"\r\n\r\n" + body


def token(prefix=""):
    return prefix + secrets.token_hex(8)


def branch():
    return "z9hG4bK" + secrets.token_hex(8)


class Media:
    """One m-line of a session description."""

    def __init__(self, line, session_address):
        kind, port, self.protocol, *self.formats = line.split()
        self.kind, self.port, self.address = kind, int(port.split("/")[0]), session_address
        self.attributes = []

    def value(self, name):
        for attribute in self.attributes:
            key, colon, value = attribute.partition(":")
            if key == name and colon:
                return value
        return None

    @property
    def label(self):
        return self.value("label")

    @property
    def direction(self):
        for name in ("sendonly", "recvonly", "inactive", "sendrecv"):
            if name in self.attributes:
                return name
        return "sendrecv"


def parse_sdp(body):
    """The m-lines of a session description the server sent; strict about order and line ends."""
    text = body.decode("utf-8")
    if not text.startswith("v=0\r\n") or not text.endswith("\r\n"):
        raise SIPFault(f"a session description must begin with v=0 and end its lines with CRLF: {text!r}")
    kinds = "".join(line[0] for line in text.split("\r\n") if line)
    if not re.match(r"^vosi?u?e*p*c?b*(tr*)+z?k?a*", kinds):
        raise SIPFault(f"session description lines in the wrong order: {kinds}")
    session_address, media = None, []
    for line in text.split("\r\n")[:-1]:
        if not re.match(r"^[a-z]=.", line):
            raise SIPFault(f"session description line {line!r}")
        if line.startswith("c="):
            where = line.split()[2].split("/")[0]
            if media:
                media[-1].address = where
            else:
                session_address = where
        elif line.startswith("m="):
            media.append(Media(line[2:], session_address))
        elif line.startswith("a=") and media:
            media[-1].attributes.append(line[2:].strip())
    return media
