"""A strict reader of the Matroska files that a recorder writes (RFC 8794, RFC 9559).

It fails on every element it does not know, on sizes that do not fit their parent, on lacing, on a Tags element after
its Cluster. `partial=True` allows exactly one thing more: that the file ends in the middle of an element, as a file
does that still grows or whose writer was killed.
"""

import struct
from dataclasses import dataclass, field

MASTER, UNSIGNED, FLOAT, TEXT, BINARY, DATE = "master", "unsigned", "float", "text", "binary", "date"
ANYWHERE = "anywhere"

# id: (name, type, names of the parents it may have)
ELEMENTS = {
    0x1A45DFA3: ("EBML", MASTER, ("",)),
    0x4286: ("EBMLVersion", UNSIGNED, ("EBML",)),
    0x42F7: ("EBMLReadVersion", UNSIGNED, ("EBML",)),
    0x42F2: ("EBMLMaxIDLength", UNSIGNED, ("EBML",)),
    0x42F3: ("EBMLMaxSizeLength", UNSIGNED, ("EBML",)),
    0x4282: ("DocType", TEXT, ("EBML",)),
    0x4287: ("DocTypeVersion", UNSIGNED, ("EBML",)),
    0x4285: ("DocTypeReadVersion", UNSIGNED, ("EBML",)),
    0x18538067: ("Segment", MASTER, ("",)),
    0x114D9B74: ("SeekHead", MASTER, ("Segment",)),
    0x4DBB: ("Seek", MASTER, ("SeekHead",)),
    0x53AB: ("SeekID", BINARY, ("Seek",)),
    0x53AC: ("SeekPosition", UNSIGNED, ("Seek",)),
    0x1549A966: ("Info", MASTER, ("Segment",)),
    0x2AD7B1: ("TimestampScale", UNSIGNED, ("Info",)),
    0x4489: ("Duration", FLOAT, ("Info",)),
    0x4461: ("DateUTC", DATE, ("Info",)),
    0x7BA9: ("Title", TEXT, ("Info",)),
    0x4D80: ("MuxingApp", TEXT, ("Info",)),
    0x5741: ("WritingApp", TEXT, ("Info",)),
    0x73A4: ("SegmentUID", BINARY, ("Info",)),
    0x1654AE6B: ("Tracks", MASTER, ("Segment",)),
    0xAE: ("TrackEntry", MASTER, ("Tracks",)),
    0xD7: ("TrackNumber", UNSIGNED, ("TrackEntry",)),
    0x73C5: ("TrackUID", UNSIGNED, ("TrackEntry",)),
    0x83: ("TrackType", UNSIGNED, ("TrackEntry",)),
    0xB9: ("FlagEnabled", UNSIGNED, ("TrackEntry",)),
    0x88: ("FlagDefault", UNSIGNED, ("TrackEntry",)),
    0x55AA: ("FlagForced", UNSIGNED, ("TrackEntry",)),
    0x9C: ("FlagLacing", UNSIGNED, ("TrackEntry",)),
    0x23E383: ("DefaultDuration", UNSIGNED, ("TrackEntry",)),
    0x536E: ("Name", TEXT, ("TrackEntry",)),
    0x22B59C: ("Language", TEXT, ("TrackEntry",)),
    0x22B59D: ("LanguageBCP47", TEXT, ("TrackEntry",)),
    0x86: ("CodecID", TEXT, ("TrackEntry",)),
    0x63A2: ("CodecPrivate", BINARY, ("TrackEntry",)),
    0x258688: ("CodecName", TEXT, ("TrackEntry",)),
    0x56AA: ("CodecDelay", UNSIGNED, ("TrackEntry",)),
    0x56BB: ("SeekPreRoll", UNSIGNED, ("TrackEntry",)),
    0xE1: ("Audio", MASTER, ("TrackEntry",)),
    0xB5: ("SamplingFrequency", FLOAT, ("Audio",)),
    0x78B5: ("OutputSamplingFrequency", FLOAT, ("Audio",)),
    0x9F: ("Channels", UNSIGNED, ("Audio",)),
    0x6264: ("BitDepth", UNSIGNED, ("Audio",)),
    0x1254C367: ("Tags", MASTER, ("Segment",)),
    0x7373: ("Tag", MASTER, ("Tags",)),
    0x63C0: ("Targets", MASTER, ("Tag",)),
    0x68CA: ("TargetTypeValue", UNSIGNED, ("Targets",)),
    0x63CA: ("TargetType", TEXT, ("Targets",)),
    0x63C5: ("TagTrackUID", UNSIGNED, ("Targets",)),
    0x67C8: ("SimpleTag", MASTER, ("Tag",)),
    0x45A3: ("TagName", TEXT, ("SimpleTag",)),
    0x447A: ("TagLanguage", TEXT, ("SimpleTag",)),
    0x4484: ("TagDefault", UNSIGNED, ("SimpleTag",)),
    0x4487: ("TagString", TEXT, ("SimpleTag",)),
    0x1F43B675: ("Cluster", MASTER, ("Segment",)),
    0xE7: ("Timestamp", UNSIGNED, ("Cluster",)),
    0xA7: ("Position", UNSIGNED, ("Cluster",)),
    0xAB: ("PrevSize", UNSIGNED, ("Cluster",)),
    0xA3: ("SimpleBlock", BINARY, ("Cluster",)),
    0x1C53BB6B: ("Cues", MASTER, ("Segment",)),
    0xBB: ("CuePoint", MASTER, ("Cues",)),
    0xB3: ("CueTime", UNSIGNED, ("CuePoint",)),
    0xB7: ("CueTrackPositions", MASTER, ("CuePoint",)),
    0xF7: ("CueTrack", UNSIGNED, ("CueTrackPositions",)),
    0xF1: ("CueClusterPosition", UNSIGNED, ("CueTrackPositions",)),
    0xF0: ("CueRelativePosition", UNSIGNED, ("CueTrackPositions",)),
    0xEC: ("Void", BINARY, (ANYWHERE,)),
    0xBF: ("CRC-32", BINARY, (ANYWHERE,)),
}


