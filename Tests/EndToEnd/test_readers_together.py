"""All tempers of readers on one call at once, and many calls one after the other on the same streams."""

import socket
import time

import pytest

from kinesis import KinesisServer, LiveCall, Reader, need, need_http, raw_socket, send_get_media
from peer import matroska, media_body
from peer.rtp import assert_heard
from test_kinesis_get_media import is_connected, unchunked, wait_until
from test_kinesis_reading_rules import TagWatcher, assert_never_heard

need_http()
need("boto3")

NOW, EARLIEST = {"StartSelectorType": "NOW"}, {"StartSelectorType": "EARLIEST"}


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    running = KinesisServer(tmp_path_factory.mktemp("readers")).start()
    yield running
    running.stop()


def read_on(connection, end):
    """Everything that comes until the chunk that ends the answer."""
    connection.settimeout(10)
    got = bytearray()
    while got[-len(end):] != end and (piece := connection.recv(65536)):
        got += piece
    connection.close()
    return bytes(got)


def test_ten_readers_of_which_one_stalls_one_goes_away_and_one_joins_late(node):
    with LiveCall(node, seed=410) as live:
        client = node.media(live.streams[0])
        stalled, leaving = raw_socket(node, receive_buffer=4096), raw_socket(node)
        send_get_media(node, stalled, live.streams[0], EARLIEST)
        send_get_media(node, leaving, live.streams[0])
        started = live.call.started()[0]["detail"]["startFragmentNumber"]
        readers = [Reader(node, live.streams[index % 2], NOW, client).begin() for index in range(5)]
        readers.append(Reader(node, live.streams[0], NOW, header={"x-earshot-fragments": "whole"}).begin())
        readers.append(Reader(node, live.streams[0], {"StartSelectorType": "FRAGMENT_NUMBER", "AfterFragmentNumber": started}).begin())
        time.sleep(1.2)
        leaving.recv(1000)
        leaving.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        port = leaving.getsockname()[1]
        leaving.close()
        time.sleep(1.3)
        late = Reader(node, live.streams[0], EARLIEST).begin()
        wait_until(lambda: not is_connected(node, port), 6, "the service still holds the connection of the reader that has gone")
        time.sleep(1.5)
        live.end()
        over = time.monotonic()
        files = live.call.files()
        recorded = [matroska.read_recording(path).pcm for path in files]
        for reader in (*readers, late):
            media_body.check_live_body(reader.finish())
        for index, reader in enumerate((*readers[:5], readers[5], readers[6])):
            leg = index % 2 if index < 5 else 0
            heard = mine(live, reader.chunks)
            assert recorded[leg].endswith(heard) and len(heard) >= 3.0 * 16000, f"reader {index} heard {len(heard) / 16000:.2f} s"
            gaps = [after - before for (before, _), (after, _) in zip(reader.moments, reader.moments[1:]) if after < over]
            assert max(gaps) < (1.6 if index == 5 else 0.7), f"reader {index} waited {max(gaps):.2f} s for the others"
        # The late one has it from the beginning; the stalled one, too, as soon as it reads.
        assert mine(live, late.chunks) == recorded[0]
        got = media_body.read_body(unchunked(read_on(stalled, b"\r\n0\r\n\r\n")))
        assert mine(live, got) == recorded[0]
        for leg, pcm in zip(live.legs, recorded):
            assert_heard(pcm, leg.expected_pcm, "the recording")


def mine(live, chunks):
    return media_body.pcm([chunk for chunk in chunks if chunk.tags["CallId"] == live.call.call_id])


@pytest.mark.parametrize("tag", ["TransactionId", "CallId"])
def test_no_reader_takes_another_calls_audio_while_streams_are_used_again_and_again(node, tag):
    """Three rounds of three calls on the same streams; each reader stays on its stream into the next round."""
    rounds, readers = [], []
    for number in range(3):
        calls = [LiveCall(node, seed=430 + number * 3 + index) for index in range(3)]
        opened = [(call, leg, Reader(node, stream).begin()) for call in calls for leg, stream in enumerate(call.streams)]
        time.sleep(1.2)
        for call in calls:
            call.end()
        rounds.append(calls)
        readers += opened
    streams = [{stream for call in calls for stream in call.streams} for calls in rounds]
    # The first round may have found more streams that were free; from then on the same are used.
    assert len(streams[0] | streams[1] | streams[2]) < 18, "streams are used again"
    went_on = 0
    for call, leg, reader in readers:
        reader.finish()
        value = call.call.transaction if tag == "TransactionId" else call.call.call_id
        watcher = TagWatcher(tag, value)
        watcher.read(bytes(reader.data))
        recorded = matroska.read_recording(call.call.files()[leg]).pcm
        assert len(watcher.audio) > 16000 and recorded.endswith(watcher.audio), "what was taken is the call's, to its end"
        went_on += watcher.stopped_by is not None
        for other in (one for calls in rounds for one in calls if one is not call):
            assert_never_heard(watcher.audio, other)
        chunks = media_body.read_body(reader.data)
        assert all(a.number < b.number for a, b in zip(chunks, chunks[1:]))
    assert went_on >= 6, "most bodies went on into another call, and their readers saw it by the tag"
    for calls in rounds:
        for call in calls:
            call.__exit__(None)
