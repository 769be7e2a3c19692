"""The wall clock is set back an hour in mid-call, stays so over a call, and is set right in mid-call again.

Only the service's clock is moved (peer/interposing.py); the callers, the readers and the file system keep theirs.
"""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

import stored
from kinesis import KinesisServer, LiveCall, Reader, need, need_http, recorded_call
from peer import matroska, media_body, records
from peer.interposing import Interposed
from peer.producer import Producer, fragment, header
from peer.rtp import assert_heard
from peer.server import connector

need_http()
need("boto3")

BACK = -3600
PUT = "put-by-the-test"
NOW, EARLIEST = {"StartSelectorType": "NOW"}, {"StartSelectorType": "EARLIEST"}


class ClockedServer(KinesisServer):
    """A server whose clients sign with its clock, unless they say otherwise."""

    def __init__(self, folder, **settings):
        # Retention looks often, so that a jump is there for many looks.
        self.interposed = Interposed(folder / "faults")
        super().__init__(folder, environment=self.interposed.environment, streams={"retentionInterval": "200ms"}, **settings)

    def signed(self, path, fields, role="admin", signer=None, headers=(), when=None, timeout=10):
        return super().signed(path, fields, role, signer, headers, time.time() + self.interposed.clock if when is None else when, timeout)

    def bodies(self, streams):
        """What GetMedia gives of each stream from its beginning."""
        def read(stream):
            status, _, body = self.signed("/getMedia", {"StreamName": stream, "StartSelector": EARLIEST}, timeout=30)
            assert status == 200, body
            return stream, media_body.read_body(body)

        with ThreadPoolExecutor(len(streams)) as pool:
            return dict(pool.map(read, streams))


def note(call, began):
    """What a test needs of a call that is over."""
    return SimpleNamespace(call=call, seconds=time.time() - began, files=call.files(), ended=call.ended(), streams=[
        records.stream_name(event) for event in call.started()], cdr=call.record("CDR")[1], sdr=call.record("SDR")[1])


def statuses_by_age(node):
    """{seconds by which a request's time is off: how it was answered}, off as the service sees it."""
    base = time.time() + node.interposed.clock
    return {off: node.signed("/listStreams", {}, when=base + off)[0] for off in (-310, -290, 0, 290, 310)}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    node = ClockedServer(tmp_path_factory.mktemp("clock"), connectors=[connector(streaming={"dataRetentionInHours": 2})]).start()
    found = SimpleNamespace(node=node, calls=[], ages={}, readers=[])
    status, _, body = node.signed("/createStream", {"StreamName": PUT, "DataRetentionInHours": 2})
    assert status == 200, body

    began = time.time()
    found.calls.append(note(recorded_call(node, seconds=1.6, seed=801), began))

    began = time.time()
    with LiveCall(node, seed=802) as live, Producer(node, PUT) as producer:
        producer.send(header() + fragment(int(time.time() * 1000), seconds=0.5))
        producer.wait_for("PERSISTED")
        found.readers = [Reader(node, live.streams[0], NOW), Reader(node, live.streams[1], NOW),
                         Reader(node, live.streams[0], EARLIEST),
                         Reader(node, live.streams[1], NOW, header={"x-earshot-fragments": "whole"})]
        for reader in found.readers:
            reader.begin()
        time.sleep(1.6)
        found.jumped = time.monotonic()
        node.interposed.set_clock(BACK)
        producer.send(fragment(int(time.time() * 1000), seconds=0.5))
        time.sleep(2.4)
        found.ages[BACK] = statuses_by_age(node)
        found.unmoved = node.signed("/listStreams", {}, when=time.time())
        producer.send(fragment(int(time.time() * 1000), seconds=0.5))
        producer.finish()
        found.persisted = [line["FragmentNumber"] for line in producer.acknowledgments() if line["EventType"] == "PERSISTED"]
        live.end()
        found.hung_up = time.monotonic()
        found.calls.append(note(live.call, began))
    for reader in found.readers:
        reader.finish()

    began = time.time()
    found.calls.append(note(recorded_call(node, seconds=1.6, seed=803), began))
    third = found.calls[2]
    found.by_time = [listed_between(node, stream, began + BACK - 1, time.time() + BACK + 1) for stream in third.streams]
    found.bodies_behind = node.bodies(third.streams)
    found.listed_behind = stored.all_fragments(node)
    found.verified_behind = node.run("verify", "--data", node.data, "--json", environment=node.interposed.environment)

    began = time.time()
    with LiveCall(node, seed=804) as live:
        time.sleep(1.3)
        node.interposed.set_clock(0)
        time.sleep(1.3)
        live.end()
        found.calls.append(note(live.call, began))
    found.ages[0] = statuses_by_age(node)
    found.bodies = node.bodies(third.streams)
    found.listed = stored.all_fragments(node)
    found.put = stored.fragments(node, PUT)
    found.search = stored.search(node)
    node.stop()
    found.verified = stored.verify(node)
    # Two more starts: with the clock back, and as it was.
    found.after = []
    for clock in (BACK, 0):
        node.interposed.set_clock(clock)
        node.start()
        time.sleep(0.5)
        found.after.append(stored.all_fragments(node))
        node.stop()
    found.log = node.log.read_text()
    yield found
    node.destroy()


def listed_between(node, stream, begin, end):
    status, _, body = node.signed("/listFragments", {"StreamName": stream, "FragmentSelector": {
        "FragmentSelectorType": "SERVER_TIMESTAMP", "TimestampRange": {"StartTimestamp": begin, "EndTimestamp": end}}})
    assert status == 200, body
    return sorted(row["FragmentNumber"] for row in json.loads(body)["Fragments"])


