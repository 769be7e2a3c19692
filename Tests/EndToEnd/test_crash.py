"""Kill −9 in mid-call at twenty random moments: what is left, and what the next start makes of it."""

import json
import random
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest

from evidence import probe
from peer import g711, matroska, records
from peer.recorded_call import RecordedCall
from peer.rtp import difference
from peer.server import EarshotServer

SEED = 20260107
MOMENTS = [round(random.Random(SEED + n).uniform(0.3, 3.2), 3) for n in range(20)]
MISSING_LIMIT = 500  # milliseconds of sent audio


@dataclass
class Crash:
    seconds: float
    failure: str = ""  # of the call and its files
    after: str = ""  # of the restarts
    missing: list = field(default_factory=list)  # milliseconds of sent audio that are not in the file, per leg
    wrong: list = field(default_factory=list)
    probes: list = field(default_factory=list)
    started: list = field(default_factory=list)
    ended: list = field(default_factory=list)
    sdr: dict = field(default_factory=dict)
    cdr: dict = field(default_factory=dict)
    counts: dict = field(default_factory=dict)  # after the second restart: how often each thing exists
    numbers: list = field(default_factory=list)
    readable_after: bool = False


def crash_once(folder, number, seconds):
    """One server, one call, SIGKILL after `seconds` of speech, two restarts."""
    found = Crash(seconds)
    server = EarshotServer(folder)
    try:
        server.start()
        with RecordedCall(server, seed=600 + number) as call:
            call.invite()
            started = found.started = call.started()
            paths = call.files()
            speaker = call.speak([g711.noise(6000 + number, seconds + 2), g711.noise(7000 + number, seconds + 2)], wait=False)
            time.sleep(seconds)
            sent = [leg.expected_pcm for leg in call.legs]
            server.kill()
            speaker.stop()
            for path, pcm in zip(paths, sent):
                measure(found, path, pcm)
    except (AssertionError, OSError) as failure:
        found.failure = found.after = f"{failure}"
    else:
        try:
            restart(found, server, call.call_id, paths)
        except (AssertionError, OSError, json.JSONDecodeError) as failure:
            found.after = f"{failure}"
    server.destroy()
    return found


def restart(found, server, call_id, paths):
    """Two starts after the crash: the first mends, the second finds nothing to do."""
    server.start()
    transaction = found.started[0]["detail"]["transactionId"]
    found.ended = records.wait_for_events(server, "ENDED", call_id, 2, 8)
    found.sdr = records.wait_for_object(server, "SDR", transaction)[1]
    found.cdr = records.wait_for_object(server, "CDR", transaction)[1]
    server.stop()
    server.start()
    server.stop()
    count(found, server, call_id, transaction, paths)


def measure(found, path, pcm):
    recording = matroska.read_recording(path, partial=True)
    offset, wrong, frames = difference(recording.pcm, pcm)
    present = 0 if offset is None else min(len(pcm), len(recording.pcm) - offset)
    found.missing.append((len(pcm) - present) / 16)
    found.wrong.append([frame for frame in wrong if (frame + 1) * 320 <= present])
    found.probes.append(probe(path))
    found.numbers.append(recording.fragments[-1].number if recording.fragments else None)


def count(found, server, call_id, transaction, paths):
    mine = [event["detail"] for event in records.events(server) if event["detail"].get("callId") == call_id]
    found.counts = {
        "STARTED": sum(detail["streamingStatus"] == "STARTED" for detail in mine),
        "ENDED": sum(detail["streamingStatus"] == "ENDED" for detail in mine),
        "CDR": sum(key.endswith(transaction) for key in records.objects(server, "CDR")),
        "SDR": sum(key.endswith(transaction) for key in records.objects(server, "SDR")),
        "objects": len(records.objects(server, "CDR")) + len(records.objects(server, "SDR")),
    }
    found.readable_after = all(matroska.read_recording(path, partial=True).pcm is not None and probe(path).code == 0 for path in paths)


@pytest.fixture(scope="module")
def crashes(tmp_path_factory):
    root = tmp_path_factory.mktemp("crash")
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(lambda pair: crash_once(root / str(pair[0]), *pair), enumerate(MOMENTS)))


each = pytest.mark.parametrize("number", range(20), ids=[f"after {seconds} s" for seconds in MOMENTS])


