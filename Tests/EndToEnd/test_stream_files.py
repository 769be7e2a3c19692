"""The Matroska files of a call: while they grow, when they are whole, and across calls on the same stream."""

import json
import re
import wave

import pytest

from evidence import decode_with_ffmpeg, probe
from peer import matroska, records
from peer.rtp import assert_heard

FRAGMENT, SERVER_TIME, PRODUCER_TIME = ("AWS_KINESISVIDEO_FRAGMENT_NUMBER", "AWS_KINESISVIDEO_SERVER_TIMESTAMP",
                                        "AWS_KINESISVIDEO_PRODUCER_TIMESTAMP")


@pytest.fixture(scope="module")
def recordings(evidence):
    return [matroska.read_recording(path) for path in evidence.call.files()]


@pytest.fixture(scope="module")
def later(evidence):
    return [matroska.read_recording(path) for path in evidence.second.files()]


# ---- while it grows


def test_bytes_reach_the_file_at_least_every_quarter_of_a_second(evidence):
    for moments, event in zip(evidence.writes, evidence.call.started()):
        begun = records.parse_time(event["detail"]["startTime"]) + 0.6  # the jitter buffer fills first
        moments = [moment for moment in moments if moment >= begun]
        gaps = [after - before for before, after in zip(moments, moments[1:])]
        assert len(moments) >= 8, f"the file grew {len(moments)} times in two seconds"
        assert max(gaps) <= 0.27, f"longest pause {max(gaps) * 1000:.0f} ms of {len(gaps)}"


def test_ffprobe_and_mkvinfo_read_a_file_that_still_grows(evidence):
    for seen in evidence.probes:
        assert seen.code == 0, seen.errors
        assert seen.found["streams"] == [{"codec_name": "pcm_s16le", "sample_rate": "8000", "channels": 1, "bits_per_sample": 16}]
        assert seen.found["format"]["format_name"].startswith("matroska")
        assert seen.mkvinfo_code == 0 and "A_PCM/INT/LIT" in seen.mkvinfo, seen.mkvinfo[-500:]


def test_a_live_reader_is_less_than_a_second_behind(evidence):
    for recording, age in evidence.glimpse:
        assert age - recording.seconds < 1.0, f"{recording.seconds:.2f} s in the file {age:.2f} s after STARTED"


def test_a_live_reader_sees_whole_tags_before_each_cluster(evidence):
    for recording, _ in evidence.glimpse:
        assert len(recording.fragments) >= 3
        assert all(fragment.number for fragment in recording.fragments)


# ---- when it is whole


def test_the_track_is_what_the_contract_says(recordings):
    for recording in recordings:
        assert recording.document_type == "matroska" and recording.cut_at is None
        assert matroska.audio_track(recording) == {"codec": "A_PCM/INT/LIT", "type": 2, "name": "Track_audio/L16", "private": None,
                                                   "rate": 8000.0, "channels": 1, "bits": 16}


def test_the_pcm_is_what_was_sent_sample_for_sample(evidence, recordings):
    offsets = [assert_heard(recording.pcm, leg.expected_pcm, f"leg {index}")
               for index, (recording, leg) in enumerate(zip(recordings, evidence.call.legs))]
    assert abs(offsets[0] - offsets[1]) <= 320, f"both legs began to speak together; their places differ: {offsets}"


def test_the_second_call_in_a_law_is_recorded_sample_for_sample_too(evidence, later):
    for index, (recording, leg) in enumerate(zip(later, evidence.second.legs)):
        assert_heard(recording.pcm, leg.expected_pcm, f"A-law leg {index}")


def test_around_the_speech_there_is_only_silence(evidence, recordings):
    for recording, leg in zip(recordings, evidence.call.legs):
        sent = leg.expected_pcm
        start = assert_heard(recording.pcm, sent, "leg")
        before, after = recording.pcm[:start], recording.pcm[start + len(sent):]
        assert not any(before), f"{len(before) // 16} ms before the first packet are not silent"
        loud = sum(1 for sample in memoryview(after).cast("h") if abs(sample) > 8)
        assert loud <= 960, f"{loud} samples of noise after the last packet: concealment must fade within 120 ms"


def test_both_legs_have_equal_length_from_started_to_ended(evidence, recordings, later):
    for call, pair in ((evidence.call, recordings), (evidence.second, later)):
        assert len(pair[0].pcm) == len(pair[1].pcm)
        for started, ended, recording in zip(call.started(), call.ended(), pair):
            length = records.parse_time(ended["detail"]["endTime"]) - records.parse_time(started["detail"]["startTime"])
            assert recording.seconds == pytest.approx(length, abs=0.1), "the file is as long as its call"


def test_ffmpeg_decodes_the_same_samples(evidence, recordings):
    for path, recording in zip(evidence.call.files(), recordings):
        assert decode_with_ffmpeg(path) == recording.pcm
        assert probe(path).code == 0


def test_fragments_last_a_second(recordings):
    for recording in recordings:
        seconds = [len(fragment.pcm) / 16000 for fragment in recording.fragments]
        assert all(0.9 <= length <= 1.2 for length in seconds[:-1]), seconds
        assert 0 < seconds[-1] <= 1.2


def test_block_times_follow_the_samples_without_a_hole(recordings):
    for recording in recordings:
        scale = recording.timestamp_scale / 1e9
        base, samples = recording.fragments[0].timestamp * scale, 0
        for fragment in recording.fragments:
            for relative, payload in fragment.blocks:
                at = (fragment.timestamp + relative) * scale - base
                assert abs(at - samples / 8000) < 0.0021, f"block at {at:.3f} s after {samples / 8000:.3f} s of samples"
                samples += len(payload) // 2


