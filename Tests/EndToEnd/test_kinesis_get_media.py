"""GetMedia of live and finished calls with boto3, the AWS CLI, ffmpeg and ebmlite: selectors, readers of every temper."""

import io
import socket
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from kinesis import (KinesisServer, LiveCall, Reader, need, need_http, raw_socket, read_exactly, read_now, recorded_call,
                     refusal, send_get_media)
from peer import matroska, media_body
from peer.rtp import assert_heard

need_http()
need("boto3")

NOW, EARLIEST = {"StartSelectorType": "NOW"}, {"StartSelectorType": "EARLIEST"}


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    running = KinesisServer(tmp_path_factory.mktemp("kinesis")).start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def call(node):
    """A finished call of about five fragments a leg. Later calls may be given the same streams."""
    found = recorded_call(node, seconds=4.6, seed=52)
    found.chunks = [audio(read_now(node, stream, EARLIEST), found) for stream in found.streams]
    return found


def audio(chunks, call):
    """The fragments that hold this call's audio."""
    return [chunk for chunk in media_body.audio_chunks(chunks) if chunk.tags["CallId"] == call.call_id]


# --- selectors -----------------------------------------------------------------------------------------------------------


def test_earliest_gives_every_sample_that_was_sent(call):
    for leg, chunks in zip(call.legs, call.chunks):
        assert len(media_body.audio_chunks(chunks)) >= 4
        assert_heard(media_body.pcm(chunks), leg.expected_pcm, "GetMedia from EARLIEST")


def selectors(chunk):
    """Each selector that names a fragment, and whether the reading begins with it or after it."""
    middle = (chunk.producer + 0.2, chunk.server + 0.2)
    return [
        ({"StartSelectorType": "FRAGMENT_NUMBER", "AfterFragmentNumber": chunk.number}, 1),
        ({"StartSelectorType": "CONTINUATION_TOKEN", "ContinuationToken": chunk.trailer[media_body.TOKEN]}, 1),
        ({"StartSelectorType": "PRODUCER_TIMESTAMP", "StartTimestamp": chunk.producer}, 0),
        ({"StartSelectorType": "SERVER_TIMESTAMP", "StartTimestamp": chunk.server}, 0),
        ({"StartSelectorType": "PRODUCER_TIMESTAMP", "StartTimestamp": middle[0]}, 0),
        ({"StartSelectorType": "SERVER_TIMESTAMP", "StartTimestamp": middle[1]}, 0),
    ]


@pytest.fixture(scope="module")
def selected(node, call):
    """The bodies of all selectors, read at once since each has its three seconds of tail: (ours, boto3's)."""
    ours = [selector for selector, _ in selectors(call.chunks[0][1])]
    theirs = [selector for selector, _ in selectors(call.chunks[1][2])[:4]]
    node.media(call.streams[0])  # makes the key
    with ThreadPoolExecutor(10) as pool:
        first = pool.map(lambda selector: audio(read_exactly(node, call.streams[0], selector), call), ours)
        second = pool.map(lambda selector: audio(read_now(node, call.streams[1], selector, node.client("kinesis-video-media")), call),
                          theirs)
        return list(first), list(second)


@pytest.mark.parametrize("index", range(6))
def test_a_selector_begins_where_it_says(call, selected, index):
    _, skipped = selectors(call.chunks[0][1])[index]
    found, wanted = selected[0][index], call.chunks[0][1 + skipped:]
    assert [chunk.number for chunk in found] == [chunk.number for chunk in wanted]
    assert media_body.pcm(found) == media_body.pcm(wanted)


@pytest.mark.parametrize("index", range(4))
def test_boto3_begins_there_too(call, selected, index):
    chunks = call.chunks[1]
    selector, skipped = selectors(chunks[2])[index]
    wanted = chunks[2 + skipped:]
    if "StartTimestamp" in selector:  # which boto3 cuts to whole seconds
        second = int(selector["StartTimestamp"])
        ends = [(chunk.producer if index == 2 else chunk.server) + len(chunk.pcm) / 16000 for chunk in chunks]
        wanted = [chunk for chunk, end in zip(chunks, ends) if end > second]
    assert [chunk.number for chunk in selected[1][index]] == [chunk.number for chunk in wanted]


def test_a_time_before_the_first_fragment_begins_there_and_one_after_the_last_gives_an_empty_body(node, call):
    first = media_body.audio_chunks(call.chunks[1])[0]
    found = audio(read_now(node, call.streams[1], {"StartSelectorType": "SERVER_TIMESTAMP", "StartTimestamp": first.server - 600}),
                  call)
    assert found[0].number == first.number
    late = Reader(node, call.streams[1], {"StartSelectorType": "PRODUCER_TIMESTAMP", "StartTimestamp": time.time() + 3600})
    late.begin().join(20)
    assert late.failure is None and not media_body.audio_chunks(media_body.read_body(late.data))