@each
def test_a_killed_recorder_leaves_files_that_open_and_miss_at_most_half_a_second(number, crashes):
    crash = crashes[number]
    assert not crash.failure, crash.failure
    for seen in crash.probes:
        assert seen.code == 0 and seen.found["streams"][0]["codec_name"] == "pcm_s16le", seen.errors
        assert seen.mkvinfo_code == 0
    assert max(crash.missing) <= MISSING_LIMIT, f"milliseconds missing per leg: {crash.missing}"
    assert crash.wrong == [[], []], f"what is there must be right: {crash.wrong}"


@each
def test_the_next_start_writes_ended_sdr_and_cdr_that_say_the_call_was_cut(number, crashes):
    crash = crashes[number]
    assert not crash.after, crash.after
    for event in crash.ended:
        first = next(one for one in crash.started if one["detail"]["streamArn"] == event["detail"]["streamArn"])
        records.check_ended(event, first)
        assert event["detail"]["endReason"] == "Interrupted"
        length = records.parse_time(event["detail"]["endTime"]) - records.parse_time(event["detail"]["startTime"])
        assert crash.seconds - 0.6 <= length <= crash.seconds + 2, f"the call lasted {crash.seconds} s, ENDED says {length:.2f} s"
    for record in (crash.sdr, crash.cdr):
        assert (record["Status"], record["StatusMessage"]) == ("Failed", "Interrupted: the service stopped during the call")
    assert len(crash.sdr["Legs"]) == 2
    ends = {leg["EndFragmentNumber"] for leg in crash.sdr["Legs"]}
    assert ends == {event["detail"]["currentFragmentNumber"] for event in crash.ended}


@each
def test_a_second_start_writes_nothing_twice(number, crashes):
    crash = crashes[number]
    assert not crash.after, crash.after
    assert crash.counts == {"STARTED": 2, "ENDED": 2, "CDR": 1, "SDR": 1, "objects": 2}
    assert crash.readable_after


def test_the_last_fragments_number_survives_the_crash(crashes):
    for crash in crashes:
        assert not crash.after, crash.after
        named = {event["detail"]["currentFragmentNumber"] for event in crash.ended}
        assert set(crash.numbers) == named or max(n for n in crash.numbers if n) >= max(named)


def test_after_a_crash_the_streams_are_used_again_and_their_numbers_continue(tmp_path):
    server = EarshotServer(tmp_path / "again").start()
    names, numbers = [], []
    for run in range(2):
        with RecordedCall(server, seed=650 + run) as call:
            call.invite()
            call.speak([g711.noise(8, 0.8), g711.noise(9, 0.8)])
            names.append({records.stream_name(event) for event in call.started()})
            if run == 0:
                paths = call.files()
                server.kill()
                numbers += [matroska.read_recording(path, partial=True).fragments[-1].number for path in paths]
                server.start()
            else:
                call.bye()
                call.ended()
                first = [matroska.read_recording(path).fragments[0].number for path in call.files()]
    server.stop()
    assert names[0] == names[1]
    assert min(first) > max(numbers)


def test_a_call_of_before_the_crash_is_not_known_after_it(tmp_path):
    server = EarshotServer(tmp_path / "gone").start()
    with RecordedCall(server, seed=660) as call:
        call.invite()
        server.kill()
        port = server.udp[1]
        server.file.write_text(server.file.read_text().replace("udp: 0", f"udp: {port}"))
        server.start()
        assert call.dialog.bye().status == 481
    server.stop()


@pytest.mark.parametrize("round", range(6))
def test_a_kill_right_after_the_answer_loses_no_call(round, tmp_path):
    """From the 200 on, the client believes that the call is recorded: whatever happens then must leave a trace."""
    server = EarshotServer(tmp_path)
    try:
        server.start()
        with RecordedCall(server, seed=680 + round) as call:
            call.invite()
            time.sleep(round * 0.008)
            server.kill()
            server.start()
            assert len(records.wait_for_events(server, "STARTED", call.call_id, 2)) == 2
            assert len(records.wait_for_events(server, "ENDED", call.call_id, 2)) == 2
            for kind in ("SDR", "CDR"):
                content = call.record(kind)[1]
                assert content["StatusMessage"].startswith("Interrupted"), content
        server.stop()
    finally:
        server.destroy()
