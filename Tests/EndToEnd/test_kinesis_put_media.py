"""PutMedia with a producer of our own (peer/producer.py): acknowledgments, reading back, errors of the wire."""

import hashlib
import random
import subprocess
import time
import uuid

import pytest

from kinesis import KinesisServer, Reader, need, need_http, read_now
from peer import media_body
from peer.producer import Producer, cluster, fragment, header, tags

need_http()
need("boto3")

EARLIEST = {"StartSelectorType": "EARLIEST"}


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    running = KinesisServer(tmp_path_factory.mktemp("kinesis")).start()
    yield running
    running.stop()


@pytest.fixture
def stream(node):
    name = "put-" + uuid.uuid4().hex[:12]
    node.video().create_stream(StreamName=name, DataRetentionInHours=1, MediaType="audio/L16")
    return name


def noise(seed, seconds=1.0):
    return random.Random(seed).randbytes(int(seconds * 8000) * 2)


def now():
    return int(time.time() * 1000)


def test_fragments_are_acknowledged_and_read_back_as_they_were_put(node, stream):
    start, pcm = now() - 4000, [noise(seed) for seed in range(4)]
    with Producer(node, stream) as producer:
        producer.send(header())
        for index, part in enumerate(pcm):
            producer.send(fragment(start + index * 1000, part, pairs=[("CallId", f"call-{index}"), ("ö", "ü€")]))
            producer.wait_for("PERSISTED", index + 1)
        producer.finish()
        lines = producer.acknowledgments()
    assert producer.status == 200
    assert [line["EventType"] for line in lines] == ["BUFFERING", "RECEIVED", "PERSISTED"] * 4
    assert [line["FragmentTimecode"] for line in lines[::3]] == [start + index * 1000 for index in range(4)]
    numbers = [line["FragmentNumber"] for line in lines[2::3]]
    assert all(lines[3 * index]["FragmentNumber"] == lines[3 * index + 1]["FragmentNumber"] == numbers[index] for index in range(4))
    chunks = media_body.audio_chunks(read_now(node, stream, EARLIEST))
    assert [chunk.number for chunk in chunks] == numbers
    assert [chunk.pcm for chunk in chunks] == pcm
    for index, chunk in enumerate(chunks):
        assert (chunk.tags["CallId"], chunk.tags["ö"]) == (f"call-{index}", "ü€")
        assert abs(chunk.producer * 1000 - (start + index * 1000)) < 1
    listed = node.archived().list_fragments(StreamName=stream)["Fragments"]
    assert sorted(row["FragmentNumber"] for row in listed) == numbers
    assert {round(row["FragmentLengthInMilliseconds"], -1) for row in listed} == {1000}


def test_relative_timecodes_count_from_the_producers_start(node, stream):
    # Three digits are milliseconds; Amazon's C producers print 5 ms as ".5".
    for text, milliseconds in [("1700000000.250", 1_700_000_000_250), ("1700000100.5", 1_700_000_100_005)]:
        with Producer(node, stream, timecodes="RELATIVE", start=text) as producer:
            producer.send(header() + fragment(0, noise(1)) + fragment(1000, noise(2)))
            producer.finish()
            numbers = [line["FragmentNumber"] for line in producer.acknowledgments() if line["EventType"] == "PERSISTED"]
        found = {chunk.number: chunk for chunk in read_now(node, stream, EARLIEST)}
        assert [round(found[one].producer * 1000) for one in numbers] == [milliseconds, milliseconds + 1000]


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_pieces_of_any_size_and_clusters_of_unknown_size(node, stream, size):
    start = now()
    body = header() + fragment(start, noise(3, 0.3), unknown=True) + fragment(start + 300, noise(4, 0.3), unknown=True)
    with Producer(node, stream) as producer:
        producer.send(body, size)
        producer.finish()
        assert [line["EventType"] for line in producer.acknowledgments()] == ["BUFFERING", "RECEIVED", "PERSISTED"] * 2
    assert media_body.pcm(media_body.audio_chunks(read_now(node, stream, EARLIEST))) == noise(3, 0.3) + noise(4, 0.3)


