"""RTCP of a far end: sender reports with an NTP clock of the test's own, and a reader of what the service sends."""

import struct
from dataclasses import dataclass, field

NTP_OFFSET = 2_208_988_800  # 1900 to 1970, seconds


def ntp(seconds):
    """The 64-bit NTP time of seconds since 1970."""
    whole = int(seconds)
    return (whole + NTP_OFFSET) << 32 | int((seconds - whole) * (1 << 32))


def description(ssrc, name=b"peer@client.test"):
    items = bytes([1, len(name)]) + name
    items += bytes(4 - len(items) % 4)
    return struct.pack("!BBHI", 0x81, 202, 1 + len(items) // 4, ssrc) + items


def sender_report(ssrc, time, timestamp, packets, octets, blocks=b""):
    """A compound: sender report with `blocks` of 24 octets, and a source description."""
    count = len(blocks) // 24
    return struct.pack("!BBHIQIII", 0x80 | count, 200, 6 + count * 6, ssrc, ntp(time), timestamp & 0xFFFFFFFF, packets,
                       octets) + blocks + description(ssrc)


def block(ssrc, fraction=0, lost=0, highest=0, jitter=0, last=0, delay=0):
    return struct.pack("!IIIIII", ssrc, fraction << 24 | lost & 0xFFFFFF, highest, jitter, last, delay)


def goodbye(ssrc):
    return struct.pack("!BBHI", 0x80, 201, 1, ssrc) + description(ssrc) + struct.pack("!BBHI", 0x81, 203, 1, ssrc)


def voip_metrics(ssrc, source, loss=0, discard=0, round_trip=0, mos=40):
    """A compound with one XR VoIP metrics block (RFC 3611 section 4.7)."""
    body = struct.pack("!IBBBBHHHHBBBBBBBBBBHHH", source, loss, discard, 0, 0, 0, 0, round_trip, 0, 127, 127, 127, 16, 93, 127,
                       mos, mos, 0x30, 0, 40, 40, 200)
    block_ = struct.pack("!BBH", 7, 0, 8) + body
    return struct.pack("!BBHI", 0x80, 201, 1, ssrc) + description(ssrc) + struct.pack(
        "!BBHI", 0x80, 207, 1 + len(block_) // 4, ssrc) + block_


@dataclass
class Report:
    """What a compound says."""

    ssrc: int
    blocks: dict = field(default_factory=dict)  # SSRC reported on: (fraction, lost, highest, jitter, last, delay)
    types: list = field(default_factory=list)
    name: bytes = b""
    goodbye: bool = False


def read(compound):
    """Reads a compound, strictly (RFC 3550 section 6.1): a report first, a CNAME in it, every length right."""
    assert len(compound) % 4 == 0 and len(compound) >= 8, f"a compound of {len(compound)} octets"
    report, at = None, 0
    while at < len(compound):
        first, kind, words = struct.unpack("!BBH", compound[at:at + 4])
        end = at + 4 * (words + 1)
        assert first >> 6 == 2 and end <= len(compound), f"packet at {at} of {len(compound)} is broken: {compound.hex()}"
        part = compound[at:end]
        if report is None:
            assert kind in (200, 201), f"a compound begins with a report, not with {kind}"
            report = Report(struct.unpack("!I", part[4:8])[0])
        report.types.append(kind)
        if kind in (200, 201):
            offset = 28 if kind == 200 else 8
            for number in range(first & 31):
                words_ = struct.unpack("!IIIIII", part[offset + number * 24:offset + number * 24 + 24])
                report.blocks[words_[0]] = (words_[1] >> 24, words_[1] & 0xFFFFFF, *words_[2:])
        elif kind == 202 and first & 31:
            assert part[8] == 1, "the first item is the CNAME"
            report.name = part[10:10 + part[9]]
        elif kind == 203:
            report.goodbye = True
        at = end
    assert report.name, f"a compound without CNAME: {compound.hex()}"
    return report
