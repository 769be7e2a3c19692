"""A recorded call as a test wants it: sockets, INVITE, speech, and where its events and files are."""

import time

from peer import bodies, records, sip
from peer.endpoint import Dialog, Endpoint
from peer.rtp import RTPLeg, Speaker
from peer.server import HOST


class RecordedCall:
    """A session recording client's call to an EarshotServer; a context manager that closes its sockets."""

    def __init__(self, server, legs=2, law="u", transport="udp", host="127.0.0.1", seed=1, labels=None, endpoint=None,
                 uri=None, from_user="+12065550100", media_host=None):
        self.server, self.law, self.labels = server, law, labels or [str(index + 1) for index in range(legs)]
        self.own_endpoint = endpoint is None
        self.endpoint = endpoint or Endpoint(server.addresses[transport], transport, host)
        self.host = media_host or host
        self.legs = [RTPLeg(self.host, law, seed * 10 + index) for index in range(legs)]
        self.dialog = Dialog(self.endpoint, uri or server.uri(transport, host=HOST), from_user=from_user)
        self.response, self.answer, self.setup_seconds, self.version = None, [], None, 0

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        for leg in self.legs:
            leg.close()
        if self.own_endpoint:
            self.endpoint.__exit__(kind)

    @property
    def call_id(self):
        return self.dialog.call_id

    def offer(self, **options):
        self.version += 1
        ports = options.pop("ports", [leg.port for leg in self.legs])
        options.setdefault("law", self.law)
        options.setdefault("labels", self.labels)
        return bodies.offer(ports, host=self.host, version=self.version, **options)

    def invite(self, document="own", headers=(), offer=None, status=200, credentials=None, timeout=5.0):
        """INVITE with SDP and metadata (`document` None: SDP only), asserts the status, connects the legs."""
        document = bodies.metadata(self.labels) if document == "own" else document
        more, body = bodies.recording_offer(offer or self.offer(), document)
        return self.send_invite(more + list(headers), body, status, credentials, timeout)

    def send_invite(self, headers, body, status=200, credentials=None, timeout=5.0, answer=None):
        self.response = self.dialog.invite(headers, body, timeout, credentials=credentials, answer=answer)
        self.setup_seconds = self.response.arrived - self.dialog.sent_at
        assert self.response.status == status, (
            f"answer {self.response.start!r}, wanted {status}\n{self.response.text()}\n{self.server.tail(15)}")
        if self.response.status == 200:
            self.connect()
        return self.response

    def connect(self, response=None):
        """Takes the answered ports from a 200 OK."""
        response = response or self.response
        assert response.get("content-type", "").split(";")[0].strip() == bodies.SDP, response.text()
        self.answer = sip.parse_sdp(response.body)
        for leg, media in zip(self.legs, [media for media in self.answer if media.kind == "audio"]):
            leg.destination = (media.address, media.port)
        return self.answer

    def reinvite(self, offer=None, document=None, status=200, headers=()):
        more, body = bodies.recording_offer(offer or self.offer(), document)
        response = self.dialog.invite(more + list(headers), body)
        assert response.status == status, f"re-INVITE answered {response.start!r}\n{response.text()}"
        if status == 200:
            self.connect(response)
        return response

    def speak(self, codes, milliseconds=20, wait=True):
        """Sends `codes[i]` on leg i in real time; with wait=False gives the running Speaker."""
        speaker = Speaker([(leg, part) for leg, part in zip(self.legs, codes) if part], milliseconds)
        speaker.start()
        if wait:
            speaker.finish()
        return speaker

    def bye(self, headers=(), body=b"", settle=0.05, status=200):
        """BYE, a moment after the last packet so that it cannot overtake audio on another socket."""
        time.sleep(settle)
        response = self.dialog.bye(headers, body)
        assert response.status == status, response.text()
        return response

    def started(self, count=None, timeout=5.0):
        found = records.wait_for_events(self.server, "STARTED", self.call_id, count or len(self.legs), timeout)
        return sorted(found, key=lambda event: event["detail"]["sdp"]["mediaIndex"])

    def ended(self, count=None, timeout=8.0):
        found = records.wait_for_events(self.server, "ENDED", self.call_id, count or len(self.legs), timeout)
        order = {event["detail"]["streamArn"]: event["detail"]["sdp"]["mediaIndex"] for event in self.started(count)}
        return sorted(found, key=lambda event: order[event["detail"]["streamArn"]])

    def files(self, count=None):
        return [records.leg_file(self.server, event) for event in self.started(count)]

    @property
    def transaction(self):
        return self.started(1)[0]["detail"]["transactionId"]

    def record(self, kind, timeout=8.0):
        """(key, object, raw) of this call's SDR or CDR."""
        return records.wait_for_object(self.server, kind, self.transaction, timeout)
