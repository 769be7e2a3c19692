"""One real call watched from outside while it runs: what test_main_job.py and test_stream_files.py look at."""

import json
import subprocess
import threading
import time
from dataclasses import dataclass, field
from types import SimpleNamespace

from peer import g711, matroska, records
from peer.recorded_call import RecordedCall
from peer.server import EarshotServer

SECONDS = 5.0


@dataclass
class Evidence:
    server: EarshotServer
    call: RecordedCall = None
    second: RecordedCall = None
    writes: list = field(default_factory=list)  # per leg: moments (seconds) at which the file grew
    probes: list = field(default_factory=list)  # ffprobe and mkvinfo of a growing file
    glimpse: list = field(default_factory=list)  # per leg: (recording read while it grew, seconds since STARTED)
    tail: object = None


def probe(path):
    """ffprobe's and mkvinfo's view of a file."""
    seen = subprocess.run(["ffprobe", "-v", "error", "-of", "json", "-show_entries",
                           "format=format_name:stream=codec_name,sample_rate,channels,bits_per_sample", str(path)],
                          capture_output=True, text=True, timeout=20)
    listed = subprocess.run(["mkvinfo", str(path)], capture_output=True, text=True, timeout=20)
    return SimpleNamespace(code=seen.returncode, errors=seen.stderr, found=json.loads(seen.stdout or "{}"),
                           mkvinfo_code=listed.returncode, mkvinfo=listed.stdout)


def decode_with_ffmpeg(path):
    """The PCM that ffmpeg makes of a file."""
    return subprocess.run(["ffmpeg", "-v", "error", "-i", str(path), "-f", "s16le", "-ar", "8000", "-ac", "1", "pipe:1"],
                          capture_output=True, timeout=20, check=True).stdout


class GrowthWatch(threading.Thread):
    """Notes each moment at which one of the files was written, by its modification time (nanoseconds)."""

    def __init__(self, paths):
        super().__init__(daemon=True)
        self.paths, self.moments, self.stopping = paths, [[] for _ in paths], threading.Event()

    def run(self):
        last = [None] * len(self.paths)
        while not self.stopping.wait(0.008):
            for index, path in enumerate(self.paths):
                status = path.stat()
                if (status.st_size, status.st_mtime_ns) != last[index]:
                    last[index] = (status.st_size, status.st_mtime_ns)
                    self.moments[index].append(status.st_mtime_ns / 1e9)

    def finish(self):
        self.stopping.set()
        self.join(5)
        return self.moments


def watch_call(server):
    """A call of five seconds, then one of a second and a half on the same server; gives the evidence."""
    found = Evidence(server)
    call = found.call = RecordedCall(server, law="u", seed=3)
    call.invite()
    speaker = call.speak([g711.noise(31, SECONDS), g711.noise(32, SECONDS)], wait=False)
    started = call.started()
    paths = call.files()
    found.tail = subprocess.Popen(
        [server.binary, "tail", records.stream_name(started[0]), "--data", server.data, "--wav", server.folder / "live.wav"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    watch = GrowthWatch(paths)
    watch.start()
    threading.Event().wait(3.0)  # the watched part of the call
    found.writes = watch.finish()
    for index, path in enumerate(paths):
        data = path.read_bytes()
        age = time.time() - records.parse_time(started[index]["detail"]["startTime"])
        found.glimpse.append((matroska.read_recording(data, partial=True), age))
        found.probes.append(probe(path))
    speaker.finish()
    call.bye()
    call.ended()
    try:
        found.tail.communicated = found.tail.communicate(timeout=10)[0]
    except subprocess.TimeoutExpired:
        found.tail.kill()
        found.tail.communicated = found.tail.communicate()[0]
        found.tail.returncode = "still running 10 s after the call"
    call.record("CDR")
    second = found.second = RecordedCall(server, law="a", seed=4)
    second.invite()
    second.speak([g711.noise(41, 1.5), g711.noise(42, 1.5)])
    second.bye()
    second.ended()
    return found