class MatroskaError(AssertionError):
    """The file breaks a rule of EBML, Matroska or the contract; the text names the rule and the byte offset."""


@dataclass
class Element:
    name: str
    kind: str
    offset: int
    value: object = None
    children: list = field(default_factory=list)

    def all(self, name):
        return [child for child in self.children if child.name == name]

    def one(self, name, default=None):
        found = self.all(name)
        return found[0].value if found else default


@dataclass
class Fragment:
    """One Cluster and the tags that stand before it."""

    tags: dict
    tags_offset: int
    offset: int
    timestamp: int
    blocks: list  # (timestamp relative to the cluster, payload)

    @property
    def pcm(self):
        return b"".join(payload for _, payload in self.blocks)

    @property
    def number(self):
        return self.tags.get("AWS_KINESISVIDEO_FRAGMENT_NUMBER")


@dataclass
class Recording:
    document_type: str
    track: Element
    timestamp_scale: int
    fragments: list
    trailing_tags: list  # dictionaries of tags that no Cluster follows
    cut_at: int | None  # offset of the element in which a partial file ends

    @property
    def pcm(self):
        return b"".join(fragment.pcm for fragment in self.fragments)

    @property
    def seconds(self):
        return len(self.pcm) / 16000

    @property
    def timeline(self):
        """The PCM with each block where its timestamp says, as a player places it; silence where nothing is."""
        placed = bytearray()
        base = self.fragments[0].timestamp if self.fragments else 0
        for fragment in self.fragments:
            for relative, payload in fragment.blocks:
                at = round((fragment.timestamp + relative - base) * self.timestamp_scale * 8e-6) * 2
                if abs(at - len(placed)) <= 16:  # timestamps are rounded to their scale
                    at = len(placed)
                placed += bytes(max(0, at - len(placed)))
                placed[at : at + len(payload)] = payload
        return bytes(placed)