def test_now_on_a_quiet_stream_waits_three_seconds_and_ends(node, call):
    reader = Reader(node, call.streams[0], NOW).begin()
    reader.join(10)
    assert reader.failure is None
    assert 2.8 <= reader.ended - reader.opened <= 4.0, f"the body ended after {reader.ended - reader.opened:.2f} s"


def test_now_on_a_live_stream_begins_with_what_is_said_now(node):
    with LiveCall(node, seed=54) as live:
        time.sleep(2.6)
        reader = Reader(node, live.streams[0], NOW).begin()
        opened = time.time()
        reader.wait_for(16_000)
        live.end()
        chunks = reader.finish()
        assert chunks[0].producer > opened - 1.6, "NOW begins at most a fragment ago"
        assert_heard(live.legs[0].expected_pcm, media_body.pcm(chunks)[:9600], "what a reader from NOW heard")


@pytest.mark.parametrize(("selector", "kind", "status"), [
    ({"StartSelectorType": "FRAGMENT_NUMBER"}, "ValidationException", 400),
    ({"StartSelectorType": "FRAGMENT_NUMBER", "AfterFragmentNumber": "12"}, "InvalidArgumentException", 400),
    ({"StartSelectorType": "SERVER_TIMESTAMP"}, "InvalidArgumentException", 400),
    ({"StartSelectorType": "PRODUCER_TIMESTAMP"}, "InvalidArgumentException", 400),
    ({"StartSelectorType": "CONTINUATION_TOKEN", "ContinuationToken": "not-one-of-ours"}, "InvalidArgumentException", 400),
    ({"StartSelectorType": "TOMORROW"}, "ValidationException", 400),
])
def test_selectors_that_name_nothing_are_refused(node, call, selector, kind, status):
    found = refusal(node.media(call.streams[0]).get_media, StreamName=call.streams[0], StartSelector=selector)
    assert (found.name, found.status) == (kind, status), found.message


def test_an_unknown_stream_is_refused(node, call):
    found = refusal(node.media(call.streams[0]).get_media, StreamName="nobody-made-this", StartSelector=NOW)
    assert (found.name, found.status, found.type) == ("ResourceNotFoundException", 404, "ResourceNotFoundException")


# --- the body -------------------------------------------------------------------------------------------------------------


def test_each_fragment_has_the_calls_tags_and_times_that_run_on(call):
    for chunks, event in zip(call.chunks, call.started()):
        heard = media_body.audio_chunks(chunks)
        assert heard[0].number == event["detail"]["startFragmentNumber"]
        for chunk in heard:
            assert chunk.tags["TransactionId"] == event["detail"]["transactionId"]
            assert chunk.tags["CallId"] == call.call_id and chunk.tags["VoiceConnectorId"] == event["detail"]["voiceConnectorId"]
        for before, after in zip(heard, heard[1:]):
            step = after.producer - before.producer
            assert abs(step - len(before.pcm) / 16000) < 0.005, f"{step} s lie between fragments of {len(before.pcm) / 16000} s"
            assert after.server > before.server


def test_a_second_reader_gets_the_same_bytes(node, call):
    first, second = (read_now(node, call.streams[0], EARLIEST) for _ in range(2))
    assert [(c.number, c.pcm) for c in audio(first, call)] == [(c.number, c.pcm) for c in audio(second, call)]


def test_the_body_ends_three_seconds_after_the_last_fragment(node):
    with LiveCall(node, seed=55) as live:
        reader = Reader(node, live.streams[0], EARLIEST).begin()
        time.sleep(1.5)
        live.end()
        over = time.monotonic()
        reader.finish()
        assert 2.5 <= reader.ended - over <= 4.5, f"the body ended {reader.ended - over:.2f} s after the call"


