"""Live forwarding to Kinesis Video Streams: from one Earshot into another one's PutMedia, with kills at both ends."""

import socket
import threading
import time
from collections import Counter

import pytest

from kinesis import KinesisServer, need, need_http
from peer import g711, matroska, media_body, records
from peer.recorded_call import RecordedCall
from targets import delivering, eventually, free_port

need_http()
need("boto3")

PREFIX = "copy-"


class LaggingLine:
    """A TCP proxy whose way back is late by some seconds: acknowledgments are under way for so long."""

    def __init__(self, target, lag):
        self.target, self.lag, self.closing = target, lag, threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = "http://127.0.0.1:%d" % self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self):
        self.closing.set()
        self.listener.close()

    def _accept(self):
        while not self.closing.is_set():
            try:
                near = self.listener.accept()[0]
                far = socket.create_connection(self.target(), 5)
            except OSError:
                continue
            threading.Thread(target=self._pump, args=(near, far, 0), daemon=True).start()
            threading.Thread(target=self._pump, args=(far, near, self.lag), daemon=True).start()

    def _pump(self, source, sink, lag):
        try:
            while data := source.recv(65536):
                if lag:
                    # In order, as all wait for as long.
                    timer = threading.Timer(lag, self._send, (sink, data))
                    timer.daemon = True
                    timer.start()
                else:
                    sink.sendall(data)
        except OSError:
            pass
        time.sleep(lag)
        for one in (source, sink):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    @staticmethod
    def _send(sink, data):
        try:
            sink.sendall(data)
        except OSError:
            pass


@pytest.fixture
def far(tmp_path):
    running = KinesisServer(tmp_path / "far", http={"port": free_port()}).start()
    running.key()
    yield running
    running.stop()


@pytest.fixture
def line(far):
    made = LaggingLine(lambda: far.http, 0.7)
    yield made
    made.stop()


def near_server(folder, far, url):
    key = far.key()
    delivery = {"kinesisVideo": {"endpoint": url, "region": "us-east-1", "accessKeyId": key["accessKeyId"],
                                 "secretAccessKey": key["secretAccessKey"], "streamPrefix": PREFIX}}
    return delivering(folder, delivery, targets=(), forwardToKinesisVideo=True)


def local_fragments(near, stream):
    """[(producer time in ms, PCM)] of a stream's sessions, as they lie on the near disk."""
    found = []
    for path in records.leg_files(near, stream):
        recording = matroska.read_recording(path, partial=True)
        found += [(round(float(one.tags["AWS_KINESISVIDEO_PRODUCER_TIMESTAMP"]) * 1000), one.pcm)
                  for one in recording.fragments if one.blocks]
    return found


def far_fragments(far, stream):
    """The same of what the far end gives, by ListFragments and GetMediaForFragmentList."""
    client, rows = far.archived(), []
    for page in client.get_paginator("list_fragments").paginate(StreamName=PREFIX + stream):
        rows += page["Fragments"]
    rows.sort(key=lambda row: row["FragmentNumber"])
    body = client.get_media_for_fragment_list(StreamName=PREFIX + stream, Fragments=[row["FragmentNumber"] for row in rows])
    chunks = media_body.read_body(body["Payload"].read())
    return [(round(row["ProducerTimestamp"].timestamp() * 1000), chunk.pcm) for row, chunk in zip(rows, chunks)]


def check_copy(near, far, streams):
    """Every fragment once, none missing, each sample the same."""
    for stream in streams:
        wanted = local_fragments(near, stream)
        eventually(lambda: f"{len(wanted)} fragments of {stream}, there are {len(far_fragments(far, stream))}\n{near.tail()}",
                   lambda: len(far_fragments(far, stream)) >= len(wanted), 40)
        found = far_fragments(far, stream)
        twice = [timecode for timecode, count in Counter(timecode for timecode, _ in found).items() if count > 1]
        assert not twice, f"sent twice: {twice} of {len(found)}"
        assert [timecode for timecode, _ in found] == [timecode for timecode, _ in wanted]
        assert found == wanted, "the samples"


def talk(near, seed, seconds):
    call = RecordedCall(near, seed=seed)
    call.invite()
    call.speaker = call.speak([g711.noise(seed * 2, seconds), g711.noise(seed * 2 + 1, seconds)], wait=False)
    call.streams = [records.stream_name(event) for event in call.started()]
    return call


def wait_until_forwarded(near, count):
    """Legs that are through have no cursor any more."""
    eventually(near.tail, lambda: not list((near.data / "delivery" / "kinesisVideo").glob("*.json")), 40)
    assert (near.data / "delivery" / "dead" / "kinesisVideo.jsonl").exists() is False, near.tail()


def test_a_kill_of_the_recorder_sends_no_fragment_twice_and_leaves_none_out(far, line, tmp_path):
    """Three calls, each ended by a kill while acknowledgments are under way; then one that ends as it should."""
    near = near_server(tmp_path / "near", far, line.url).start()
    streams = set()
    for seed, seconds in ((8001, 2.35), (8002, 3.1), (8003, 3.8)):
        with talk(near, seed, seconds + 2) as call:
            streams.update(call.streams)
            eventually(near.tail, lambda: len(list((near.data / "delivery" / "kinesisVideo").glob("*.json"))) >= 2, 10)
            time.sleep(seconds)
            near.kill()
            call.speaker.stop()
        near.start()
        records.wait_for_events(near, "ENDED", call.call_id, 2, 10)
        wait_until_forwarded(near, 2)
    with talk(near, 8004, 2.2) as call:
        streams.update(call.streams)
        call.speaker.finish()
        call.bye()
        call.ended()
    wait_until_forwarded(near, 2)
    check_copy(near, far, streams)
    modes = {path.stat().st_mode & 0o077 for path in (near.data / "delivery").rglob("*")}
    assert modes == {0}
    near.stop()


def test_a_kill_of_the_far_end_sends_no_fragment_twice_and_leaves_none_out(far, tmp_path):
    near = near_server(tmp_path / "near", far, far.url).start()
    with talk(near, 8011, 9.0) as call:
        for pause in (2.3, 2.6):
            time.sleep(pause)
            far.kill()
            time.sleep(0.5)
            far.start()
        call.speaker.finish()
        call.bye()
        call.ended()
    wait_until_forwarded(near, 2)
    check_copy(near, far, call.streams)
    near.stop()


def test_an_orderly_restart_in_the_middle_of_forwarding_cuts_no_fragment(far, line, tmp_path):
    near = near_server(tmp_path / "near", far, line.url).start()
    with talk(near, 8021, 6.0) as call:
        time.sleep(2.4)
        near.stop()
        call.speaker.stop()
    near.start()
    wait_until_forwarded(near, 2)
    check_copy(near, far, call.streams)
    near.stop()