class _Cut(Exception):
    def __init__(self, offset):
        self.offset = offset


class _Reader:
    def __init__(self, data, partial):
        self.data, self.partial, self.cut_at = data, partial, None

    def vint(self, at, keep_marker, longest):
        if at >= len(self.data):
            raise _Cut(at)
        first = self.data[at]
        length = 9 - first.bit_length() if first else 9
        if length > longest:
            raise MatroskaError(f"a variable-size integer longer than {longest} octets at offset {at}")
        if at + length > len(self.data):
            raise _Cut(at)
        value = int.from_bytes(self.data[at : at + length], "big")
        marker = 1 << (7 * length)
        unknown = value == (marker << 1) - 1
        return (value if keep_marker else value - marker), length, unknown

    def children(self, parent, start, end, unknown_size):
        """Reads the elements of `parent` (a name) from `start`; gives them and where they end."""
        found, at = [], start
        while at < end:
            element_start = at
            try:
                identifier, id_length, _ = self.vint(at, True, 4)
                if identifier not in ELEMENTS:
                    raise MatroskaError(f"unknown element id {identifier:#x} in {parent or 'file'} at offset {at}")
                name, kind, parents = ELEMENTS[identifier]
                if parent not in parents and ANYWHERE not in parents:
                    if unknown_size:
                        return found, at  # RFC 8794 section 6.2: an element of a higher level ends it
                    raise MatroskaError(f"{name} inside {parent or 'file'} at offset {at}")
                size, size_length, unknown = self.vint(at + id_length, False, 8)
                at += id_length + size_length
                if unknown and name not in ("Segment", "Cluster"):
                    raise MatroskaError(f"{name} at offset {element_start} has an unknown size")
                element = Element(name, kind, element_start)
                if kind == MASTER:
                    limit = end if unknown else at + size
                    if limit > end:
                        if not self.partial or end != len(self.data):
                            raise MatroskaError(f"{name} at {element_start} runs {limit - end} octets past its parent")
                        limit = end
                    found.append(element)
                    element.children, stopped = self.children(name, at, limit, unknown)
                    if self.cut_at is not None:
                        return found, stopped
                    if not unknown and stopped != at + size and limit == at + size:
                        raise MatroskaError(f"{name} at {element_start} ends at {stopped}, its size says {at + size}")
                    at = stopped
                else:
                    if at + size > end:
                        if end == len(self.data):
                            raise _Cut(element_start)
                        raise MatroskaError(f"{name} at offset {element_start} runs past its parent {parent}")
                    element.value = self.value(kind, self.data[at : at + size], name, element_start)
                    found.append(element)
                    at += size
            except _Cut:
                if not self.partial:
                    raise MatroskaError(f"the file ends inside the element at offset {element_start}") from None
                self.cut_at = element_start
                return found, element_start
        return found, at

    @staticmethod
    def value(kind, octets, name, offset):
        if kind == UNSIGNED:
            if len(octets) > 8:
                raise MatroskaError(f"{name} at offset {offset} has {len(octets)} octets")
            return int.from_bytes(octets, "big")
        if kind == FLOAT:
            if len(octets) not in (0, 4, 8):
                raise MatroskaError(f"{name} at offset {offset}: a float of {len(octets)} octets")
            return struct.unpack(">f" if len(octets) == 4 else ">d", octets)[0] if octets else 0.0
        if kind == TEXT:
            return octets.rstrip(b"\0").decode("utf-8")
        return bytes(octets)


