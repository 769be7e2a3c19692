"""From the sending of a packet to its last sample being in a GetMedia reader's hands.

A few calls of their own, made and read here: each packet is silence whose last samples carry a mark (write_lag.py), and the
body of the call's GetMedia is searched for the next mark whenever bytes come. The sender is this program, so the time holds the
packet's way to the service, too.
"""

import os
import selectors
import struct
import time

import stream_readers
from processes import ServiceFailure
from write_lag import LEAD_IN, LEAD_OUT, MARK, PACKET_SECONDS, SAMPLES, ProbeCall, marks


class Probe:
    """One call and its reader."""

    def __init__(self, service, signer, patterns, number):
        self.call = ProbeCall(service)
        stream = os.path.basename(os.path.dirname(self.call.path))
        self.connection, self.unread = stream_readers.get_media(service, signer, stream)
        self.connection.setblocking(False)
        self._ssrc, self._first = struct.unpack(">IH", os.urandom(6))
        self._patterns, self.number = patterns, number
        self.sent_at, self.lags = [], []
        self.is_over = False

    def send(self):
        number = len(self.sent_at)
        header = struct.pack(">BBHII", 0x80, 0, (self._first + number) & 0xFFFF, number * SAMPLES, self._ssrc)
        octet = self._patterns[number % len(self._patterns)][0]
        packet = header + b"\xff" * (SAMPLES - MARK) + bytes([octet]) * MARK
        self.sent_at.append(time.perf_counter())
        self.call.rtp.send(packet)

    def receive(self):
        octets = self.connection.recv(1 << 18)
        seen = time.perf_counter()
        self.is_over = not octets
        self.unread += octets
        while len(self.lags) < len(self.sent_at):
            place = self.unread.find(self._patterns[len(self.lags) % len(self._patterns)][1])
            if place < 0:
                self.unread = self.unread[-2 * MARK:]  # a mark that is cut by the reads
                break
            self.unread = self.unread[place + MARK:]
            self.lags.append((seen - self.sent_at[len(self.lags)]) * 1000)

    def end(self):
        self.connection.close()
        self.call.end()


def measure(service, signer, probes, seconds):
    """The lags of mid-call in ms of all probes, ascending."""
    patterns = marks()
    calls = [Probe(service, signer, patterns, number) for number in range(probes)]
    try:
        time.sleep(0.3)
        follow(calls, int(seconds / PACKET_SECONDS))
    finally:
        for probe in calls:
            probe.end()
    lags = []
    for probe in calls:
        wanted = len(probe.sent_at) - LEAD_OUT
        if len(probe.lags) < wanted:
            raise ServiceFailure(f"{wanted - len(probe.lags)} of a probe's packets had not been read 2 s after the last one")
        lags += probe.lags[LEAD_IN:wanted]
    return sorted(lags)


def follow(probes, count):
    """Sends `count` packets of each probe, evenly spread over the packet's time, and reads meanwhile."""
    with selectors.DefaultSelector() as selector:
        for probe in probes:
            selector.register(probe.connection, selectors.EVENT_READ, probe)
        began, step, turn = time.perf_counter() + 0.02, PACKET_SECONDS / len(probes), 0
        end = began + count * PACKET_SECONDS + 2
        while (now := time.perf_counter()) < end and selector.get_map():
            due = began + turn * step if turn < count * len(probes) else end
            if now >= due:
                probes[turn % len(probes)].send()
                turn += 1
                continue
            for key, _ in selector.select(due - now):
                key.data.receive()
                if key.data.is_over:
                    selector.unregister(key.fileobj)
            if turn == count * len(probes) and all(len(probe.lags) >= count - LEAD_OUT for probe in probes):
                break