def test_a_reader_follows_a_producer_live(node, stream):
    reader = Reader(node, stream, {"StartSelectorType": "NOW"}).begin()
    with Producer(node, stream) as producer:
        producer.send(header())
        sent = []
        for index in range(3):
            moment = time.monotonic()
            producer.send(fragment(now(), noise(10 + index), pairs=[("CallId", "live")]))
            producer.wait_for("RECEIVED", index + 1)
            sent.append(moment)
            time.sleep(0.7)
        producer.finish()
    chunks = media_body.audio_chunks(reader.finish())
    assert [chunk.pcm for chunk in chunks] == [noise(10 + index) for index in range(3)]
    first = reader.moments[0][0]
    assert first - sent[0] < 1.0, f"the reader had the first fragment {first - sent[0]:.2f} s after it was put"


def test_a_stream_without_retention_acknowledges_nothing_as_persisted(node):
    name = "put-" + uuid.uuid4().hex[:12]
    node.video().create_stream(StreamName=name)
    with Producer(node, name) as producer:
        producer.send(header() + fragment(now(), noise(5)))
        producer.finish()
        assert [line["EventType"] for line in producer.acknowledgments()] == ["BUFFERING", "RECEIVED"]


def test_acknowledgments_can_be_refused(node, stream):
    with Producer(node, stream, headers={"x-amzn-fragment-acknowledgment-required": "0"}) as producer:
        producer.send(header() + fragment(now(), noise(6)))
        producer.finish()
        assert producer.acknowledgments() == [] and producer.status == 200


def test_what_is_persisted_is_there_after_a_crash(tmp_path):
    node = KinesisServer(tmp_path).start()
    node.video().create_stream(StreamName="kept", DataRetentionInHours=1)
    with Producer(node, "kept") as producer:
        producer.send(header())
        for index in range(3):
            producer.send(fragment(now() + index, noise(20 + index)))
        numbers = [line["FragmentNumber"] for line in producer.wait_for("PERSISTED", 3)]
        producer.send(fragment(now() + 9000, noise(23))[:-200])
        time.sleep(0.1)
        node.kill()
    node.start()
    chunks = {chunk.number: chunk.pcm for chunk in media_body.audio_chunks(read_now(node, "kept", EARLIEST))}
    assert [chunks.get(number) for number in numbers] == [noise(20 + index) for index in range(3)]
    with Producer(node, "kept") as producer:
        producer.send(header() + fragment(now(), noise(24)))
        assert producer.wait_for("PERSISTED")[0]["FragmentNumber"] > numbers[-1]
        producer.finish()
        producer.acknowledgments()
    node.stop()


def test_a_body_of_get_media_can_be_put_again(node, stream):
    """What a forwarder does: the bytes of one stream's GetMedia go into another stream."""
    with Producer(node, stream) as producer:
        producer.send(header() + fragment(now(), noise(30)) + fragment(now() + 1000, noise(31)))
        producer.finish()
        producer.acknowledgments()
    chunks = media_body.audio_chunks(read_now(node, stream, EARLIEST))
    answer = node.archived().get_media_for_fragment_list(StreamName=stream, Fragments=[chunk.number for chunk in chunks])
    target = stream + "-copy"
    node.video().create_stream(StreamName=target, DataRetentionInHours=1)
    # Amazon's own tags may not be put: a forwarder takes them out.
    body, kept = answer["Payload"].read(), []
    for chunk in media_body.read_body(body):
        others = [(name, value) for name, value in chunk.tags.items() if not name.startswith("AWS")]
        kept.append(header() + (tags(others) if others else b"") + cluster(
            chunk.timestamp, [(1, relative, payload) for relative, payload in chunk.blocks]))
    with Producer(node, target) as producer:
        producer.send(b"".join(kept))
        producer.finish()
        assert len([line for line in producer.acknowledgments() if line["EventType"] == "PERSISTED"]) == 2
    assert media_body.pcm(media_body.audio_chunks(read_now(node, target, EARLIEST))) == noise(30) + noise(31)


def test_ffmpeg_is_a_producer_too(node, stream):
    """A file that ffmpeg muxes, in clusters of a second, is taken and heard again."""
    source = subprocess.run(
        ["ffmpeg", "-v", "error", "-f", "s16le", "-ar", "8000", "-ac", "1", "-i", "pipe:0", "-c:a", "pcm_s16le", "-f", "matroska",
         "-live", "1", "-cluster_time_limit", "1000", "pipe:1"], input=noise(40, 3.0), capture_output=True, check=True).stdout
    with Producer(node, stream, timecodes="RELATIVE", start=f"{time.time():.3f}") as producer:
        producer.send(source, 10_000)
        producer.finish()
        lines = producer.acknowledgments()
    assert {line["EventType"] for line in lines} == {"BUFFERING", "RECEIVED", "PERSISTED"}, lines[-3:]
    assert media_body.pcm(media_body.audio_chunks(read_now(node, stream, EARLIEST))) == noise(40, 3.0)


