"""Takes a GetMedia body apart while it arrives: which fragment, its tags, its audio.

Any Matroska library does this for whole files; live audio wants each block when it is there. EBML is simple enough: an id, a
size, and then either payload or further elements.
"""

import struct
from dataclasses import dataclass, field

MASTERS = {0x18538067, 0x1654AE6B, 0xAE, 0xE1, 0x1254C367, 0x7373, 0x67C8, 0x1F43B675}  # opened, not skipped
EBML, TAG_NAME, TAG_STRING = 0x1A45DFA3, 0x45A3, 0x4487
CLUSTER, SIMPLE_BLOCK, SIMPLE_TAG, CODEC, RATE = 0x1F43B675, 0xA3, 0x67C8, 0x86, 0xB5
LONGEST = 64 << 20  # bytes of one element that would still be waited for

NUMBER, PRODUCED = "AWS_KINESISVIDEO_FRAGMENT_NUMBER", "AWS_KINESISVIDEO_PRODUCER_TIMESTAMP"
ERROR = "AWS_KINESISVIDEO_ERROR_CODE"


class MediaError(Exception):
    """The body is no Matroska of PCM; the text says where and why."""


@dataclass
class Fragment:
    """What is known of the fragment that is arriving."""

    codec: str = ""
    rate: int = 8000
    tags: dict = field(default_factory=dict)
    has_audio: bool = False

    @property
    def number(self):
        return self.tags.get(NUMBER)

    @property
    def produced(self):
        """When its first sample was spoken, seconds since 1970."""
        return float(self.tags.get(PRODUCED, 0))


class MediaParser:
    """Feed it pieces of any size; it gives (fragment, audio) for each block, in order."""

    def __init__(self):
        self._buffer = bytearray()
        self._fragment = Fragment()
        self._name = None
        self._behind_cluster = False

    def feed(self, piece):
        self._buffer += piece
        while (found := self._head()) is not None:
            identifier, size, length = found
            if identifier in MASTERS:
                del self._buffer[:length]
                if identifier == CLUSTER:
                    self._behind_cluster = True
                    if ERROR in self._fragment.tags:
                        raise MediaError(f"the service sent an error fragment: {self._fragment.tags[ERROR]}")
                continue
            if size is None or size > LONGEST:
                raise MediaError(f"element {identifier:#x} has no usable size")
            if len(self._buffer) < length + size:
                return
            payload = bytes(self._buffer[length:length + size])
            del self._buffer[:length + size]
            if identifier == EBML:  # each fragment begins with one
                self._fragment, self._behind_cluster = Fragment(), False
            elif identifier == CODEC:
                self._fragment.codec = payload.rstrip(b"\0").decode("ascii", "replace")
            elif identifier == RATE:
                self._fragment.rate = int(struct.unpack(">f" if size == 4 else ">d", payload)[0])
            elif identifier == TAG_NAME:
                self._name = payload.rstrip(b"\0").decode("utf-8", "replace")
            elif identifier == TAG_STRING and self._name and not self._behind_cluster:
                self._fragment.tags[self._name] = payload.rstrip(b"\0").decode("utf-8", "replace")
            elif identifier == SIMPLE_BLOCK:
                if not self._fragment.codec.startswith("A_PCM/INT/LIT"):
                    raise MediaError(f"the stream holds {self._fragment.codec}; set its connector's streaming.format to pcm")
                self._fragment.has_audio = True
                yield self._fragment, payload[4:]  # track number, time, flags

    def _head(self):
        """(id, size or None, octets of both) of the next element; None while it is not all there."""
        numbers, at = [], 0
        for keep_marker in (True, False):
            if at >= len(self._buffer):
                return None
            first = self._buffer[at]
            if first == 0:
                raise MediaError("the body is no Matroska")
            length = 9 - first.bit_length()
            if at + length > len(self._buffer):
                return None
            value = int.from_bytes(self._buffer[at:at + length], "big")
            marker = 1 << 7 * length
            if not keep_marker:
                value = None if value == (marker << 1) - 1 else value - marker
            numbers.append(value)
            at += length
        return numbers[0], numbers[1], at