def test_audio_comes_as_it_is_spoken_and_whole_fragments_where_they_are_asked_for(node):
    with LiveCall(node, seed=56) as live:
        stream = live.streams[0]
        partial = Reader(node, stream, NOW).begin()
        whole = Reader(node, stream, NOW, header={"x-earshot-fragments": "whole"}).begin()
        time.sleep(4.2)
        live.end()
        partial_chunks, whole_chunks = partial.finish(), whole.finish()
    media_body.check_live_body(partial_chunks)
    media_body.check_live_body(whole_chunks)
    # Moments at which bytes came, within the call: many a second, or one burst a second.
    end = partial.moments[-1][0] - 3.3
    gaps = [b - a for (a, _), (b, _) in zip(partial.moments, partial.moments[1:]) if b < end]
    assert sorted(gaps)[len(gaps) // 2] < 0.2 and max(gaps) < 0.7, f"audio came in steps of {max(gaps):.2f} s"
    bursts = [moment for index, (moment, _) in enumerate(whole.moments)
              if index == 0 or moment - whole.moments[index - 1][0] > 0.3]
    assert 3 <= len(bursts) <= 7, f"{len(bursts)} bursts of whole fragments in 4.2 s"
    both = {chunk.number: chunk.pcm for chunk in media_body.audio_chunks(partial_chunks)}
    common = [chunk for chunk in media_body.audio_chunks(whole_chunks) if chunk.number in both]
    assert len(common) >= 3 and all(both[chunk.number] == chunk.pcm for chunk in common)


def test_the_mode_must_be_a_known_one(node, call):
    body = b'{"StreamName": "%s", "StartSelector": {"StartSelectorType": "NOW"}}' % call.streams[0].encode()
    status, headers, _ = node.signed("/getMedia", body, headers={"x-earshot-fragments": "halves"})
    assert (status, headers["x-amzn-errortype"]) == (400, "InvalidArgumentException")


# --- other programs ---------------------------------------------------------------------------------------------------------


def test_the_aws_cli_saves_a_body_that_ffmpeg_decodes_to_every_sample(node, call, tmp_path):
    body = tmp_path / "leg.mkv"
    node.aws("kinesis-video-media", "get-media", "--stream-name", call.streams[0], "--start-selector",
             "StartSelectorType=EARLIEST", body)
    chunks = audio(media_body.read_body(body.read_bytes()), call)
    # Cut at the first foreign fragment, as this call's listeners would.
    decoded = subprocess.run(["ffmpeg", "-v", "error", "-i", body, "-f", "s16le", "pipe:1"], capture_output=True, timeout=30)
    assert decoded.returncode == 0
    assert decoded.stdout.startswith(media_body.pcm(chunks)), f"{len(decoded.stdout)} bytes of {len(media_body.pcm(chunks))}"
    probed = subprocess.run(["ffprobe", "-v", "error", "-of", "csv=p=0", "-show_entries", "stream=codec_name,sample_rate,channels",
                             body], capture_output=True, text=True, timeout=30)
    assert probed.stdout.split() == ["pcm_s16le,8000,1"], probed.stdout + probed.stderr


def test_ffmpeg_plays_a_live_call_from_a_pipe(node):
    with LiveCall(node, seed=57) as live:
        reader = Reader(node, live.streams[1], NOW).begin()
        player = subprocess.Popen(
            ["ffmpeg", "-v", "error", "-f", "matroska", "-i", "pipe:0", "-f", "s16le", "-flush_packets", "1", "pipe:1"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        heard = bytearray()
        listener = threading.Thread(target=lambda: heard.extend(player.stdout.read()), daemon=True)
        listener.start()
        fed, deadline = 0, time.monotonic() + 4
        while time.monotonic() < deadline:
            piece = bytes(reader.data[fed:])
            fed += len(piece)
            player.stdin.write(piece)
            player.stdin.flush()
            time.sleep(0.05)
        live.end()
        chunks = reader.finish()
        player.stdin.write(bytes(reader.data[fed:]))
        player.stdin.close()
        listener.join(10)
        player.wait(10)
        assert bytes(heard) == media_body.pcm(chunks)


def test_ebmlite_reads_every_element(node, call):
    ebmlite = need("ebmlite")
    reader = Reader(node, call.streams[0], EARLIEST).begin()
    chunks = reader.finish()
    document = ebmlite.loadSchema("matroska.xml").load(io.BytesIO(bytes(reader.data)), headers=True)
    # Unknown-size Segments hold what follows them for ebmlite, so the tree is walked whatever its depth.
    found = {"EBML": 0, "SimpleBlock": 0, "numbers": [], "unknown": []}

    def walk(element):
        if element.name == "EBML":
            found["EBML"] += 1
        elif element.name == "SimpleBlock":
            found["SimpleBlock"] += 1
        elif element.name == "SimpleTag":
            name, value = element.value[0], element.value[1]
            assert (name.name, value.name) == ("TagName", "TagString")
            if name.value == media_body.NUMBER:
                found["numbers"].append(value.value)
        elif element.name in ("UnknownElement", "Unknown"):
            found["unknown"].append(hex(element.id))
        if isinstance(element, ebmlite.core.MasterElement):
            for child in element:
                walk(child)

    for element in document:
        walk(element)
    assert not found["unknown"], found["unknown"]
    assert found["EBML"] == len(chunks) and found["numbers"] == [chunk.number for chunk in chunks]
    assert found["SimpleBlock"] == sum(len(chunk.blocks) for chunk in chunks)


# --- readers of every temper -----------------------------------------------------------------------------------------------


def test_a_reader_that_joins_late_gets_all_from_the_beginning_and_then_goes_on_live(node):
    with LiveCall(node, seed=58) as live:
        time.sleep(3.5)
        reader = Reader(node, live.streams[0], EARLIEST).begin()
        mine = live.call.call_id
        time.sleep(1.5)
        chunks = [chunk for chunk in media_body.read_body(bytes(reader.data), partial=True) if chunk.tags.get("CallId") == mine]
        assert sum(len(chunk.pcm) for chunk in chunks) > 4.0 * 16000, "the past and the present are there while the call is up"
        behind = [int(chunk.trailer[media_body.BEHIND]) for chunk in chunks if media_body.BEHIND in chunk.trailer]
        assert behind[0] > 2000 and behind[-1] < 1500, f"milliseconds behind now: {behind}"
        live.end()
        chunks = [chunk for chunk in reader.finish() if chunk.tags["CallId"] == mine]
        assert_heard(media_body.pcm(chunks), live.legs[0].expected_pcm, "a late reader")


def test_ten_readers_at_once_get_the_same_audio(node):
    with LiveCall(node, seed=59) as live:
        client = node.media(live.streams[0])
        readers = [Reader(node, live.streams[index % 2], NOW, client).begin() for index in range(10)]
        time.sleep(3.5)
        live.end()
        bodies = [reader.finish() for reader in readers]
        for index, chunks in enumerate(bodies):
            media_body.check_live_body(chunks)
            heard = media_body.pcm(chunks)
            sent = live.legs[index % 2].expected_pcm
            assert len(heard) >= 3.0 * 16000
            assert_heard(heard, sent[-2 * 16000:], f"reader {index}")


def test_a_reader_that_stalls_costs_the_others_and_the_recording_nothing(node):
    with LiveCall(node, seed=61) as live:
        stalled = raw_socket(node, receive_buffer=4096)
        send_get_media(node, stalled, live.streams[0], EARLIEST)
        reader = Reader(node, live.streams[0], NOW).begin()
        time.sleep(4)
        gaps = [b - a for (a, _), (b, _) in zip(reader.moments, reader.moments[1:])]
        assert max(gaps) < 0.7, f"a reader beside one that stalls waited {max(gaps):.2f} s"
        # Then it reads on, and finds everything in the file.
        stalled.settimeout(10)
        got = bytearray()
        stopper = threading.Timer(0.5, live.end)
        stopper.start()
        try:
            while piece := stalled.recv(65536):
                got += piece
                if b"\r\n0\r\n\r\n" in got[-32:]:
                    break
        except socket.timeout:
            pass
        stalled.close()
        stopper.join()
        reader.finish()
        mine = [chunk for chunk in media_body.read_body(unchunked(bytes(got))) if chunk.tags["CallId"] == live.call.call_id]
        assert_heard(media_body.pcm(mine), live.legs[0].expected_pcm, "a reader that had stalled")
        path = live.call.files()[0]
        assert_heard(matroska.read_recording(path).pcm, live.legs[0].expected_pcm, "the recording")


def unchunked(answer):
    """The body of an answer with Transfer-Encoding: chunked."""
    head, _, rest = answer.partition(b"\r\n\r\n")
    assert b" 200 " in head.split(b"\r\n")[0] and b"chunked" in head.lower(), head
    body = b""
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        count = int(size, 16)
        if count == 0:
            break
        body, rest = body + rest[:count], rest[count + 2:]
    return body


@pytest.mark.parametrize("abrupt", [False, True], ids=["closed", "reset"])
def test_a_reader_that_goes_away_leaves_nothing_behind(node, abrupt):
    with LiveCall(node, seed=62 + abrupt) as live:
        gone = raw_socket(node)
        send_get_media(node, gone, live.streams[0])
        assert b" 200 " in gone.recv(4096)
        time.sleep(0.5)
        if abrupt:
            gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        port = gone.getsockname()[1]
        gone.close()
        reader = Reader(node, live.streams[0], NOW).begin()
        time.sleep(1.5)
        wait_until(lambda: not is_connected(node, port), 6, "the service still holds the connection")
        live.end()
        assert media_body.pcm(reader.finish())


def is_connected(node, port):
    """Whether the service holds a connection from this port, from /proc/net/tcp."""
    here, there = f":{node.http[1]:04X}", f":{port:04X}"
    with open("/proc/net/tcp", encoding="ascii") as file:
        rows = [line.split() for line in file.readlines()[1:]]
    return any(row[1].endswith(here) and row[2].endswith(there) and row[3] in ("01", "08") for row in rows)


def wait_until(is_so, seconds, what):
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def test_a_reader_of_a_call_that_ends_with_the_service_gets_its_end(tmp_path):
    node = KinesisServer(tmp_path).start()
    with LiveCall(node, seed=64) as live:
        reader = Reader(node, live.streams[0], NOW).begin()
        time.sleep(1.5)
        live.end()
        node.stop()
        chunks = reader.finish()
        media_body.check_live_body(chunks)
        assert media_body.pcm(chunks)