# --- what is refused --------------------------------------------------------------------------------------------------------


def bad_bodies():
    start = 1_700_000_000_000
    good = fragment(start, noise(50, 0.3))
    two_tags = fragment(start + 1000, noise(51, 0.3), pairs=[("AWS_MINE", "x")])
    many = fragment(start + 1000, noise(52, 0.3), pairs=[(f"tag{index}", "x") for index in range(11)])
    long = fragment(start + 1000, noise(53, 0.3), pairs=[("long", "x" * 257)])
    return {
        "rubbish": (b"this is no Matroska" * 40, 4006, 0),
        "rubbish behind a fragment": (header() + good + b"\xff" * 400, 4006, 1),
        "a timecode that goes back": (header() + good + fragment(start - 1000, noise(54, 0.3)), 4004, 1),
        "four tracks": (header(tracks=4) + fragment(start, noise(55, 0.3), tracks=4), 4005, 0),
        "a block of an unknown track": (header() + good + cluster(start + 1000, [(2, 0, noise(56, 0.1))]), 4010, 1),
        "a cluster without a frame of each track": (header(tracks=2) + cluster(start, [(1, 0, noise(57, 0.1))]) + tags([("a", "b")]), 4011, 0),
        "a tag of Amazon's": (header() + good + two_tags, 4012, 1),
        "eleven tags": (header() + good + many, 4009, 1),
        "a long tag": (header() + good + long, 4009, 1),
        "twenty-one seconds": (header() + cluster(start, [(1, 0, bytes(320)), (1, 21_000, bytes(320)), (1, 32_000, bytes(320))]), 4002, 0),
    }


@pytest.mark.parametrize("what", bad_bodies())
def test_damage_is_acknowledged_as_on_the_wire_and_what_was_before_it_is_kept(node, stream, what):
    body, error, kept = bad_bodies()[what]
    with Producer(node, stream) as producer:
        try:
            producer.send(body)
            producer.finish()
        except (BrokenPipeError, ConnectionResetError):
            pass
        lines = producer.acknowledgments()
    found = [line for line in lines if line["EventType"] == "ERROR"]
    allowed = {error, 4012} if what == "a long tag" else {error}
    assert len(found) == 1 and int(found[0]["ErrorId"]) in allowed and lines[-1] is found[0], lines
    assert len([line for line in lines if line["EventType"] == "PERSISTED"]) == kept
    assert len(node.archived().list_fragments(StreamName=stream)["Fragments"]) == kept
    with Producer(node, stream) as producer:  # and the stream takes the next producer
        producer.send(header() + fragment(now(), noise(58, 0.3)))
        producer.wait_for("PERSISTED")


def read_all(node, stream):
    reader = Reader(node, stream, EARLIEST).begin()
    return reader.finish()


def test_a_producer_that_breaks_off_leaves_whole_fragments_only(node, stream):
    producer = Producer(node, stream)
    producer.send(header() + fragment(now(), noise(60)))
    producer.wait_for("PERSISTED")
    producer.send(fragment(now() + 1000, noise(61))[:9000])
    time.sleep(0.2)
    producer.close()
    time.sleep(0.3)
    assert media_body.pcm(media_body.audio_chunks(read_all(node, stream))) == noise(60)


def test_a_stream_has_one_producer(node, stream):
    with Producer(node, stream) as first:
        first.send(header() + fragment(now(), noise(62)))
        first.wait_for("PERSISTED")
        with Producer(node, stream) as second:
            second.wait_for_status()
            kind, status, message = second.error()
            assert (kind, status) == ("ConnectionLimitExceededException", 400) and stream in message
        first.send(fragment(now() + 1000, noise(63)))
        first.wait_for("PERSISTED", 2)
        first.finish()
        first.acknowledgments()
    with Producer(node, stream) as third:
        third.send(header() + fragment(now() + 2000, noise(64)))
        third.wait_for("PERSISTED")


