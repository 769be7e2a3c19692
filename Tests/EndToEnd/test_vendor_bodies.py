"""Every recording body of the third-party data, sent as a real INVITE with RTP to each answered port."""

import os
import re

import pytest

from peer.server import PACKAGE
from vendor_bodies import place_all, sources, table

SOURCES = sources()
MIRROR = {"sendonly": "recvonly", "inactive": "inactive", "sendrecv": "recvonly", "recvonly": "inactive"}
BEGIN, END = "<!-- bodies: written by Tests/EndToEnd/test_vendor_bodies.py -->", "<!-- end of bodies -->"

# The label of the stream on which the calling party speaks, read from each document by a person. Where a document does
# not say it, or says two things, it is left out. What "sends" a stream is what the metadata says, never the label's size.
CALLER = {
    "vendor-offers/acme-siprec-offer.txt": "16777227",
    "vendor-offers/acme-siprec-offer-quoted-name.txt": "33675086",
    "vendor-offers/audiocodes-siprec-offer.txt": "1",
    "vendor-offers/audiocodes-siprec-offer2.txt": "1",
    "vendor-offers/avaya-siprec-offer.txt": "201835599",
    "vendor-offers/broadworks-lineport-recording-metadata-offer.txt": "1",
    "vendor-offers/broadworks-recording-metadata-offer.txt": "1",
    "vendor-offers/broadworks-offer-2.txt": "10",
    "vendor-offers/cisco-siprec-offer.txt": "1",
    "vendor-offers/connectel-offer.txt": "1",
    "vendor-offers/connectel-offer2.txt": "1",
    "vendor-offers/connectel-offer3.txt": "1",
    "vendor-offers/inactive-sdp-offer.txt": "1",
    "vendor-offers/broadworks-termcall-recording-metadata-offer.txt": "2",  # termCall: the calling number is the second party
    "vendor-offers/procomm-siprec-offer.txt": "a_leg",
    "vendor-offers/sonus-siprec-offer.txt": "1",  # fromhdr is the first party; this sender swaps send and recv
    "netsapiens/attended-transfer-1-initial.xml": "1",
    "netsapiens/attended-transfer-2-consultation.xml": "1",
    "netsapiens/attended-transfer-3-post-transfer.xml": "1",
    "netsapiens/v1.0-two-party-0720.xml": "1",
    "rfc/7865/example-1.xml": None,  # two streams of each party: the first party's are the caller's
    "rfc/8068/01-sec3.2.1.sip": "96",
    "rfc/8068/06-sec3.2.3.sip": "98",  # Bob stands first, and sends 98
}

pytestmark = pytest.mark.skipif(not SOURCES, reason="skipped: no ../shared/testdata")


@pytest.fixture(scope="module")
def outcomes(server):
    return place_all(server)


@pytest.mark.parametrize("source", SOURCES)
def test_the_body_is_accepted_and_answered_in_its_own_shape(source, outcomes):
    outcome = outcomes[source]
    assert outcome.status == 200, f"{outcome.status} {outcome.reason} {outcome.failure}"
    assert not outcome.failure, outcome.failure
    if outcome.delayed or outcome.method == "BYE":
        return
    assert [media.kind for media in outcome.answer] == [kind for kind, _, _, _ in outcome.offered]
    for media, (kind, port, label, direction) in zip(outcome.answer, outcome.offered):
        if kind == "audio":
            assert media.port > 0 and media.label == label
            assert media.direction == MIRROR[direction], f"{direction} answered with {media.direction}"
        else:
            assert media.port == 0, "a stream that is not recorded is refused with port 0 (RFC 3264 section 6)"


@pytest.mark.parametrize("source", SOURCES)
def test_the_body_gives_a_stream_an_audio_line_and_its_sound_is_recorded(source, outcomes):
    outcome = outcomes[source]
    assert len(outcome.started) == len(outcome.audio), f"{len(outcome.started)} streams of {outcome.audio} {outcome.failure}"
    assert [event["detail"]["sdp"].get("mediaLabel") for event in outcome.started] == [label for label, _ in outcome.audio]
    assert outcome.ended == len(outcome.started)
    assert outcome.started and outcome.sdr, f"nothing was recorded: {outcome.status} {outcome.failure}"
    legs = sorted(outcome.sdr["Legs"], key=lambda leg: leg["MediaIndex"])
    for leg, (_, direction) in zip(legs, outcome.audio):
        if direction == "inactive":
            assert leg["Packets"] == 0 and leg["EmptyReason"]
        else:
            assert leg["Packets"] >= 15, f"{leg['Packets']} of 20 packets (15 when a call has 0.3 s) counted"


@pytest.mark.parametrize("source", SOURCES)
def test_the_body_tells_caller_from_callee_by_a_named_rule(source, outcomes):
    outcome = outcomes[source]
    assert outcome.started, outcome.failure
    assert all(outcome.rules) and len(outcome.rules) == 1
    callers = [event["detail"]["sdp"].get("mediaLabel") for event in outcome.started if event["detail"]["isCaller"]]
    if len(outcome.started) == 2:
        assert len(callers) == 1, f"two legs, {len(callers)} of them the caller's: {outcome.roles}"
    if CALLER.get(source):
        assert callers == [CALLER[source]], f"roles {outcome.roles} by {outcome.rules}"
    if source == "rfc/7865/example-1.xml":
        assert set(callers) <= {"96", "97"} and callers, "Bob sends 96 and 97 and stands first"


@pytest.mark.parametrize("source", SOURCES)
def test_the_body_is_kept_raw_and_its_state_is_flagged(source, outcomes):
    outcome = outcomes[source]
    assert outcome.started, outcome.failure
    for detail in (event["detail"] for event in outcome.started):
        assert detail["metadataStatus"] in ("complete", "partial", "missing", "unreadable")
        if source == "vendor-offers/non-siprec-payload.txt" or source.endswith(".sdp"):
            assert detail["metadataStatus"] == "missing" and not detail.get("siprecMetadata")
        elif outcome.method == "INVITE":
            assert re.search(r"<(\w+:)?recording", detail.get("siprecMetadata", "")), "the raw document"


def test_the_table_in_the_documentation_is_what_happens(outcomes):
    """EARSHOT_WRITE_TABLES=1 writes it instead."""
    text = table(outcomes)
    path = PACKAGE / "docs" / "interoperability.md"
    old = path.read_text()
    assert BEGIN in old and END in old, f"{path} has no place for the table: put the lines\n{BEGIN}\n{END}\nwhere it belongs"
    head, rest = old.split(BEGIN, 1)
    new = f"{head}{BEGIN}\n{text}{END}{rest.split(END, 1)[1]}"
    if os.environ.get("EARSHOT_WRITE_TABLES") == "1":
        path.write_text(new)
    assert path.read_text() == new, "the table differs: run this with EARSHOT_WRITE_TABLES=1 and look at the difference"
