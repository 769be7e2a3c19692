"""G.711 µ-law and A-law, written from the Recommendation's tables, and signals made of it."""

import random
import struct

SILENCE = {"u": 0xFF, "a": 0xD5}
PAYLOAD_TYPE = {"u": 0, "a": 8}


def _decode_u(code):
    code = ~code & 0xFF
    magnitude = (((code & 0x0F) << 3) + 0x84) << ((code & 0x70) >> 4)
    return 0x84 - magnitude if code & 0x80 else magnitude - 0x84


def _decode_a(code):
    code ^= 0x55
    step, segment = (code & 0x0F) << 4, (code & 0x70) >> 4
    magnitude = step + 8 if segment == 0 else (step + 0x108) << (segment - 1)
    return magnitude if code & 0x80 else -magnitude


DECODE = {"u": [_decode_u(code) for code in range(256)], "a": [_decode_a(code) for code in range(256)]}
_PACKED = {law: [struct.pack("<h", value) for value in table] for law, table in DECODE.items()}


def decode(law, codes):
    """The 16-bit little-endian PCM of G.711 `codes`; law is "u" or "a"."""
    table = _PACKED[law]
    return b"".join([table[code] for code in codes])


def encode(law, pcm):
    """The code nearest to each 16-bit sample."""
    order = sorted(range(256), key=lambda code: DECODE[law][code])
    levels = [DECODE[law][code] for code in order]
    import bisect

    codes = bytearray()
    for (sample,) in struct.iter_unpack("<h", pcm):
        at = bisect.bisect_left(levels, sample)
        near = [i for i in (at - 1, at) if 0 <= i < 256]
        codes.append(order[min(near, key=lambda i: abs(levels[i] - sample))])
    return bytes(codes)


def noise(seed, seconds):
    """Codes of a signal that is nowhere like itself, so that its place in a file can be found to the sample."""
    return random.Random(seed).randbytes(int(round(seconds * 8000)))