def test_a_producer_that_comes_again_at_once_is_let_in(node, stream):
    """Amazon's producers open the next connection when the answer of the last one has ended, not a moment later."""
    refused = []
    for turn in range(40):
        with Producer(node, stream) as producer:
            try:
                producer.send(header() + fragment(now() + turn * 200, noise(turn, 0.1)))
                producer.finish()
            except (BrokenPipeError, ConnectionResetError):
                pass
            assert producer.is_over.wait(8)
            if producer.status != 200:
                refused.append((turn, producer.headers.get("x-amzn-errortype")))
    assert not refused, f"{len(refused)} of 40 were refused: {refused}"


@pytest.mark.parametrize(("options", "status", "kind"), [
    ({"role": "consumer"}, 403, "AccessDeniedException"), ({"role": "auditor"}, 403, "AccessDeniedException"),
    ({"timecodes": "SOMETIMES"}, 400, "InvalidArgumentException"), ({"timecodes": None}, 400, "InvalidArgumentException"),
    ({"start": "yesterday"}, 400, "InvalidArgumentException"),
    ({"headers": {"x-amzn-stream-arn": "arn:aws:kinesisvideo:us-east-1:111122223333:stream/x/1"}}, 400, "InvalidArgumentException"),
    ({"headers": {"x-amzn-stream-name": None}}, 400, "InvalidArgumentException"),
    ({"headers": {"x-amzn-stream-name": "nobody-made-this"}}, 404, "ResourceNotFoundException"),
])
def test_calls_that_cannot_be_are_refused_before_a_byte_of_the_body(node, stream, options, status, kind):
    with Producer(node, stream, **options) as producer:
        producer.wait_for_status()
        try:
            producer.send(header() + fragment(now(), noise(70)))
            producer.finish()
        except (BrokenPipeError, ConnectionResetError):
            pass
        found, answered, _ = producer.error()
        assert (answered, found) == (status, kind)
    assert not node.archived().list_fragments(StreamName=stream)["Fragments"]


def put_stated(node, stream, body, digest):
    """One PutMedia whose body's hash is stated and signed, as clients sign a file."""
    with Producer(node, stream, headers={"x-amz-content-sha256": digest}) as producer:
        try:
            producer.send(body, 4096)
            producer.finish()
        except (BrokenPipeError, ConnectionResetError):
            pass
        assert producer.is_over.wait(8)
        return producer


@pytest.mark.parametrize("digest", ["0" * 64, hashlib.sha256(b"").hexdigest(), hashlib.sha256(header()).hexdigest()])
def test_a_body_that_is_not_the_one_whose_hash_was_signed_is_refused(node, stream, digest):
    producer = put_stated(node, stream, header() + fragment(now(), noise(72)), digest)
    assert producer.status == 403 and producer.headers["x-amzn-errortype"] == "InvalidSignatureException"
    assert not node.archived().list_fragments(StreamName=stream)["Fragments"]
    assert not read_all(node, stream), "a reader was given audio that nobody had signed"


def test_a_body_whose_hash_was_signed_is_kept_as_any_other(node, stream):
    body = header() + fragment(now(), noise(73)) + fragment(now() + 1000, noise(74))
    producer = put_stated(node, stream, body, hashlib.sha256(body).hexdigest())
    assert producer.status == 200
    assert [line["EventType"] for line in producer.lines] == ["BUFFERING", "RECEIVED", "PERSISTED"] * 2
    assert media_body.pcm(media_body.audio_chunks(read_all(node, stream))) == noise(73) + noise(74)


def test_of_a_body_whose_hash_was_signed_nothing_is_heard_before_it_is_whole(node, stream):
    body = header() + fragment(now(), noise(75))
    with Producer(node, stream, headers={"x-amz-content-sha256": hashlib.sha256(body).hexdigest()}) as producer:
        producer.send(body)
        time.sleep(0.5)
        assert not node.archived().list_fragments(StreamName=stream)["Fragments"]
        producer.finish()
        producer.wait_for("PERSISTED")
    assert len(node.archived().list_fragments(StreamName=stream)["Fragments"]) == 1


def test_a_silent_producer_hears_idle(node, stream):
    with Producer(node, stream) as producer:
        producer.send(header() + fragment(now(), noise(71)))
        producer.wait_for("PERSISTED")
        producer.wait_for("IDLE", timeout=14)
