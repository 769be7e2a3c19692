"""Archived media with boto3, the AWS CLI and ffmpeg: ListFragments, GetMediaForFragmentList, GetClip, HLS."""

import json
import subprocess
import time
import urllib.request

import pytest

from kinesis import KinesisServer, LiveCall, need, need_http, read_now, recorded_call, refusal
from peer import media_body
from peer.codecs import best_offset, envelope
from peer.rtp import assert_heard
from peer.server import connector

need_http()
need("boto3")

EVER = {"StartTimestamp": 0, "EndTimestamp": 4_000_000_000}


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    running = KinesisServer(tmp_path_factory.mktemp("kinesis")).start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def call(node):
    """A finished call; no later call of this module comes onto its streams before the last tests."""
    found = recorded_call(node, seconds=5.4, seed=90)
    found.chunks = [media_body.audio_chunks(read_now(node, stream, {"StartSelectorType": "EARLIEST"})) for stream in found.streams]
    return found


def everything(kind="SERVER_TIMESTAMP", begin=0, end=4_000_000_000):
    return {"FragmentSelectorType": kind, "TimestampRange": {"StartTimestamp": begin, "EndTimestamp": end}}


def test_fragments_are_listed_with_their_times_and_sizes(node, call):
    for stream, chunks in zip(call.streams, call.chunks):
        found = node.archived().list_fragments(StreamName=stream, FragmentSelector=everything())
        assert not found.get("NextToken")
        rows = sorted(found["Fragments"], key=lambda row: row["FragmentNumber"])
        assert [row["FragmentNumber"] for row in rows] == [chunk.number for chunk in chunks]
        for row, chunk in zip(rows, chunks):
            assert abs(row["ProducerTimestamp"].timestamp() - chunk.producer) < 0.002
            assert abs(row["ServerTimestamp"].timestamp() - chunk.server) < 0.002
            assert abs(row["FragmentLengthInMilliseconds"] - len(chunk.pcm) / 16) <= 2
            assert len(chunk.pcm) < row["FragmentSizeInBytes"] < len(chunk.pcm) * 1.5 + 2000


def test_fragments_come_in_pages(node, call):
    pages = list(node.archived().get_paginator("list_fragments").paginate(
        StreamName=call.streams[0], PaginationConfig={"PageSize": 2}))
    numbers = [row["FragmentNumber"] for page in pages for row in page["Fragments"]]
    assert sorted(numbers) == [chunk.number for chunk in call.chunks[0]] and len(set(numbers)) == len(numbers)
    assert [len(page["Fragments"]) for page in pages[:-1]] == [2] * (len(pages) - 1)


@pytest.mark.parametrize("kind", ["SERVER_TIMESTAMP", "PRODUCER_TIMESTAMP"])
def test_a_range_takes_fragments_that_begin_in_it_both_ends_included(node, call, kind):
    def moment(chunk):
        return chunk.server if kind == "SERVER_TIMESTAMP" else chunk.producer

    def numbers(begin, end):
        # By a request of our own: boto3 sends times in whole seconds.
        status, _, body = node.signed(
            "/listFragments", {"StreamName": call.streams[0], "FragmentSelector": everything(kind, begin, end)}, "consumer")
        assert status == 200, body
        return sorted(row["FragmentNumber"] for row in json.loads(body)["Fragments"])

    chunks = call.chunks[0]
    assert numbers(moment(chunks[1]), moment(chunks[3])) == [chunk.number for chunk in chunks[1:4]]
    assert numbers(moment(chunks[1]) + 0.002, moment(chunks[3]) - 0.002) == [chunks[2].number]
    assert numbers(moment(chunks[-1]) + 60, moment(chunks[-1]) + 70) == []


def test_listed_fragments_come_back_in_the_order_of_the_request(node, call):
    stream, chunks = call.streams[1], call.chunks[1]
    wanted = [chunks[2].number, chunks[0].number, chunks[3].number]
    answer = node.archived().get_media_for_fragment_list(StreamName=stream, Fragments=wanted)
    found = media_body.read_body(answer["Payload"].read())
    assert [chunk.number for chunk in found] == wanted
    by_number = {chunk.number: chunk for chunk in chunks}
    for chunk in found:
        assert chunk.pcm == by_number[chunk.number].pcm and chunk.tags == by_number[chunk.number].tags
        assert media_body.TOKEN not in chunk.trailer and media_body.BEHIND not in chunk.trailer


def test_a_fragment_that_is_not_there_is_refused(node, call):
    gone = str(int(call.chunks[0][0].number) + 1)
    missing = refusal(node.archived().get_media_for_fragment_list, StreamName=call.streams[0], Fragments=[gone])
    assert (missing.name, missing.status) == ("ResourceNotFoundException", 404)
    wrong = refusal(node.archived().get_media_for_fragment_list, StreamName=call.streams[0], Fragments=["7"])
    assert (wrong.name, wrong.status) == ("InvalidArgumentException", 400)


