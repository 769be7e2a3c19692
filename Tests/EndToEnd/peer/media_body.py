"""Reads the bodies of GetMedia and GetMediaForFragmentList: the documents that stand one behind the other in them.

Every fragment is a document of its own: EBML header, Segment, Tracks, Tags, Cluster, Tags (contract section 1.4). The
elements are checked by the strict reader of matroska.py; this adds what holds of the sequence.
"""

from dataclasses import dataclass

from peer import matroska

NUMBER = "AWS_KINESISVIDEO_FRAGMENT_NUMBER"
SERVER, PRODUCER = "AWS_KINESISVIDEO_SERVER_TIMESTAMP", "AWS_KINESISVIDEO_PRODUCER_TIMESTAMP"
BEHIND, TOKEN = "AWS_KINESISVIDEO_MILLIS_BEHIND_NOW", "AWS_KINESISVIDEO_CONTINUATION_TOKEN"
ERROR = "AWS_KINESISVIDEO_ERROR_ID"
EBML = b"\x1a\x45\xdf\xa3"


@dataclass
class Chunk:
    """One fragment as it was sent."""

    track: matroska.Element
    tags: dict  # before the cluster
    trailer: dict  # behind it
    timestamp: int | None  # of the cluster; None: there is none
    blocks: list  # (timestamp relative to the cluster, payload)
    order: list  # names of the Segment's children, in their order

    @property
    def number(self):
        return self.tags.get(NUMBER)

    @property
    def pcm(self):
        return b"".join(payload for _, payload in self.blocks)

    @property
    def server(self):
        return float(self.tags[SERVER])

    @property
    def producer(self):
        return float(self.tags[PRODUCER])


def read_body(data, partial=False):
    """The chunks of a body. `partial`: the last one may be cut anywhere, as after a connection that broke."""
    top, cut = matroska.read_elements(bytes(data), partial)
    names = [element.name for element in top]
    if cut is not None and names and names[-1] == "EBML":
        names.pop()
    wanted = ["EBML", "Segment"] * (len(names) // 2)
    if names != wanted:
        raise matroska.MatroskaError(f"the body's documents are {names[:12]}…, not EBML and Segment by turns")
    return [_chunk(segment, partial and segment is top[-1]) for segment in top if segment.name == "Segment"]


def _chunk(segment, partial):
    tracks = [track for tracks in segment.all("Tracks") for track in tracks.all("TrackEntry")]
    if not tracks and not partial and not segment.all("Tags"):
        raise matroska.MatroskaError(f"the document at {segment.offset} has no track")
    before, behind, clusters = {}, {}, segment.all("Cluster")
    if len(clusters) > 1:
        raise matroska.MatroskaError(f"{len(clusters)} clusters in the document at {segment.offset}, a fragment has one")
    seen = False
    for element in segment.children:
        if element.name == "Cluster":
            seen = True
        elif element.name == "Tags" and not (partial and element is segment.children[-1]):
            target = behind if seen else before
            found = matroska.tag_values(element)
            if set(found) & set(target):
                raise matroska.MatroskaError(f"tags {sorted(set(found) & set(target))} twice in one fragment")
            target.update(found)
    timestamp, blocks = None, []
    if clusters:
        timestamp = clusters[0].one("Timestamp")
        number = tracks[0].one("TrackNumber") if len(tracks) == 1 else None
        if number is not None:
            blocks = matroska._blocks(clusters[0], number)
    order = [element.name for element in segment.children if element.name not in ("Void", "CRC-32")]
    return Chunk(tracks[0] if tracks else None, before, behind, timestamp, blocks, order)


def check_live_body(chunks):
    """What every GetMedia body must be (contract 1.4 and 1.5): order, names, numbers; the last chunk closes it."""
    assert chunks, "the body has no fragment"
    for index, chunk in enumerate(chunks):
        assert chunk.order == ["Info", "Tracks", "Tags", "Cluster", "Tags"], f"fragment {index} is made of {chunk.order}"
        assert {NUMBER, SERVER, PRODUCER} <= set(chunk.tags), f"fragment {index} has the tags {sorted(chunk.tags)}"
        assert chunk.number.isdigit() and len(chunk.number) == 47, chunk.number
        for name in (SERVER, PRODUCER):
            whole, _, part = chunk.tags[name].partition(".")
            assert whole.isdigit() and part.isdigit() and len(part) == 3, f"{name} is {chunk.tags[name]!r}"
        assert chunk.trailer[BEHIND].isdigit(), f"fragment {index} ends with {chunk.trailer}"
    audible = [chunk for chunk in chunks[:-1]]
    for chunk in audible:
        assert chunk.trailer.get(TOKEN) == chunk.number, f"the token of {chunk.number} is {chunk.trailer.get(TOKEN)}"
    numbers = [chunk.number for chunk in chunks]
    assert all(a < b for a, b in zip(numbers, numbers[1:])), "fragment numbers must increase as strings"


def audio_chunks(chunks):
    """The fragments of a body without the empty one that closes it."""
    return [chunk for chunk in chunks if chunk.blocks]


def pcm(chunks):
    return b"".join(chunk.pcm for chunk in chunks)
