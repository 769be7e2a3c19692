"""Places and ends recording calls without sending their audio: one SIP socket, one pair of media sockets for all legs.

The audio comes from load/rtp_load.c, which a core can keep even at several hundred thousand packets a second.
"""

import base64
import os
import socket
import sys
import threading
import time

from processes import CONNECTOR, ServiceFailure

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "Tests", "EndToEnd"))

from peer import bodies, rtp, sip  # noqa: E402

RETRANSMIT = 0.5  # seconds, RFC 3261 T1


class Call:
    """One dialog."""

    def __init__(self, number, user, here, target):
        self.call_id = f"bench-{os.urandom(6).hex()}-{number}"
        self.user, self.here, self.target = user, here, target
        self.tag, self.to, self.sequence = os.urandom(4).hex(), f"<{target}>", 0
        self.status = self.places = None
        self.ended = False
        self.last, self.last_sent, self.branch = b"", 0.0, ""

    def request(self, method, headers=(), body=b"", new=True):
        if new:
            self.sequence += 1
            self.branch = "z9hG4bK" + os.urandom(8).hex()
        via = self.branch if method != "ACK" or self.status != 200 else "z9hG4bK" + os.urandom(8).hex()
        return sip.compose(f"{method} {self.target} SIP/2.0", [
            ("Via", f"SIP/2.0/UDP {self.here};branch={via};rport"), ("Max-Forwards", "70"),
            ("From", f"<sip:{self.user}@{self.here}>;tag={self.tag}"), ("To", self.to), ("Call-ID", self.call_id),
            ("CSeq", f"{self.sequence} {method}"), ("Contact", f"<sip:bench@{self.here}>;+sip.src"), *headers], body)


class SIPCalls:
    """Calls of two legs each to one service."""

    def __init__(self, service, key=None, user="+12065550100"):
        """`key` is the base64 of master key and salt of AES_CM_128_HMAC_SHA1_80: then RTP/SAVP is offered."""
        self._service, self._user = service, user
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self._socket.bind(("127.0.0.1", 0))
        self._server = ("127.0.0.1", service.port)
        self._here = "127.0.0.1:%d" % self._socket.getsockname()[1]
        self._target = f"sip:{CONNECTOR}@127.0.0.1:{service.port}"
        self.rtp, self._rtcp = rtp.socket_pair("127.0.0.1")
        port = self.rtp.getsockname()[1]
        lines = [f"1 AES_CM_128_HMAC_SHA1_80 inline:{key}"]
        offer = bodies.offer(
            [port, port], protocol="RTP/SAVP" if key else "RTP/AVP", cryptos=[lines, lines] if key else None)
        # The caller of the records is the one whom the metadata name.
        self._invite = bodies.recording_offer(offer, bodies.metadata().replace(b"+12065550100", user.encode()))
        self.calls = {}
        self._lock = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._receive, daemon=True)
        self._thread.start()

    # ---- what arrives

    def _receive(self):
        self._socket.settimeout(0.2)
        while not self._closed:
            try:
                octets = self._socket.recv(65536)
            except socket.timeout:
                continue
            except OSError:
                return
            try:
                message = sip.parse(octets)
            except (sip.SIPFault, UnicodeDecodeError, ValueError):
                continue
            with self._lock:
                if message.is_response:
                    self._answered(message)
                elif message.method != "ACK":
                    self._asked(message)
                self._lock.notify_all()

    def _answered(self, message):
        call = self.calls.get(message.call_id)
        if call is None or message.status < 200:
            return
        method = message.cseq[1]
        if method == "BYE":
            call.ended = True
            return
        if method != "INVITE":
            return
        call.status = message.status
        if message.status == 200 and call.places is None:
            call.to = message.get("to")
            call.target = sip.address(message.get("contact"))
            call.places = [(media.address, media.port) for media in sip.parse_sdp(message.body)]
        self._send(call.request("ACK", new=False))

    def _asked(self, message):
        """A refresh of the session, or its end."""
        call = self.calls.get(message.call_id)
        if call and message.method == "BYE":
            call.ended = True
        copied = [("Via", value) for value in message.all("via")]
        copied += [(name, message.get(name)) for name in ("From", "To", "Call-ID", "CSeq")]
        self._send(sip.compose("SIP/2.0 200 OK", copied + [("Contact", f"<sip:bench@{self._here}>")]))

    def _send(self, octets):
        self._socket.sendto(octets, self._server)

    # ---- what is asked for

    def place(self, count, rate, limit=20.0):
        """`count` more calls, `rate` new ones a second; returns when each has its final answer."""
        began, new = time.monotonic(), []
        for number in range(count):
            time.sleep(max(0.0, began + number / rate - time.monotonic()))
            call = Call(len(self.calls), self._user, self._here, self._target)
            with self._lock:
                self.calls[call.call_id] = call
                new.append(call)
                self._first(call, "INVITE", *self._invite)
        self._wait(new, "INVITE", lambda call: call.status is not None, limit)
        return new

    def _first(self, call, method, headers=(), body=b""):
        call.last, call.last_sent = call.request(method, headers, body), time.monotonic()
        self._send(call.last)

    def _wait(self, calls, method, is_done, limit):
        deadline = time.monotonic() + limit
        with self._lock:
            while waiting := [call for call in calls if not is_done(call)]:
                self._service.check()
                now = time.monotonic()
                if now > deadline:
                    raise ServiceFailure(f"{len(waiting)} of {len(calls)} {method} were not answered within {limit:.0f} s")
                for call in waiting:
                    if now - call.last_sent > RETRANSMIT:
                        call.last_sent = now
                        self._send(call.last)
                self._lock.wait(0.1)

    def established(self):
        return [call for call in self.calls.values() if call.status == 200 and not call.ended]

    def places(self):
        """Where the audio of all established legs goes."""
        return [place for call in self.established() for place in call.places]

    def end(self, rate=500.0, limit=20.0):
        """BYE for every call that is up. Returns how many had been ended by the service before."""
        up, began = self.established(), time.monotonic()
        cut = sum(call.status == 200 and call.ended for call in self.calls.values())
        for number, call in enumerate(up):
            time.sleep(max(0.0, began + number / rate - time.monotonic()))
            with self._lock:
                self._first(call, "BYE")
        self._wait(up, "BYE", lambda call: call.ended, limit)
        return cut

    def close(self):
        self._closed = True
        self._thread.join(2)
        for one in (self._socket, self.rtp, self._rtcp):
            one.close()


def base64_key(key):
    """30 octets as `inline:` has them."""
    return base64.b64encode(key).decode()


def statuses(calls):
    """{status: how many}."""
    found = {}
    for call in calls:
        found[call.status] = found.get(call.status, 0) + 1
    return found