def test_the_aws_cli_lists_and_fetches(node, call, tmp_path):
    listed = json.loads(node.aws("kinesis-video-archived-media", "list-fragments", "--stream-name", call.streams[0]).stdout)
    numbers = sorted(row["FragmentNumber"] for row in listed["Fragments"])
    assert numbers == [chunk.number for chunk in call.chunks[0]]
    node.aws("kinesis-video-archived-media", "get-media-for-fragment-list", tmp_path / "all.mkv", "--stream-name", call.streams[0],
             "--fragments", *numbers)
    decoded = subprocess.run(["ffmpeg", "-v", "error", "-i", tmp_path / "all.mkv", "-f", "s16le", "pipe:1"],
                             capture_output=True, timeout=30)
    assert_heard(decoded.stdout, call.legs[0].expected_pcm, "ffmpeg of the listed fragments")


# --- clips ------------------------------------------------------------------------------------------------------------------


def clip_of(node, stream, headers=None):
    client = node.archived()

    def add(request, **_):
        for name, value in (headers or {}).items():
            request.headers[name] = value

    client.meta.events.register("before-sign.kinesis-video-archived-media.GetClip", add)
    answer = client.get_clip(StreamName=stream, ClipFragmentSelector={
        "FragmentSelectorType": "SERVER_TIMESTAMP", "TimestampRange": EVER})
    return answer["ContentType"], answer["Payload"].read()


def decode(data, channels=1):
    return subprocess.run(["ffmpeg", "-v", "error", "-i", "pipe:0", "-f", "s16le", "-ar", "8000", "-ac", str(channels), "pipe:1"],
                          input=data, capture_output=True, timeout=30, check=True).stdout


def assert_sounds_like(found, sent, what):
    """For audio that an encoder went over: the loudness over time is that of what was sent."""
    _, likeness = best_offset(envelope(found, 8000), envelope(sent, 8000)[10:-10])
    assert likeness > 0.5, f"{what}: likeness {likeness:.2f}"


def test_a_clip_is_an_mp4_that_sounds_like_the_call(node, call, tmp_path):
    kind, data = clip_of(node, call.streams[0])
    assert kind == "video/mp4" and data[4:8] == b"ftyp"
    (tmp_path / "clip.mp4").write_bytes(data)
    probed = json.loads(subprocess.run(
        ["ffprobe", "-v", "error", "-of", "json", "-show_entries", "stream=codec_name,codec_type:format=duration",
         tmp_path / "clip.mp4"], capture_output=True, text=True, check=True, timeout=30).stdout)
    assert [(one["codec_type"], one["codec_name"]) for one in probed["streams"]] == [("audio", "aac")]
    seconds = len(media_body.pcm(call.chunks[0])) / 16000
    assert abs(float(probed["format"]["duration"]) - seconds) < 0.3


def test_a_clip_by_accept_is_a_wav_with_every_sample(node, call):
    kind, data = clip_of(node, call.streams[0], {"Accept": "audio/wav"})
    assert kind == "audio/wav" and data[:4] == b"RIFF"
    assert_heard(decode(data), call.legs[0].expected_pcm, "the WAV clip")
    first, second = call.chunks[0][1], call.chunks[0][2]
    status, _, short = node.signed(
        "/getClip", {"StreamName": call.streams[0], "ClipFragmentSelector": everything("SERVER_TIMESTAMP", first.server, second.server)},
        "consumer", headers={"accept": "audio/wav"})
    assert status == 200, short
    assert abs(len(decode(short)) - len(first.pcm + second.pcm)) <= 640


def test_a_stereo_clip_has_a_leg_in_each_channel(node, call):
    _, data = clip_of(node, call.streams[0], {"Accept": "audio/wav", "x-earshot-layout": "stereo"})
    both = decode(data, channels=2)
    sides = [b"".join(both[at:at + 2] for at in range(side, len(both) - 3, 4)) for side in (0, 2)]
    caller = 0 if call.started()[0]["detail"]["isCaller"] else 1
    for index, leg in enumerate(call.legs):
        assert_heard(sides[0 if index == caller else 1], leg.expected_pcm, f"leg {index}")


