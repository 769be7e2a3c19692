"""A full disk while GetMedia is read and PutMedia is written: readers go on, and nothing acknowledged is lost."""

import json
import random
import threading
import time
from types import SimpleNamespace

import pytest

import stored
from kinesis import KinesisServer, Reader, need, need_http, stream_names
from peer import g711, matroska, media_body
from peer.producer import Producer, cluster, header
from peer.recorded_call import RecordedCall
from test_disk_full import fill, free_space, grow_until_full, mounted

need_http()
need("boto3")

PUT = "put-by-the-test"
NOW, EARLIEST = {"StartSelectorType": "NOW"}, {"StartSelectorType": "EARLIEST"}


class PatientReader(threading.Thread):
    """Opens GetMedia again where a body has ended, with the token of its last whole fragment, as consumers do until ENDED."""

    def __init__(self, node, stream, selector, header=None):
        super().__init__(daemon=True)
        self.node, self.stream, self.selector, self.header = node, stream, selector, header
        self.chunks, self.bodies, self.moments, self.failure = {}, 0, [], None
        self.call_is_over = threading.Event()

    def run(self):
        try:
            while True:
                was_over = self.call_is_over.is_set()
                reader = Reader(self.node, self.stream, self.selector, header=self.header).begin()
                chunks = reader.finish(60)
                self.bodies += 1
                self.moments += [moment for moment, _ in reader.moments]
                for before, after in zip(chunks, chunks[1:]):
                    assert before.number < after.number, "fragment numbers must increase as strings"
                for chunk in chunks:
                    # A body that ended while nothing came may end in the middle of a fragment; the next one has all of it.
                    if len(chunk.pcm) >= len(self.chunks.get(chunk.number, b"")):
                        self.chunks[chunk.number] = chunk.pcm
                if was_over:
                    return
                tokens = [chunk.trailer[media_body.TOKEN] for chunk in chunks if media_body.TOKEN in chunk.trailer]
                if tokens:
                    self.selector = {"StartSelectorType": "CONTINUATION_TOKEN", "ContinuationToken": tokens[-1]}
        except Exception as failure:  # looked at by the test
            self.failure = failure

    @property
    def pcm(self):
        return b"".join(self.chunks[number] for number in sorted(self.chunks))


def part(seed):
    return random.Random(seed).randbytes(1600)


class Putter(threading.Thread):
    """Ten fragments of 100 ms a second; begins again where the service refuses one, and notes what is acknowledged."""

    def __init__(self, node):
        super().__init__(daemon=True)
        self.node, self.stopping, self.persisted, self.errors, self.count = node, threading.Event(), {}, [], 0

    def run(self):
        while not self.stopping.is_set():
            sent = {}
            try:
                with Producer(self.node, PUT) as producer:
                    producer.send(header())
                    while not self.stopping.wait(0.1) and not producer.is_over.is_set():
                        moment = int(time.time() * 1000)
                        sent[moment] = part(self.count)
                        producer.send(cluster(moment, [(1, 0, sent[moment][:800]), (1, 50, sent[moment][800:])]))
                        self.count += 1
                    if not producer.is_over.is_set():
                        producer.finish()
                        producer.is_over.wait(8)
                    self.take(producer, sent)
            except OSError:
                self.take(producer, sent)
            self.stopping.wait(0.2)

    def take(self, producer, sent):
        for line in producer.lines:
            if line["EventType"] == "PERSISTED":
                self.persisted[line["FragmentNumber"]] = sent[line["FragmentTimecode"]]
            elif line["EventType"] == "ERROR":
                self.errors.append(line)


@pytest.fixture(scope="module", params=[1.0, 6.5], ids=["for a second", "for longer than audio is kept in memory"])
def run(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("full")
    with mounted(folder / "disk") as disk:
        node = KinesisServer(folder / "server", data=disk / "data").start()
        try:
            found = fill_while_they_read(node, disk, request.param)
            node.kill()  # what was acknowledged is there, whatever comes
            node.start()
            found.listed = stored.fragments(node, PUT)
            found.read = stored.audio(node, PUT, sorted(found.putter.persisted))
            found.objects = [json.loads(path.read_bytes()) for path in node.data.glob("objects/*SDRs/**/*_*")]
            node.stop()
            found.verified = stored.verify(node)
            found.log = node.log.read_text()
        finally:
            node.destroy()
    return found


def fill_while_they_read(node, disk, seconds):
    status, _, body = node.signed("/createStream", {"StreamName": PUT, "DataRetentionInHours": 24})
    assert status == 200, body
    with RecordedCall(node, seed=720) as call:
        call.invite()
        speaker = call.speak([g711.noise(721, seconds + 6), g711.noise(722, seconds + 6)], wait=False)
        paths, streams = call.files(), stream_names(call)
        readers = [PatientReader(node, streams[0], NOW), PatientReader(node, streams[1], EARLIEST),
                   PatientReader(node, streams[0], EARLIEST, {"x-earshot-fragments": "whole"})]
        putter = Putter(node)
        for thread in (*readers, putter):
            thread.start()
        time.sleep(1.5)
        ballast = fill(disk, 30_000)
        deadline = time.monotonic() + 4
        while free_space(disk) > 4096:
            assert time.monotonic() < deadline, "the recorder does not write"
            time.sleep(0.02)
        grow_until_full(ballast)
        full = time.monotonic()
        time.sleep(seconds)
        up = node.alive() and node.signed("/listStreams", {})[0] == 200
        ballast.unlink()
        free = time.monotonic()
        speaker.finish()
        putter.stopping.set()
        call.bye()
        call.ended()
        for reader in readers:
            reader.call_is_over.set()
        for thread in (*readers, putter):
            thread.join(30)
            assert not thread.is_alive(), "a reader or the producer has not ended"
        return SimpleNamespace(seconds=seconds, up=up, full=full, free=free, readers=readers, putter=putter,
                               recorded=[matroska.read_recording(path).pcm for path in paths], sdr=call.record("SDR")[1])


def test_readers_go_on_and_get_what_the_recording_has(run):
    assert run.up, "the service answers meanwhile"
    for number, reader in enumerate(run.readers):
        assert reader.failure is None, f"reader {number}: {reader.failure!r}"
        recorded = run.recorded[number % 2]
        heard = reader.pcm
        assert len(heard) > (run.seconds + 5) * 16000, f"reader {number} heard {len(heard) / 16000:.1f} s in {reader.bodies} bodies"
        assert recorded.endswith(heard), f"reader {number} heard something else than was recorded"
        assert any(moment > run.free + 0.5 for moment in reader.moments), "audio came again"


def test_what_putmedia_acknowledged_is_there_after_the_next_start(run):
    putter = run.putter
    assert len(putter.persisted) >= 20, f"{len(putter.persisted)} of {putter.count} were acknowledged; {putter.errors[:2]}"
    numbers = {row["FragmentNumber"] for row in run.listed}
    assert set(putter.persisted) <= numbers, f"{len(set(putter.persisted) - numbers)} acknowledged fragments are gone"
    wrong = [number for number, part in putter.persisted.items() if run.read.get(number) != part]
    assert not wrong, f"{len(wrong)} of {len(putter.persisted)} acknowledged fragments are not as they were sent: {wrong[:3]}"


def test_verify_is_clean_and_the_record_says_what_was_lost(run):
    assert run.verified.code == 0, run.verified.bad
    assert "No space left" in run.log
    lost = [leg["WriterLostMilliseconds"] for leg in run.sdr["Legs"]]
    assert all(0 <= one <= (run.seconds - 4) * 1000 + 500 if run.seconds > 5 else one <= 1500 for one in lost), lost