def tag_values(tags):
    """The name/value pairs of a Tags element; TagName comes first and TagString second, as readers assume."""
    values = {}
    for tag in tags.all("Tag"):
        if any(target.all("TagTrackUID") for target in tag.all("Targets")):
            continue  # says something of a track, not of the fragment
        for simple in tag.all("SimpleTag"):
            names = [child.name for child in simple.children]
            if names[:2] != ["TagName", "TagString"]:
                raise MatroskaError(f"SimpleTag at {simple.offset} holds {names}, readers want TagName, TagString")
            name, value = simple.children[0].value, simple.children[1].value
            if name in values:
                raise MatroskaError(f"tag {name} twice in the Tags at offset {tags.offset}")
            if len(name.encode()) > 128 or len(value.encode()) > 256:
                raise MatroskaError(f"tag {name} at offset {tags.offset} is over 128/256 octets")
            values[name] = value
    if len(values) > 10:
        raise MatroskaError(f"{len(values)} tags in one fragment at offset {tags.offset}, 10 is the limit")
    return values


def _blocks(cluster, track_number):
    blocks = []
    for block in cluster.all("SimpleBlock"):
        payload = block.value
        if len(payload) < 4 or not payload[0] & 0x80:
            raise MatroskaError(f"SimpleBlock at {block.offset}: the track number must be one octet")
        if payload[0] & 0x7F != track_number:
            raise MatroskaError(f"SimpleBlock at {block.offset} is of track {payload[0] & 0x7F}")
        if payload[3] & 0x06:
            raise MatroskaError(f"SimpleBlock at {block.offset} uses lacing")
        if not payload[3] & 0x80:
            raise MatroskaError(f"SimpleBlock at {block.offset} is no key frame")
        blocks.append((struct.unpack(">h", payload[1:3])[0], payload[4:]))
    return blocks


def read_elements(data, partial=False):
    reader = _Reader(data, partial)
    top, _ = reader.children("", 0, len(data), False)
    return top, reader.cut_at


def read_recording(source, partial=False):
    """Reads one file of one call leg: an EBML header, one Segment, one audio track, Clusters with Tags before them."""
    data = source if isinstance(source, (bytes, bytearray)) else open(source, "rb").read()
    top, cut_at = read_elements(data, partial)
    names = [element.name for element in top]
    if names[:2] != ["EBML", "Segment"] or len(names) != 2:
        raise MatroskaError(f"a leg's file holds one EBML header and one Segment, not {names}")
    segment = top[1]
    tracks = [track for tracks in segment.all("Tracks") for track in tracks.all("TrackEntry")]
    if len(tracks) != 1:
        raise MatroskaError(f"{len(tracks)} tracks")
    information = segment.all("Info")
    scale = information[0].one("TimestampScale", 1_000_000) if information else 1_000_000
    fragments, waiting, trailing = [], None, []
    for element in segment.children:
        if element.name == "Tags":
            if waiting is not None:
                trailing.append(waiting[0])
            waiting = (tag_values(element), element.offset)
        elif element.name == "Cluster":
            tags, tags_offset = waiting or ({}, -1)
            waiting = None
            inside = [child.name for child in element.children if child.name not in ("CRC-32", "Void")]
            if inside[:1] != ["Timestamp"]:
                if partial and cut_at is not None and element is segment.children[-1]:
                    break
                raise MatroskaError(f"the Cluster at {element.offset} does not begin with its Timestamp")
            blocks = _blocks(element, tracks[0].one("TrackNumber"))
            fragments.append(Fragment(tags, tags_offset, element.offset, element.one("Timestamp"), blocks))
    if waiting is not None:
        trailing.append(waiting[0])
    return Recording(top[0].one("DocType"), tracks[0], scale, fragments, trailing, cut_at)


def audio_track(recording):
    """The track's members that matter, as one dictionary."""
    audio = recording.track.all("Audio")[0]
    return {
        "codec": recording.track.one("CodecID"),
        "type": recording.track.one("TrackType"),
        "name": recording.track.one("Name"),
        "private": recording.track.one("CodecPrivate"),
        "rate": audio.one("SamplingFrequency"),
        "channels": audio.one("Channels"),
        "bits": audio.one("BitDepth"),
    }
