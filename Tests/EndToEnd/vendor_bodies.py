"""The bodies of ../shared/testdata/siprec, and what one call with each of them came to."""

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from peer import bodies, g711
from peer.recorded_call import RecordedCall
from peer.rtp import RTPLeg
from peer.server import TEST_DATA

# Files of the folder that are no body of a request to a recording server.
NOT_SENT = {
    "rfc/7866/fig13-srs-update-requestsnapshot.sip": "a request of the server, not to it",
    "rfc/7866/fig6-answer-audio-video.sdp": "an answer of a server",
    "rfc/7865/recording.xsd": "the schema",
}


def sources():
    """Every body, by its path below siprec/. RFC 8068's XML files are the metadata parts of its .sip files."""
    root = TEST_DATA / "siprec"
    if not root.is_dir():
        return []
    found = [str(path.relative_to(root)) for path in sorted(root.rglob("*")) if path.is_file()]
    return [name for name in found if name not in NOT_SENT and not (name.startswith("rfc/8068") and name.endswith(".xml"))]


@dataclass
class Outcome:
    source: str
    method: str = "INVITE"
    status: int = 0
    reason: str = ""
    offered: list = field(default_factory=list)  # of each m-line: (kind, port, label, direction)
    answer: list = field(default_factory=list)
    delayed: bool = False
    started: list = field(default_factory=list)
    sdr: dict = field(default_factory=dict)
    ended: int = 0
    failure: str = ""

    @property
    def audio(self):
        """The audio m-lines that carry a stream: (label, direction)."""
        return [(label, direction) for kind, port, label, direction in self.offered if kind == "audio" and port]

    @property
    def roles(self):
        return [("caller" if event["detail"].get("isCaller") else "callee") + f" {event['detail']['sdp'].get('mediaLabel', '?')}"
                for event in self.started]

    @property
    def rules(self):
        return sorted({event["detail"].get("roleRule", "") for event in self.started})


def load(source):
    """(method, headers, body) of a file: only what its own text says of its body; the rest is the sender's business."""
    data = (TEST_DATA / "siprec" / source).read_bytes()
    if source.endswith(".sip"):
        head, _, body = re.split(rb"(\r?\n\r?\n)", data, maxsplit=1)
        lines = head.decode().replace("\r", "").split("\n")
        fields = dict(line.split(": ", 1) for line in lines if ": " in line)
        keep = [(name, fields[name]) for name in ("Content-Type", "Content-Disposition") if name in fields]
        return fields.get("CSeq", "1 INVITE").split()[1], keep, body
    if source.endswith(".sdp"):
        return "INVITE", [("Content-Type", bodies.SDP)], data
    if source.endswith(".xml"):
        labels = re.findall(rb"<label>\s*([^<\s]+)", data)[:4] or [b"1", b"2"]
        description = bodies.offer([40000 + 2 * i for i in range(len(labels))], [label.decode() for label in labels])
        kind, body = bodies.multipart([(bodies.SDP, None, description), (bodies.METADATA, "recording-session", data)])
        return "INVITE", [("Content-Type", kind)], body
    boundary = re.search(rb"^--(\S+)", data, re.M)
    if boundary is None:
        return "INVITE", [("Content-Type", bodies.SDP)], data
    return "INVITE", [("Content-Type", f"multipart/mixed;boundary={boundary.group(1).decode()}")], data


def offered_media(body):
    """The m-lines in a body, read with no rule at all: what a person sees."""
    found = []
    for line in body.decode("utf-8", "replace").splitlines():
        if line.startswith("m="):
            kind, port = line[2:].split()[:2]
            found.append([kind, int(port), None, "sendrecv"])
        elif line.startswith("a=label:") and found:
            found[-1][2] = line[8:].strip()
        elif line[2:].strip() in ("sendonly", "recvonly", "inactive", "sendrecv") and line.startswith("a=") and found:
            found[-1][3] = line[2:].strip()
    return [tuple(one) for one in found]


def place(server, source, index):
    """One call with the body of `source`: INVITE, RTP to every answered port, BYE, and what was recorded of it."""
    outcome = Outcome(source)
    outcome.method, headers, body = load(source)
    headers = [("Require", "siprec"), ("Accept", "application/sdp, application/rs-metadata")] + headers
    with RecordedCall(server, legs=0, seed=index) as call:
        try:
            if outcome.method == "BYE":  # metadata in the request that ends a call
                call.legs = [RTPLeg(seed=index)]
                call.labels = ["96"]
                outcome.offered = [("audio", call.legs[0].port, "96", "sendonly")]
                call.invite()
                outcome.answer = call.answer
                outcome.started = call.started(1)
                call.speak([g711.noise(index, 0.3)])
                response = call.bye(headers=headers, body=body)
                outcome.status, outcome.reason = response.status, response.reason
            else:
                converse(call, outcome, headers, body, index)
                if outcome.status == 200:
                    call.bye()
            if outcome.started:
                outcome.ended = len(call.ended(len(outcome.started)))
                outcome.sdr = call.record("SDR")[1]
        except AssertionError as failure:
            outcome.failure = str(failure)
    return outcome


def converse(call, outcome, headers, body, index):
    outcome.offered = offered_media(body)
    response = call.dialog.invite(headers, body, acknowledge=False)
    outcome.status, outcome.reason = response.status, response.reason
    answer = None
    if response.status == 200:
        call.connect(response)
        outcome.answer = call.answer
        outcome.delayed = not outcome.offered
        if outcome.delayed:  # the server offers, the ACK answers
            outcome.offered = [(media.kind, media.port, media.label, "sendonly") for media in outcome.answer]
    media = [one for one in outcome.answer if one.kind == "audio" and one.port]
    call.legs = [RTPLeg(law="a" if one.formats[0] == "8" else "u", seed=index * 10 + n) for n, one in enumerate(media)]
    if outcome.delayed:
        answer = (bodies.SDP, bodies.offer([leg.port for leg in call.legs], [one.label for one in media],
                                           [leg.law for leg in call.legs]))
    call.dialog.acknowledge(response, answer)
    if response.status != 200:
        return
    for leg, one in zip(call.legs, media):
        leg.destination = (one.address, one.port)
    outcome.started = call.started(len(media))
    speech = [g711.noise(index * 10 + n, 0.4) if one.direction != "inactive" else b"" for n, one in enumerate(media)]
    if any(speech):
        call.speak(speech)


def place_all(server):
    """{source: outcome}, several calls at a time."""
    with ThreadPoolExecutor(6) as pool:
        names = sources()
        return dict(zip(names, pool.map(lambda pair: place(server, pair[1], pair[0] + 1), enumerate(names))))


def table(outcomes):
    """The rows of docs/interoperability.md."""
    lines = ["| source | accepted | streams | roles found | rule used |", "| --- | --- | --- | --- | --- |"]
    for outcome in outcomes.values():
        accepted = "yes" if outcome.status == 200 else f"no: {outcome.status} {outcome.reason}"
        if outcome.method != "INVITE":
            accepted += f" ({outcome.method})"
        elif outcome.delayed:
            accepted += " (delayed offer)"
        lines.append(f"| {outcome.source} | {accepted} | {len(outcome.started)} | {', '.join(outcome.roles) or '-'} "
                     f"| {', '.join(outcome.rules) or '-'} |")
    for source, reason in NOT_SENT.items():
        lines.append(f"| {source} | not sent: {reason} | - | - | - |")
    return "\n".join(lines) + "\n"