def test_the_tags_of_the_call_stand_before_every_cluster(evidence, recordings):
    for recording in recordings:
        assert recording.trailing_tags == []
        for fragment in recording.fragments:
            assert 0 < fragment.tags_offset < fragment.offset
            assert fragment.tags["TransactionId"] == evidence.call.transaction
            assert fragment.tags["VoiceConnectorId"] == evidence.call.started()[0]["detail"]["voiceConnectorId"]
            assert fragment.tags["CallId"] == evidence.call.call_id
            assert {FRAGMENT, SERVER_TIME, PRODUCER_TIME} <= set(fragment.tags)
            for name in (SERVER_TIME, PRODUCER_TIME):
                assert re.fullmatch(r"\d+\.\d{3}", fragment.tags[name]), fragment.tags[name]


def test_fragment_numbers_have_47_digits_increase_and_carry_their_time(recordings):
    for recording in recordings:
        numbers = [fragment.number for fragment in recording.fragments]
        assert all(re.fullmatch(r"9134385233\d{37}", number) for number in numbers), numbers[:2]
        assert numbers == sorted(set(numbers))
        parts = [records.fragment_parts(number) for number in numbers]
        first = parts[0][0]
        assert first % 1000 == 1, f"a session begins at k*1000+1, not {first}"
        assert [counter for counter, _ in parts] == list(range(first, first + len(parts)))
        for fragment, (_, milliseconds) in zip(recording.fragments, parts):
            assert fragment.tags[SERVER_TIME] == f"{milliseconds // 1000}.{milliseconds % 1000:03d}"


def test_producer_times_follow_the_samples(recordings):
    for recording in recordings:
        base, samples = float(recording.fragments[0].tags[PRODUCER_TIME]), 0
        for fragment in recording.fragments:
            assert float(fragment.tags[PRODUCER_TIME]) - base == pytest.approx(samples / 8000, abs=0.003)
            samples += len(fragment.pcm) // 2


def test_events_name_the_first_and_the_last_fragment_of_the_file(evidence, recordings):
    for recording, started, ended in zip(recordings, evidence.call.started(), evidence.call.ended()):
        assert started["detail"]["startFragmentNumber"] == recording.fragments[0].number
        assert ended["detail"]["currentFragmentNumber"] == recording.fragments[-1].number


# ---- across calls


def test_the_second_call_reuses_the_stream_names(evidence):
    names = [{records.stream_name(event) for event in call.started()} for call in (evidence.call, evidence.second)]
    assert names[0] == names[1]
    arns = [{event["detail"]["streamArn"] for event in call.started()} for call in (evidence.call, evidence.second)]
    assert arns[0] == arns[1], "the creation time in the ARN belongs to the stream, not to the call"


def test_fragment_numbers_continue_in_the_next_session_of_a_stream(evidence):
    for event in evidence.second.started():
        name = records.stream_name(event)
        sessions = [matroska.read_recording(path) for path in records.leg_files(evidence.server, name)]
        assert len(sessions) == 2
        numbers = [fragment.number for session in sessions for fragment in session.fragments]
        assert numbers == sorted(set(numbers))
        counters = [records.fragment_parts(session.fragments[0].number)[0] for session in sessions]
        assert counters == [1, 1001]


def test_file_names_carry_session_transaction_and_media_index(evidence):
    for number, call in ((1, evidence.call), (2, evidence.second)):
        for index, path in enumerate(call.files()):
            assert re.fullmatch(rf"\d{{6}}_{call.transaction}_{index}\.mkv", path.name), path.name
        assert len({path.name[:6] for path in call.files()}) == 1
    for event in evidence.call.started():
        folder = evidence.server.data / "streams" / records.stream_name(event)
        assert json.loads((folder / "stream.json").read_text())


# ---- the commands that read streams


def wav(path):
    with wave.open(str(path)) as sound:
        assert (sound.getnchannels(), sound.getsampwidth(), sound.getframerate()) == (1, 2, 8000)
        return sound.readframes(sound.getnframes())


def test_streams_lists_the_streams_for_people_and_as_json(evidence):
    names = {records.stream_name(event) for event in evidence.call.started()}
    text = evidence.server.run("streams", "--data", evidence.server.data)
    assert text.returncode == 0 and all(name in text.stdout for name in names), text
    listed = evidence.server.run("streams", "--data", evidence.server.data, "--json")
    assert listed.returncode == 0, listed.stderr
    found = json.loads(listed.stdout)
    assert names <= set(re.findall(r"ChimeVoiceConnector-[0-9a-z-]+", json.dumps(found)))


def test_tail_follows_a_live_stream_to_its_end(evidence):
    assert evidence.tail.returncode == 0, (evidence.tail.returncode, evidence.tail.communicated[-2000:])
    numbers = [fragment.number for fragment in matroska.read_recording(evidence.call.files()[0]).fragments]
    shown = evidence.tail.communicated
    seen = [number for number in numbers if number in shown]
    assert len(seen) >= len(numbers) - 1, f"{len(seen)} of {len(numbers)} fragments shown:\n{shown[-1500:]}"
    heard = wav(evidence.server.folder / "live.wav")
    offset = matroska.read_recording(evidence.call.files()[0]).pcm.find(heard[-32000:])
    assert len(heard) >= 3 * 16000 and offset >= 0, "the WAV of the live tail is the end of the leg's audio"


def test_tail_of_an_ended_stream_gives_its_last_session(evidence):
    started = evidence.second.started()[0]
    target = evidence.server.folder / "after.wav"
    done = evidence.server.run("tail", records.stream_name(started), "--data", evidence.server.data, "--wav", target)
    assert done.returncode == 0, done.stderr
    assert_heard(wav(target), evidence.second.legs[0].expected_pcm, "the WAV of an ended stream")
