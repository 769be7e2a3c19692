"""A SIP user agent on one UDP, TCP or TLS socket: sends what a test says, keeps everything that arrives."""

import socket
import ssl
import threading
import time

from peer import digest, sip


class Endpoint:
    def __init__(self, server, transport="udp", host="127.0.0.1", tls_version=None, port=0):
        self.server, self.transport, self.host = server, transport, host
        self.arrived = []
        self.faults = []
        self.condition = threading.Condition()
        self.closed = self.ended = False
        self.answer_requests = True
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        if transport == "udp":
            self.socket = socket.socket(family, socket.SOCK_DGRAM)
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            self.socket.bind((host, port))
        else:
            self.socket = socket.create_connection(server, timeout=5, source_address=(host, port))
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if transport == "tls":
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
                context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
                if tls_version:
                    context.minimum_version = context.maximum_version = tls_version
                self.socket = context.wrap_socket(self.socket)
            self.socket.settimeout(None)
        self.port = self.socket.getsockname()[1]
        self.writing = threading.Lock()
        self.thread = threading.Thread(target=self._receive, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.close()
        if kind is None:
            assert not self.faults, f"the server sent malformed SIP: {self.faults}"

    def close(self):
        self.closed = True
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.thread.join(2)
        self.socket.close()

    @property
    def here(self):
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    # ---- receiving

    def _receive(self):
        splitter = sip.StreamSplitter()
        while not self.closed:
            try:
                octets = self.socket.recv(65536)
            except (OSError, ValueError):
                break
            moment = time.perf_counter()
            if not octets:
                if self.closed or self.transport != "udp":
                    break
                continue
            try:
                parts = [octets] if self.transport == "udp" else splitter.feed(octets)
                for part in parts:
                    self._keep(sip.parse(part, moment))
            except (sip.SIPFault, UnicodeDecodeError, ValueError) as fault:
                with self.condition:
                    self.faults.append(fault)
                    self.condition.notify_all()
        with self.condition:
            self.ended = True
            self.condition.notify_all()

    def _keep(self, message):
        with self.condition:
            self.arrived.append(message)
            self.condition.notify_all()
        if not message.is_response and self.answer_requests and message.method != "ACK":
            self.reply(message)

    def reply(self, request, status="200 OK", headers=(), body=b""):
        copied = [("Via", value) for value in request.all("via")]
        copied += [(name, request.get(name)) for name in ("From", "To", "Call-ID", "CSeq")]
        copied += [("Contact", f"<sip:src@{self.here}>;+sip.src")]
        self.send_raw(sip.compose(f"SIP/2.0 {status}", copied + list(headers), body))

    def wait(self, wanted, timeout=5.0, what="a message"):
        """The first kept message that `wanted` accepts; fails with what did arrive."""
        deadline = time.monotonic() + timeout
        with self.condition:
            while True:
                for message in self.arrived:
                    if wanted(message):
                        return message
                assert not self.faults, f"the server sent malformed SIP: {self.faults[0]}"
                left = deadline - time.monotonic()
                if left <= 0 or self.ended:
                    raise AssertionError(f"no {what} within {timeout} s; arrived: {self.arrived}")
                self.condition.wait(left)

    def nothing_arrives(self, seconds, wanted=lambda message: True):
        """True when no wanted message arrives for so long."""
        deadline = time.monotonic() + seconds
        with self.condition:
            while time.monotonic() < deadline:
                if any(wanted(message) for message in self.arrived):
                    return False
                self.condition.wait(deadline - time.monotonic())
        return not any(wanted(message) for message in self.arrived)

    def requests(self, method):
        with self.condition:
            return [message for message in self.arrived if not message.is_response and message.method == method]

    def wait_for_end(self, timeout=5.0):
        """Waits until the server closes the connection."""
        deadline = time.monotonic() + timeout
        with self.condition:
            while not self.ended:
                left = deadline - time.monotonic()
                assert left > 0, f"the server did not close the connection within {timeout} s"
                self.condition.wait(left)

    # ---- sending

    def send_raw(self, octets):
        with self.writing:
            if self.transport == "udp":
                self.socket.sendto(octets, self.server)
            else:
                self.socket.sendall(octets)

    def via(self, branch):
        return f"SIP/2.0/{self.transport.upper()} {self.here};branch={branch};rport"

    def request(self, method, uri, headers=(), body=b"", timeout=5.0, **fields):
        """Sends a request outside a dialog and gives its final response."""
        dialog = Dialog(self, uri, **fields)
        return dialog.request(method, headers, body, timeout)


class Dialog:
    """One dialog of the client's side, before and after it is set up."""

    def __init__(self, endpoint, uri, from_user="+12065550100", to_uri=None, call_id=None, max_forwards=70):
        self.endpoint, self.uri, self.target = endpoint, uri, uri
        self.from_uri = f"sip:{from_user}@{endpoint.here}"
        self.to_uri = to_uri or uri.split(";")[0]
        self.call_id = call_id or sip.token("e2e-") + "@client.test"
        self.local_tag, self.remote_tag, self.routes = sip.token(), None, []
        self.sequence, self.max_forwards = 0, max_forwards
        self.contact = f"<sip:src@{endpoint.here}{';transport=' + endpoint.transport if endpoint.transport != 'udp' else ''}>;+sip.src"
        self.last_invite = None  # (branch, cseq number, octets)
        self.sent_at = 0.0

    def build(self, method, headers=(), body=b"", branch=None, sequence=None, contact=True):
        to = f"<{self.to_uri}>" + (f";tag={self.remote_tag}" if self.remote_tag else "")
        number = self.sequence if sequence is None else sequence
        lines = [("Via", self.endpoint.via(branch or sip.branch())), ("Max-Forwards", str(self.max_forwards))]
        lines += [("Route", route) for route in self.routes]
        lines += [("From", f'"Tester" <{self.from_uri}>;tag={self.local_tag}'), ("To", to), ("Call-ID", self.call_id),
                  ("CSeq", f"{number} {method}")]
        if contact and method not in ("ACK", "CANCEL"):
            lines += [("Contact", self.contact)]
        return sip.compose(f"{method} {self.target} SIP/2.0", lines + list(headers), body)

    def send(self, method, headers=(), body=b""):
        """Sends a new request of this dialog and gives the branch of its transaction."""
        self.sequence += 1
        branch = sip.branch()
        octets = self.build(method, headers, body, branch)
        if method == "INVITE":
            self.last_invite = (branch, self.sequence, octets)
        self.sent_at = time.perf_counter()
        self.endpoint.send_raw(octets)
        return branch

    def final(self, branch, method, timeout=5.0):
        return self.endpoint.wait(
            lambda m: m.is_response and m.branch == branch and m.cseq[1] == method and m.status >= 200,
            timeout, f"final response to {method}")

    def request(self, method, headers=(), body=b"", timeout=5.0):
        return self.final(self.send(method, headers, body), method, timeout)

    def invite(self, headers=(), body=b"", timeout=5.0, answer=None, credentials=None, acknowledge=True):
        """INVITE (or re-INVITE), its final response and the ACK; `answer` is (content type, body) of the ACK."""
        branch = self.send("INVITE", headers, body)
        response = self.final(branch, "INVITE", timeout)
        if response.status == 401 and credentials:
            self.acknowledge(response)
            challenge = digest.challenges(response.all("www-authenticate"))[0]
            value = digest.authorization(challenge, *credentials, "INVITE", self.target)
            return self.invite(list(headers) + [("Authorization", value)], body, timeout, answer)
        if response.status < 300:
            self.establish(response)
        if acknowledge:
            self.acknowledge(response, answer)
        return response

    def establish(self, response):
        self.remote_tag = response.tag("to")
        self.routes = list(reversed(response.all("record-route")))
        self.target = sip.address(response.get("contact"))

    def acknowledge(self, response, answer=None):
        headers = [("Content-Type", answer[0])] if answer else []
        body = answer[1] if answer else b""
        number = response.cseq[0]
        if response.status < 300:
            octets = self.build("ACK", headers, body, sequence=number)
        else:  # RFC 3261 section 17.1.1.3: same branch, same Request-URI, the To of the response
            branch, _, sent = self.last_invite
            uri = sent.split(b" ", 2)[1].decode()
            lines = [("Via", self.endpoint.via(branch)), ("Max-Forwards", "70"),
                     ("From", f'"Tester" <{self.from_uri}>;tag={self.local_tag}'), ("To", response.get("to")),
                     ("Call-ID", self.call_id), ("CSeq", f"{number} ACK")]
            octets = sip.compose(f"ACK {uri} SIP/2.0", lines)
        self.endpoint.send_raw(octets)

    def cancel(self, timeout=5.0):
        """CANCEL of the INVITE under way: same Request-URI, branch and CSeq number (RFC 3261 section 9.1)."""
        branch, number, _ = self.last_invite
        self.endpoint.send_raw(self.build("CANCEL", branch=branch, sequence=number))
        return self.final(branch, "CANCEL", timeout)

    def bye(self, headers=(), body=b"", timeout=5.0):
        return self.request("BYE", headers, body, timeout)
