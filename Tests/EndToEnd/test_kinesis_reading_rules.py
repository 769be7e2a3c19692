"""What Amazon's consumers do with a GetMedia body (contract section 1.5), done again in a few lines each.

`PythonConsumer` hands over a fragment when the next one's EBML header has come; `TagWatcher` stops at the first fragment of
another call; `Interleaver` needs the same number of bytes of both legs. None of it is the service's code or Amazon's.
"""

import threading
import time

import pytest

from kinesis import KinesisServer, LiveCall, Reader, need, need_http, recorded_call
from peer import g711, media_body, records
from peer.recorded_call import RecordedCall
from peer.rtp import assert_heard

need_http()
need("boto3")

EARLIEST = {"StartSelectorType": "EARLIEST"}
EBML = b"\x1a\x45\xdf\xa3"
MASTERS = {0x1A45DFA3, 0x18538067, 0x1549A966, 0x1654AE6B, 0xAE, 0xE1, 0x1254C367, 0x7373, 0x67C8, 0x1F43B675}
TAG_NAME, TAG_STRING, SIMPLE_BLOCK, SIMPLE_TAG = 0x45A3, 0x4487, 0xA3, 0x67C8


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    running = KinesisServer(tmp_path_factory.mktemp("kinesis")).start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def body(node):
    """A finished call's leg as GetMedia sends it: (call, bytes)."""
    call = recorded_call(node, seconds=3.5, seed=70)
    reader = Reader(node, call.streams[0], EARLIEST).begin()
    reader.finish()
    return call, bytes(reader.data)


def elements(data):
    """(id, payload or None) of every element in order, masters opened whatever their size: how a streaming parser sees them."""
    at = 0
    while at < len(data):
        length = 9 - data[at].bit_length()
        identifier = int.from_bytes(data[at:at + length], "big")
        at += length
        length = 9 - data[at].bit_length()
        size = int.from_bytes(data[at:at + length], "big") & ((1 << 7 * length) - 1)
        at += length
        if identifier in MASTERS:
            yield identifier, None
        else:
            yield identifier, data[at:at + size]
            at += size


def tags_and_blocks(data):
    tags, blocks, children = {}, [], []
    for identifier, payload in elements(data):
        if identifier == SIMPLE_TAG:
            children = []
        elif identifier in (TAG_NAME, TAG_STRING):
            children.append(payload.rstrip(b"\0").decode())
            if len(children) == 2:  # Children[0] is the name, Children[1] the value, whatever they are
                tags[children[0]] = children[1]
        elif identifier == SIMPLE_BLOCK:
            blocks.append(payload)
    return tags, blocks


class PythonConsumer:
    """Hands over what stands before an EBML header, once that header is there; what is left at the end is lost."""

    def __init__(self):
        self.buffer, self.fragments = b"", []

    def feed(self, piece):
        self.buffer += piece
        while (at := self.buffer.find(EBML, 4)) >= 0:
            self.fragments.append(self.buffer[:at])
            self.buffer = self.buffer[at:]


class TagWatcher:
    """Takes audio until a fragment's tag says that it is another call's."""

    def __init__(self, tag, value):
        self.tag, self.value, self.audio, self.stopped_by = tag, value, b"", None

    def read(self, data):
        children = []
        for identifier, payload in elements(data):
            if identifier == SIMPLE_TAG:
                children = []
            elif identifier in (TAG_NAME, TAG_STRING):
                children.append(payload.rstrip(b"\0").decode())
                if len(children) == 2 and children[0] == self.tag and children[1] != self.value:
                    self.stopped_by = children[1]
                    return
            elif identifier == SIMPLE_BLOCK:
                self.audio += payload[4:]


def test_the_last_fragment_is_delivered_to_a_consumer_that_waits_for_the_next_header(body):
    call, data = body
    consumer = PythonConsumer()
    for at in range(0, len(data), 1024):  # as it reads its StreamingBody
        consumer.feed(data[at:at + 1024])
    audio = b"".join(payload[4:] for fragment in consumer.fragments for payload in tags_and_blocks(fragment)[1])
    assert_heard(audio, call.legs[0].expected_pcm, "what the consumer handed over")
    assert audio == media_body.pcm(media_body.read_body(data)), "not a sample is lost at the end"


