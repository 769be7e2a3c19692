"""Encoded audio of other codecs than G.711, and what a decoder makes of it: ffmpeg does both, none of the service's code."""

import json
import math
import random
import struct
import subprocess


def speech(seed, seconds, rate):
    """Samples like speech: voiced stretches of changing pitch and loudness, and pauses; 16-bit little-endian PCM."""
    generator, samples, phase = random.Random(seed), [], 0.0
    while len(samples) < seconds * rate:
        pitch, loud = generator.uniform(90, 260), generator.choice([0, 2500, 6000, 9000])
        for _ in range(int(rate * generator.uniform(0.1, 0.3))):
            phase += 2 * math.pi * pitch / rate
            samples.append(int(loud * (math.sin(phase) + 0.5 * math.sin(3 * phase) + 0.25 * math.sin(7 * phase)) / 1.75))
    samples = samples[:int(seconds * rate)]
    return struct.pack(f"<{len(samples)}h", *samples)


def _ffmpeg(*arguments, data=b""):
    return subprocess.run(["ffmpeg", "-v", "error", *arguments], input=data, capture_output=True, timeout=60,
                          check=True).stdout


def g722_packets(pcm, milliseconds=20):
    """RTP payloads of 16 kHz PCM: 8 octets a millisecond."""
    coded = _ffmpeg("-f", "s16le", "-ar", "16000", "-ac", "1", "-i", "pipe:0", "-c:a", "g722", "-f", "g722", "pipe:1", data=pcm)
    size = milliseconds * 8
    return [coded[at:at + size] for at in range(0, len(coded) - size + 1, size)]


def decode_g722(packets):
    """The 16 kHz PCM that ffmpeg decodes."""
    return _ffmpeg("-f", "g722", "-i", "pipe:0", "-f", "s16le", "-ar", "16000", "-ac", "1", "pipe:1", data=b"".join(packets))


def opus_packets(pcm, rate=16000, milliseconds=20, options=()):
    """RTP payloads of PCM, out of the Ogg stream that ffmpeg writes (RFC 3533, RFC 7845)."""
    stream = _ffmpeg("-f", "s16le", "-ar", str(rate), "-ac", "1", "-i", "pipe:0", "-c:a", "libopus", "-application", "voip",
                     "-frame_duration", str(milliseconds), "-b:a", "32k", *options, "-f", "ogg", "pipe:1", data=pcm)
    return ogg_packets(stream)[2:]  # behind OpusHead and OpusTags


def ogg_packets(stream):
    packets, held, at = [], b"", 0
    while at + 27 <= len(stream):
        assert stream[at:at + 4] == b"OggS", f"no page at {at}"
        count = stream[at + 26]
        table = stream[at + 27:at + 27 + count]
        at += 27 + count
        for size in table:
            held += stream[at:at + size]
            at += size
            if size < 255:
                packets.append(held)
                held = b""
    return packets


def decode_file(path, rate):
    """The PCM that ffmpeg makes of a recording, mono."""
    return _ffmpeg("-i", str(path), "-f", "s16le", "-ar", str(rate), "-ac", "1", "pipe:1")


def probe(path):
    """{codec_name, sample_rate, channels} and how many seconds of audio ffprobe finds."""
    found = json.loads(subprocess.run(
        ["ffprobe", "-v", "error", "-of", "json", "-show_streams", "-show_packets", str(path)], capture_output=True, text=True,
        timeout=30, check=True).stdout)
    stream = found["streams"][0]
    stream["packets"] = found.get("packets", [])
    return stream


def envelope(pcm, rate, milliseconds=20):
    """The loudness of each frame, for codecs that do not give samples back as they were."""
    values = struct.unpack(f"<{len(pcm) // 2}h", pcm[:len(pcm) // 2 * 2])
    size = rate * milliseconds // 1000
    return [math.sqrt(sum(value * value for value in values[at:at + size]) / size)
            for at in range(0, len(values) - size + 1, size)]


def best_offset(recorded, sent):
    """Where `sent` fits best into `recorded` (lists of loudness): (offset, correlation)."""
    best = (0, -1.0)
    mean = sum(sent) / len(sent)
    energy = math.sqrt(sum((value - mean) ** 2 for value in sent))
    for offset in range(0, max(1, len(recorded) - len(sent) + 1)):
        part = recorded[offset:offset + len(sent)]
        if len(part) < len(sent):
            break
        middle = sum(part) / len(part)
        spread = math.sqrt(sum((value - middle) ** 2 for value in part))
        if not energy or not spread:
            continue
        fit = sum((a - middle) * (b - mean) for a, b in zip(part, sent)) / (energy * spread)
        if fit > best[1]:
            best = (offset, fit)
    return best
