"""From the sending of a packet to its last sample being readable in the file.

One call of its own, made here: each packet is silence whose last 16 samples carry a mark; the growing file is read every
millisecond and searched for the next mark. A mark is found by 8 equal samples in a row, so one that two blocks share is
found as well.
"""

import glob
import os
import re
import socket
import struct
import time

from processes import CONNECTOR, ServiceFailure

SAMPLES = 160
MARK = 16
PACKET_SECONDS = 0.02
# The first packet of a leg waits in the jitter buffer for one before it, and the last one's block stays open until
# silence fills it: neither is what a listener sees in mid-call.
LEAD_IN = 50
LEAD_OUT = 50


def expand(octet):
    """µ-law to 16-bit linear, ITU-T G.711 table 2a."""
    bits = ~octet & 0xFF
    magnitude = (((bits & 15) << 3) + 132 << (bits >> 4 & 7)) - 132
    return -magnitude if bits & 0x80 else magnitude


def marks():
    """Octets whose samples cannot be mistaken for one another at an odd offset, each with the pattern to look for."""
    chosen = {}
    for octet in range(256):
        word = struct.pack("<h", expand(octet))
        if word[0] == word[1] or word[::-1] in chosen.values() or word in chosen.values():
            continue
        chosen[octet] = word
    return [(octet, word * (MARK // 2)) for octet, word in chosen.items()]


class ProbeCall:
    """A recording call of one stream, placed and ended over UDP."""

    def __init__(self, service):
        self._service = service
        self._sip = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sip.bind(("127.0.0.1", 0))
        self._sip.connect(("127.0.0.1", service.port))
        self._sip.settimeout(3)
        self.rtp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.rtp.bind(("127.0.0.1", 0))
        self._own = self._sip.getsockname()[1]
        self._target = f"sip:{CONNECTOR}@127.0.0.1:{service.port}"
        self._tag, self._call = os.urandom(4).hex(), os.urandom(8).hex()
        self._to = f"<{self._target}>"
        before = self._files()
        answer = self._invite()
        self.rtp.connect(("127.0.0.1", int(re.search(r"^m=audio (\d+) ", answer, re.M).group(1))))
        self.path = self._new_file(before)

    def _files(self):
        return set(glob.glob(os.path.join(self._service.data, "streams", "*", "*.mkv")))

    def _new_file(self, before):
        deadline = time.monotonic() + 3
        while time.monotonic() < deadline:
            if new := self._files() - before:
                return new.pop()
            time.sleep(0.02)
        raise ServiceFailure("the probe's call has no stream file after 3 s")

    def _request(self, method, number, headers="", body=""):
        self._sip.send((
            f"{method} {self._target} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP 127.0.0.1:{self._own};branch=z9hG4bK{os.urandom(8).hex()};rport\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:bench@127.0.0.1>;tag={self._tag}\r\nTo: {self._to}\r\n"
            f"Call-ID: {self._call}\r\nCSeq: {number} {method}\r\nContact: <sip:bench@127.0.0.1:{self._own}>\r\n"
            f"{headers}Content-Length: {len(body)}\r\n\r\n{body}").encode())

    def _final(self, method):
        while True:
            try:
                text = self._sip.recv(65536).decode(errors="replace")
            except OSError:
                raise ServiceFailure(f"{method} of the probe's call was not answered") from None
            if text.startswith("SIP/2.0 ") and method in text and not text.startswith("SIP/2.0 1"):
                if not text.startswith("SIP/2.0 2"):
                    raise ServiceFailure(f"{method} of the probe's call was refused: {text.splitlines()[0]}")
                return text

    def _invite(self):
        port = self.rtp.getsockname()[1]
        body = (
            "v=0\r\no=bench 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
            f"m=audio {port} RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=label:1\r\na=sendonly\r\n")
        self._request("INVITE", 1, "X-Voice-Connector-Record-Only: true\r\nContent-Type: application/sdp\r\n", body)
        answer = self._final("INVITE")
        self._to = re.search(r"^To:\s*(.*)$", answer, re.M | re.I).group(1).strip()
        self._target = re.search(r"^Contact:.*<([^>]+)>", answer, re.M | re.I).group(1)
        self._request("ACK", 1)
        return answer

    def end(self):
        try:
            self._request("BYE", 2)
            self._final("BYE")
        finally:
            self._sip.close()
            self.rtp.close()


def follow(call, seconds):
    """Sends for `seconds`, reads meanwhile, and returns each packet's lag in ms, in order, up to the lead-out."""
    patterns = marks()
    count = int(seconds / PACKET_SECONDS)
    wanted = count - LEAD_OUT
    ssrc, first = struct.unpack(">IH", os.urandom(6))
    sent_at, lags = [], []
    unread = b""
    with open(call.path, "rb", buffering=0) as file:
        file.seek(0, os.SEEK_END)
        began = time.perf_counter() + 0.02
        end = began + count * PACKET_SECONDS + 2
        while len(lags) < wanted and (now := time.perf_counter()) < end:
            number = len(sent_at)
            if number < count and now >= began + number * PACKET_SECONDS:
                header = struct.pack(">BBHII", 0x80, 0, (first + number) & 0xFFFF, number * SAMPLES, ssrc)
                octet = patterns[number % len(patterns)][0]
                sent_at.append(time.perf_counter())
                call.rtp.send(header + b"\xff" * (SAMPLES - MARK) + bytes([octet]) * MARK)
            if new := file.read(65536):
                seen = time.perf_counter()
                unread += new
                while len(lags) < min(len(sent_at), wanted):
                    place = unread.find(patterns[len(lags) % len(patterns)][1])
                    if place < 0:
                        break
                    unread = unread[place + MARK:]
                    lags.append((seen - sent_at[len(lags)]) * 1000)
            time.sleep(0.001)
    return lags, wanted - len(lags)


def measure(service, seconds):
    """The lags of mid-call in ms, ascending, and that of the first packet."""
    call = ProbeCall(service)
    try:
        time.sleep(0.3)
        lags, missing = follow(call, seconds)
    finally:
        call.end()
    if missing:
        raise ServiceFailure(f"{missing} of the probe's packets were not in its file 2 s after the last one")
    return sorted(lags[LEAD_IN:]), lags[0]
