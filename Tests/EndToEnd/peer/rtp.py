"""RTP and RTCP senders for the legs of a call, on real sockets and in real time."""

import random
import socket
import struct
import threading
import time

from peer import g711


def socket_pair(host):
    """Two UDP sockets on an even port and the next one (RFC 3550 section 11)."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for _ in range(200):
        first = socket.socket(family, socket.SOCK_DGRAM)
        first.bind((host, 0))
        port = first.getsockname()[1]
        if port % 2 == 0:
            second = socket.socket(family, socket.SOCK_DGRAM)
            try:
                second.bind((host, port + 1))
                return first, second
            except OSError:
                second.close()
        first.close()
    raise RuntimeError(f"no free port pair on {host}")


class RTPLeg:
    """One sender: its socket pair, its SSRC, its sequence number and timestamp, and all codes sent so far."""

    def __init__(self, host="127.0.0.1", law="u", seed=1):
        self.host, self.law = host, law
        self.rtp, self.rtcp = socket_pair(host)
        self.rtp.setblocking(False)
        self.rtcp.setblocking(False)
        generator = random.Random(seed)
        self.ssrc = generator.getrandbits(32)
        self.sequence = generator.getrandbits(15)
        self.timestamp = generator.getrandbits(31)
        self.destination = None
        self.sent = bytearray()
        self.packets = 0
        self.first_sent = self.last_sent = None  # perf_counter seconds
        self.fresh = True
        self.secure = None  # an srtp.Session: what is sent is protected
        self.clock = 8000

    @property
    def port(self):
        return self.rtp.getsockname()[1]

    def packet(self, payload, payload_type=None, marker=False):
        kind = g711.PAYLOAD_TYPE[self.law] if payload_type is None else payload_type
        return struct.pack(
            "!BBHII", 0x80, (0x80 if marker else 0) | kind, self.sequence & 0xFFFF, self.timestamp & 0xFFFFFFFF, self.ssrc
        ) + payload

    def send(self, payload, payload_type=None, marker=None, samples=None, heard=True):
        """Sends one packet; `heard` audio is remembered as what a recording must hold."""
        raw = self.packet(payload, payload_type, self.fresh if marker is None else marker)
        self.fresh = False
        wire = self.secure.protect(raw) if self.secure else raw
        self.rtp.sendto(wire, self.destination)
        now = time.perf_counter()
        self.first_sent = now if self.first_sent is None else self.first_sent
        self.last_sent = now
        self.packets += 1
        self.sequence += 1
        self.timestamp += len(payload) if samples is None else samples
        if heard:
            self.sent += payload
        return wire

    def send_control(self, compound, mux=False):
        """Sends RTCP to the port above, or to the RTP port with rtcp-mux."""
        wire = self.secure.protect_control(compound) if self.secure else compound
        host, port = self.destination
        (self.rtp if mux else self.rtcp).sendto(wire, (host, port + (0 if mux else 1)))

    def send_raw(self, octets):
        self.rtp.sendto(octets, self.destination)

    def received_control(self):
        """All RTCP datagrams that arrived, on the RTCP port or (rtcp-mux, RFC 5761) on the RTP port."""
        packets = []
        for one in (self.rtcp, self.rtp):
            try:
                while True:
                    packets.append(one.recv(2048))
            except (BlockingIOError, ConnectionRefusedError):
                continue
        return [packet for packet in packets if len(packet) >= 8 and 200 <= packet[1] <= 204]

    @property
    def expected_pcm(self):
        return g711.decode(self.law, bytes(self.sent))

    def close(self):
        self.rtp.close()
        self.rtcp.close()


class Speaker(threading.Thread):
    """Sends each leg's codes at the pace of a telephone: one packet every `milliseconds`, on an absolute schedule."""

    def __init__(self, speech, milliseconds=20):
        super().__init__(daemon=True)
        self.speech = speech  # [(leg, codes)]
        self.milliseconds = milliseconds
        self.stopping = threading.Event()
        self.failure = None

    def run(self):
        size = self.milliseconds * 8
        count = max(len(codes) for _, codes in self.speech) // size
        start = time.perf_counter()
        try:
            for index in range(count):
                wait = start + index * self.milliseconds / 1000 - time.perf_counter()
                if self.stopping.wait(wait if wait > 0 else 0):
                    return
                for leg, codes in self.speech:
                    part = codes[index * size : (index + 1) * size]
                    if len(part) == size:
                        leg.send(part)
        except OSError as error:  # the far port is gone: the test that cares looks at `failure`
            self.failure = error

    def stop(self):
        self.stopping.set()
        self.join(5)

    def finish(self, timeout=60):
        self.join(timeout)
        assert not self.is_alive(), "the speaker did not finish in time"
        assert self.failure is None, f"sending RTP failed: {self.failure}"


def difference(recorded, sent, frame=320):
    """Compares a recording with what was sent: (offset in octets, first frames that differ, frames).

    The place is found with a piece from the middle of what was sent, so that a fault at the beginning is reported as
    such and not as "not found". Offset None: nothing of it is in the recording.
    """
    if not sent:
        return 0, [], 0
    middle = (len(sent) // 2) // frame * frame
    for probe in [middle] + list(range(0, len(sent) - frame, max(frame, len(sent) // 40 // frame * frame))):
        piece = sent[probe : probe + 2 * frame]
        found = recorded.find(piece)
        while found >= 0 and found % 2:
            found = recorded.find(piece, found + 1)
        if found >= 0:
            offset = found - probe
            break
    else:
        return None, [], len(sent) // frame
    wrong = []
    for index in range(0, len(sent), frame):
        at = offset + index
        if at < 0 or recorded[at : at + frame] != sent[index : index + frame]:
            wrong.append(index // frame)
    return offset, wrong, len(sent) // frame


def assert_heard(recorded, sent, what):
    """Asserts that `sent` (PCM) stands in `recorded` sample for sample at one constant offset; gives the offset."""
    offset, wrong, frames = difference(recorded, sent)
    assert offset is not None, f"{what}: nothing of what was sent is in the recording ({len(recorded) // 16} ms long)"
    assert not wrong, (
        f"{what}: {len(wrong)} of {frames} frames of 20 ms differ at offset {offset / 16:.1f} ms, "
        f"the first are {wrong[:12]}, the last is {wrong[-1]}; the recording is {len(recorded) // 16} ms long"
    )
    return offset
