"""Session descriptions, recording metadata and multipart bodies of a session recording client (RFC 7865, RFC 7866)."""

SDP, METADATA = "application/sdp", "application/rs-metadata+xml"
CRLF = "\r\n"
CODECS = {"u": ("0", ["rtpmap:0 PCMU/8000"]), "a": ("8", ["rtpmap:8 PCMA/8000"]), "g722": ("9", ["rtpmap:9 G722/8000"]),
          "opus": ("111", ["rtpmap:111 opus/48000/2", "fmtp:111 useinbandfec=1"])}
EVENTS = ("101", ["rtpmap:101 telephone-event/8000", "fmtp:101 0-15"])


def offer(ports, labels=None, law="u", direction="sendonly", host="127.0.0.1", events=False, version=1, extra=(),
          directions=None, protocol="RTP/AVP", cryptos=None, codecs=None):
    """An offer of one audio m-line a port; port 0 refuses or removes its stream.

    `protocol` is one for all lines or a list; `cryptos[i]` are the `a=crypto` values of line i; `codecs[i]` is
    (payload type, attributes) instead of a law.
    """
    family = "IP6" if ":" in host else "IP4"
    lines = ["v=0", f"o=SRC 2890844526 {version} IN {family} {host}", "s=-", f"c=IN {family} {host}", "t=0 0"]
    for index, port in enumerate(ports):
        laws = law if isinstance(law, (list, tuple)) else [law] * len(ports)
        number, attributes = codecs[index] if codecs else CODECS[laws[index]]
        profile = protocol if isinstance(protocol, str) else protocol[index]
        numbers, attributes = [number], list(attributes)
        if events:
            numbers.append(EVENTS[0])
            attributes += EVENTS[1]
        lines.append(f"m=audio {port} {profile} {' '.join(numbers)}")
        lines += [f"a={attribute}" for attribute in attributes] + ["a=ptime:20"]
        lines += [f"a=crypto:{crypto}" for crypto in (cryptos[index] if cryptos else ())]
        label = str(index + 1) if labels is None else labels[index]
        if label is not None:
            lines.append(f"a=label:{label}")
        lines.append(f"a={directions[index] if directions else direction}")
        lines += [f"a={attribute}" for attribute in extra]
    return (CRLF.join(lines) + CRLF).encode()


SESSION = "hVpd7YQgRW2nD22h7q60JQ=="
PEOPLE = [
    ("srfBElmCRp2QB23b7Mpk0w==", "sip:+12065550100@atlanta.test", "Alice"),
    ("zSfPoSvdSDCmU3A3TRDxAw==", "sip:+13605550199@biloxi.test", "Bob"),
    ("Atnm1ZRnOC6Pm5MApkrDzQ==", "sip:+14255550123@seattle.test", "Carol"),
    ("EiXGlc+4TruqqoDaNE76ag==", "sip:+15035550155@portland.test", "Dave"),
]
STREAMS = ["UAAMm5GRQKSCMVvLyl4rFw==", "i1Pz3to5hGk8fuXl+PbwCw==", "8zc6e0lYTlWIINA6GR+3ag==", "AcR5FUd3Edi8cACQJy/3JQ=="]


def participant(index):
    identifier, aor, name = PEOPLE[index]
    return (f'  <participant participant_id="{identifier}">{CRLF}'
            f'    <nameID aor="{aor}"><name xml:lang="en">{name}</name></nameID>{CRLF}  </participant>{CRLF}')


def metadata(labels=("1", "2"), mode="complete", senders=None, people=None, left=()):
    """A recording document: stream i carries `labels[i]` and is sent by person `senders[i]` (default: i)."""
    senders = list(range(len(labels))) if senders is None else senders
    people = sorted(set(senders)) if people is None else people
    text = f'<?xml version="1.0" encoding="UTF-8"?>{CRLF}<recording xmlns="urn:ietf:params:xml:ns:recording:1">{CRLF}'
    text += f"  <datamode>{mode}</datamode>{CRLF}"
    if mode == "complete":
        text += f'  <session session_id="{SESSION}"><start-time>2026-01-07T15:18:24Z</start-time></session>{CRLF}'
    for person in people:
        if person not in left:
            text += participant(person)
    for index, label in enumerate(labels):
        text += (f'  <stream stream_id="{STREAMS[index]}" session_id="{SESSION}"><label>{label}</label></stream>{CRLF}')
    for person in people:
        when = "disassociate-time" if person in left else "associate-time"
        text += (f'  <participantsessionassoc participant_id="{PEOPLE[person][0]}" session_id="{SESSION}">'
                 f"<{when}>2026-01-07T15:18:24Z</{when}></participantsessionassoc>{CRLF}")
    for person in people:
        if person in left:
            continue
        text += f'  <participantstreamassoc participant_id="{PEOPLE[person][0]}">{CRLF}'
        for index, sender in enumerate(senders):
            text += f"    <{'send' if sender == person else 'recv'}>{STREAMS[index]}</{'send' if sender == person else 'recv'}>{CRLF}"
        text += f"  </participantstreamassoc>{CRLF}"
    return (text + f"</recording>{CRLF}").encode()


def multipart(parts, boundary="foobar"):
    """(Content-Type value, body) of parts given as (content type, disposition or None, body)."""
    body = b""
    for kind, disposition, content in parts:
        body += f"--{boundary}{CRLF}Content-Type: {kind}{CRLF}".encode()
        if disposition:
            body += f"Content-Disposition: {disposition}{CRLF}".encode()
        body += CRLF.encode() + content + CRLF.encode()
    return f'multipart/mixed;boundary="{boundary}"', body + f"--{boundary}--{CRLF}".encode()


def recording_offer(description, document=None):
    """(headers, body) of an INVITE of RFC 7866 section 9.1."""
    headers = [("Require", "siprec"), ("Allow", "INVITE, ACK, BYE, CANCEL, OPTIONS, UPDATE"),
               ("Accept", "application/sdp, application/rs-metadata, application/rs-metadata-request")]
    if document is None:
        return headers + [("Content-Type", SDP)], description
    kind, body = multipart([(SDP, None, description), (METADATA, "recording-session", document)])
    return headers + [("Content-Type", kind)], body


def metadata_only(document):
    """(headers, body) of a request that carries metadata and no session description."""
    return [("Content-Type", METADATA), ("Content-Disposition", "recording-session")], document