def test_a_clip_of_nothing_is_refused(node, call):
    none = refusal(node.archived().get_clip, StreamName=call.streams[0], ClipFragmentSelector={
        "FragmentSelectorType": "SERVER_TIMESTAMP", "TimestampRange": {"StartTimestamp": 1000, "EndTimestamp": 2000}})
    assert (none.name, none.status) == ("ResourceNotFoundException", 404)
    turned = refusal(node.archived().get_clip, StreamName=call.streams[0], ClipFragmentSelector={
        "FragmentSelectorType": "SERVER_TIMESTAMP", "TimestampRange": {"StartTimestamp": 2000, "EndTimestamp": 1000}})
    assert (turned.name, turned.status) == ("InvalidArgumentException", 400)


# --- HLS --------------------------------------------------------------------------------------------------------------------


def hls_url(node, stream, **options):
    return node.archived().get_hls_streaming_session_url(StreamName=stream, **options)["HLSStreamingSessionURL"]


def test_an_on_demand_session_plays_in_ffmpeg_without_a_signature(node, call):
    url = hls_url(node, call.streams[0], PlaybackMode="ON_DEMAND", HLSFragmentSelector=everything())
    assert url.startswith(node.url + "/") and "SessionToken=" in url
    played = subprocess.run(["ffmpeg", "-v", "error", "-i", url, "-f", "s16le", "-ar", "8000", "-ac", "1", "pipe:1"],
                            capture_output=True, timeout=40)
    assert played.returncode == 0, played.stderr
    assert abs(len(played.stdout) - len(media_body.pcm(call.chunks[0]))) < 0.4 * 16000
    master = urllib.request.urlopen(url, timeout=5).read().decode()
    media = urllib.request.urlopen(url.rsplit("/", 1)[0] + "/" + master.strip().splitlines()[-1], timeout=5).read().decode()
    assert media.count("#EXTINF:") == len(call.chunks[0]) and "#EXT-X-ENDLIST" in media and "#EXT-X-PLAYLIST-TYPE:VOD" in media


def test_a_live_session_grows_with_the_call(node):
    with LiveCall(node, seed=91) as live:
        time.sleep(2.6)
        url = hls_url(node, live.streams[0], PlaybackMode="LIVE")
        master = urllib.request.urlopen(url, timeout=5).read().decode()
        playlist = url.rsplit("/", 1)[0] + "/" + master.strip().splitlines()[-1]

        def newest():
            text = urllib.request.urlopen(playlist, timeout=5).read().decode()
            assert "#EXT-X-ENDLIST" not in text
            return [line for line in text.splitlines() if line.startswith("getMP4MediaFragment")][-1]

        before = newest()
        time.sleep(2.2)
        assert newest() != before, "the list does not slide"


@pytest.mark.parametrize(("options", "kind"), [
    ({"PlaybackMode": "ON_DEMAND"}, "InvalidArgumentException"),
    ({"PlaybackMode": "LIVE", "ContainerFormat": "MPEG_TS"}, "InvalidArgumentException"),
    ({"PlaybackMode": "ON_DEMAND", "HLSFragmentSelector": everything(begin=1000, end=2000)}, "ResourceNotFoundException"),
    ({"PlaybackMode": "LIVE", "Expires": 20}, "ValidationException"),
])
def test_hls_sessions_that_cannot_be_are_refused(node, call, options, kind):
    if "Expires" in options:  # which boto3 itself refuses
        assert node.signed("/getHLSStreamingSessionURL", {"StreamName": call.streams[0], **options})[1]["x-amzn-errortype"] == kind
    else:
        assert refusal(node.archived().get_hls_streaming_session_url, StreamName=call.streams[0], **options).name == kind


def test_a_made_up_session_token_is_refused(node):
    status, headers, _ = node.request("/hls/v1/getHLSMasterPlaylist.m3u8?SessionToken=abc", method="GET")
    assert status == 403 and headers["x-amzn-errortype"] == "AccessDeniedException"


# --- without retention ------------------------------------------------------------------------------------------------------


def test_a_stream_without_retention_can_be_followed_and_not_clipped(tmp_path):
    node = KinesisServer(tmp_path, connectors=[connector(streaming={"dataRetentionInHours": 0})]).start()
    call = recorded_call(node, seconds=2.2, seed=92)
    stream = call.streams[0]
    assert node.video().describe_stream(StreamName=stream)["StreamInfo"]["DataRetentionInHours"] == 0
    heard = media_body.pcm(read_now(node, stream, {"StartSelectorType": "EARLIEST"}))
    assert_heard(heard, call.legs[0].expected_pcm, "the last five minutes")
    for refused in (
        refusal(node.archived().get_clip, StreamName=stream, ClipFragmentSelector={
            "FragmentSelectorType": "SERVER_TIMESTAMP", "TimestampRange": EVER}),
        refusal(node.archived().get_hls_streaming_session_url, StreamName=stream, PlaybackMode="LIVE"),
    ):
        assert (refused.name, refused.status) == ("NoDataRetentionException", 400)
    node.stop()