def test_no_audio_is_lost(run):
    for number, one in enumerate(run.calls):
        for leg, path in zip(one.call.legs, one.files):
            assert_heard(matroska.read_recording(path).pcm, leg.expected_pcm, f"call {number}")
        assert all(leg["WriterLostMilliseconds"] == 0 and leg["Lost"] == 0 for leg in one.sdr["Legs"])


def test_live_readers_go_on_to_the_calls_end(run):
    one = run.calls[1]
    for number, reader in enumerate(run.readers):
        media_body.check_live_body(reader.chunks)
        mine = [chunk for chunk in reader.chunks if chunk.tags["CallId"] == one.call.call_id]
        recorded = matroska.read_recording(one.files[number % 2]).pcm
        heard = media_body.pcm(mine)
        assert len(heard) > 3.5 * 16000 and recorded.endswith(heard), f"reader {number} heard {len(heard) / 16000:.2f} s in other form"
        gaps = [after - before for (before, _), (after, _) in zip(reader.moments, reader.moments[1:]) if after < run.hung_up]
        assert max(gaps) < (1.6 if number == 3 else 0.7), f"reader {number} waited {max(gaps):.2f} s"
        assert any(moment > run.jumped + 1 for moment, _ in reader.moments)
        assert 2.5 <= reader.ended - run.hung_up <= 4.8, f"the body ended {reader.ended - run.hung_up:.2f} s after the call"


def test_fragment_numbers_increase_as_strings_over_all_calls(run):
    for bodies in (run.bodies_behind, run.bodies):
        for stream, chunks in bodies.items():
            media_body.check_live_body(chunks)
    shared = set.intersection(*(set(one.streams) for one in run.calls))
    assert len(shared) == 2, "the streams are used again"
    for stream in shared:
        calls = list(dict.fromkeys(chunk.tags["CallId"] for chunk in run.bodies[stream]))
        assert calls == [one.call.call_id for one in run.calls], "the order of the numbers is the order of the calls"
    assert len(run.persisted) == 3 and run.persisted == sorted(run.persisted) == [row["FragmentNumber"] for row in run.put]


def test_within_a_call_the_servers_times_never_go_back_and_the_producers_run_on(run):
    for stream, chunks in run.bodies.items():
        for one in run.calls:
            mine = [chunk for chunk in chunks if chunk.tags["CallId"] == one.call.call_id and chunk.blocks]
            for before, after in zip(mine, mine[1:]):
                assert after.server >= before.server
                assert abs(after.producer - before.producer - len(before.pcm) / 16000) < 0.005


def test_a_range_of_the_slow_clocks_times_finds_what_was_recorded_by_it(run):
    third = run.calls[2]
    for stream, numbers in zip(third.streams, run.by_time):
        mine = [chunk.number for chunk in run.bodies[stream] if chunk.tags["CallId"] == third.call.call_id and chunk.blocks]
        assert set(mine) <= set(numbers), "the third call's fragments"
        first = [chunk.number for chunk in run.bodies[stream] if chunk.tags["CallId"] == run.calls[0].call.call_id and chunk.blocks]
        assert not set(first) & set(numbers), "the first call's, an hour later by the clock"


def test_retention_deletes_nothing_that_is_too_young(run):
    assert "recording deleted" not in run.log
    for one in run.calls:
        assert all(path.exists() for path in one.files)
    for listed in (run.listed, *run.after):
        for stream, rows in run.listed_behind.items():
            assert {row["FragmentNumber"] for row in rows} <= {row["FragmentNumber"] for row in listed[stream]}
    assert run.after[0] == run.after[1] == run.listed


def test_verify_is_clean_by_either_clock(run):
    assert run.verified.code == 0 and run.verified.summary["clean"], run.verified.bad
    assert run.verified_behind.returncode == 0, run.verified_behind.stdout
    assert not [note for note in run.verified.notes if note.get("streamName") != PUT], run.verified.notes


def test_events_say_how_long_each_stream_was_and_are_in_the_order_of_what_happened(run):
    order = [(event["detail"]["callId"], event["detail"]["streamingStatus"]) for event in records.events(run.node)]
    assert order == [(one.call.call_id, status) for one in run.calls for status in ("STARTED", "STARTED", "ENDED", "ENDED")]
    for one in run.calls:
        for event in one.ended:
            length = records.parse_time(event["detail"]["endTime"]) - records.parse_time(event["detail"]["startTime"])
            assert one.seconds - 1.5 <= length <= one.seconds + 0.5, f"{length:.2f} s of a call of {one.seconds:.2f} s"




@pytest.mark.parametrize("number", [pytest.param(0, id="before"), pytest.param(1, id="set back"),
                                    pytest.param(2, id="behind"), pytest.param(3, id="set right")])
def test_records_say_how_long_the_call_was(run, number):
    one = run.calls[number]
    for record in (one.cdr, one.sdr):
        length = record["EndTimeEpochSeconds"] - record["StartTimeEpochSeconds"]
        assert abs(length - one.seconds) <= 1.5, f"{length} s of a call of {one.seconds:.1f} s"
        assert record["BillableDurationSeconds"] == 6
    found = next(call for call in run.search if call["callId"] == one.call.call_id)
    length = records.parse_time(found["endTime"]) - records.parse_time(found["startTime"])
    assert found["status"] == "Completed" and 0 <= length <= one.seconds + 1.5


def test_signatures_are_judged_by_the_clock_as_it_is(run):
    for clock, statuses in run.ages.items():
        assert statuses == {-310: 403, -290: 200, 0: 200, 290: 200, 310: 403}, f"with the clock {clock} s off"
    status, headers, body = run.unmoved
    assert status == 403, "a client whose clock was not set back is an hour ahead"
    assert b"ignature" in body, body