def test_every_fragment_has_the_three_numbers_that_the_example_parses(body):
    consumer = PythonConsumer()
    consumer.feed(body[1] + EBML)
    assert len(consumer.fragments) >= 4
    for fragment in consumer.fragments:
        tags, _ = tags_and_blocks(fragment)
        for name in (media_body.BEHIND, media_body.PRODUCER, media_body.SERVER):
            float(tags[name])


def test_blocks_have_a_track_number_of_one_octet_and_no_lacing(body):
    for payload in tags_and_blocks(body[1])[1]:
        assert payload[0] & 0x80 and 1 <= payload[0] & 0x7F <= 126 and payload[3] & 0x06 == 0
        assert len(payload) % 2 == 0 and len(payload) > 4


def test_tags_stand_before_the_cluster_name_first_and_value_second(body):
    for chunk in media_body.read_body(body[1]):
        assert chunk.order.index("Tags") < chunk.order.index("Cluster")
        assert {"TransactionId", "CallId", "VoiceConnectorId", media_body.NUMBER} <= set(chunk.tags)
    # The strict reader refuses anything but TagName and then TagString inside a SimpleTag.


def test_fragment_numbers_increase_as_strings_over_calls_and_restarts(tmp_path):
    node = KinesisServer(tmp_path).start()
    first = recorded_call(node, seconds=1.3, seed=71)
    second = recorded_call(node, seconds=1.3, seed=72)
    node.kill()
    node.start()
    third = recorded_call(node, seconds=1.3, seed=73)
    assert set(first.streams) == set(second.streams) == set(third.streams), "streams are used again"
    for stream in first.streams:
        chunks = Reader(node, stream, EARLIEST).begin().finish()
        numbers = [chunk.number for chunk in chunks]
        assert len(numbers) >= 6 and {len(number) for number in numbers} == {47}
        assert all(a < b for a, b in zip(numbers, numbers[1:])), numbers
        calls = [chunk.tags["CallId"] for chunk in chunks]
        assert [calls[0], calls[len(calls) // 2], calls[-1]] == [first.call_id, second.call_id, third.call_id]
        counters = [records.fragment_parts(number)[0] for number in numbers]
        assert {counter // 1000 for counter in counters} == {0, 1, 2}, f"each session begins a thousand: {counters}"
    node.stop()


@pytest.mark.parametrize("tag", ["TransactionId", "CallId"])
def test_the_other_calls_audio_never_reaches_a_reader_that_watches_a_tag(node, tag):
    """One GetMedia stays open while its call ends and the next one begins on the same stream within the three seconds."""
    with LiveCall(node, seed=74) as live:
        reader = Reader(node, live.streams[0], {"StartSelectorType": "NOW"}).begin()
        value = live.call.transaction if tag == "TransactionId" else live.call.call_id
        time.sleep(1.6)
        live.end()
        with LiveCall(node, seed=75) as following:
            assert live.streams[0] in following.streams, "the stream is used again"
            time.sleep(1.6)
            following.end()
        reader.finish()
        watcher = TagWatcher(tag, value)
        watcher.read(bytes(reader.data))
        other = following.call.transaction if tag == "TransactionId" else following.call.call_id
        assert watcher.stopped_by == other, "the body goes on with the next call, and the watcher sees it"
        assert_heard(watcher.audio, live.legs[0].expected_pcm[:19_200], "what was taken")
        assert_never_heard(watcher.audio, following)


def assert_never_heard(audio, call):
    """No piece of 20 ms of the call's speech is in the audio."""
    for leg in call.legs:
        sent = leg.expected_pcm
        for at in range(0, len(sent) - 320, 3200):
            assert audio.find(sent[at:at + 320]) < 0, "the other call's audio was taken"


def test_a_reader_of_a_finished_call_on_a_reused_stream_stops_at_the_next_calls_tags(node):
    first = recorded_call(node, seconds=1.5, seed=76)
    second = recorded_call(node, seconds=1.5, seed=77)
    shared = set(first.streams) & set(second.streams)
    assert shared
    stream = shared.pop()
    started = next(event for event in first.started() if records.stream_name(event) == stream)
    # As the transcription Lambda opens it: after the number in the STARTED event.
    reader = Reader(node, stream, {"StartSelectorType": "FRAGMENT_NUMBER",
                                   "AfterFragmentNumber": started["detail"]["startFragmentNumber"]}).begin()
    reader.finish()
    watcher = TagWatcher("TransactionId", first.transaction)
    watcher.read(bytes(reader.data))
    assert watcher.stopped_by == second.transaction
    assert len(watcher.audio) > 0.4 * 16000
    assert_never_heard(watcher.audio, second)


@pytest.mark.parametrize("silent", [(), (1,), (0, 1)], ids=["both speak", "one never sends", "neither sends"])
def test_both_legs_deliver_the_same_number_of_bytes_in_real_time(node, silent):
    """A consumer that interleaves the legs sample by sample stands still when one of them does."""
    with LiveCall(node, seed=78 + len(silent), silent=silent) as live:
        # As the call analytics sample does: by the number of the STARTED event, so both begin at the same moment.
        consumers = [PythonConsumerOfAudio(node, stream) for stream in live.streams]
        for consumer in consumers:
            consumer.start()
        deadline, seen = time.monotonic() + 5, []
        began = time.monotonic()
        while time.monotonic() < deadline:
            time.sleep(0.25)
            seen.append((time.monotonic() - began, *(len(consumer.audio) for consumer in consumers)))
        live.end()
        for moment, left, right in seen:
            if moment < 1.0:
                continue
            # Silence is filled in half a second behind the clock, speech is there at once.
            assert abs(left - right) <= 12_000, f"after {moment:.1f} s the legs have {left / 16000:.2f} and {right / 16000:.2f} s"
            assert min(left, right) >= (moment - 1.5) * 16000, f"after {moment:.1f} s there are {min(left, right) / 16000:.2f} s"
        for consumer in consumers:
            consumer.join(15)
        totals = [len(consumer.audio) for consumer in consumers]
        assert abs(totals[0] - totals[1]) <= 640, f"at the end the legs have {totals} bytes"


def test_a_leg_on_mute_delivers_silence_meanwhile(node):
    with RecordedCall(node, seed=82) as call:
        call.invite()
        first = call.speak([g711.noise(1, 4.5), g711.noise(2, 1.0)], wait=False)
        streams = [records.stream_name(event) for event in call.started()]
        consumers = [PythonConsumerOfAudio(node, stream) for stream in streams]
        for consumer in consumers:
            consumer.start()
        time.sleep(3.5)  # for two and a half seconds nothing came on the second leg
        left, right = (len(consumer.audio) for consumer in consumers)
        assert abs(left - right) <= 12_000, f"{left} and {right} bytes while one leg was mute"
        first.finish()
        call.bye()
        call.ended()
        for consumer in consumers:
            consumer.join(15)


class PythonConsumerOfAudio(threading.Thread):
    """Reads a stream from its first fragment of this session and counts the audio as it comes."""

    def __init__(self, node, stream):
        super().__init__(daemon=True)
        self.reader = Reader(node, stream, {"StartSelectorType": "NOW"})
        self.audio, self._call = b"", None

    def run(self):
        self.reader.begin()
        while self.reader.is_alive():
            time.sleep(0.05)
            self._count()
        self._count()

    def _count(self):
        try:
            chunks = media_body.read_body(bytes(self.reader.data), partial=True)
        except AssertionError:
            return  # cut in the middle of the first header
        self.audio = media_body.pcm(chunks)


def test_a_consumer_that_opens_again_with_now_after_the_end_hears_nothing_old(node):
    """The call analytics sample opens GetMedia again one second after each end of a body, until ENDED has been handled."""
    call = recorded_call(node, seconds=1.5, seed=83)
    reader = Reader(node, call.streams[0], {"StartSelectorType": "NOW"}).begin()
    reader.join(10)
    heard = media_body.pcm(media_body.read_body(reader.data)) if reader.data else b""
    assert len(heard) <= 1.1 * 16000, f"{len(heard) / 16000:.1f} s of a call that was over"
