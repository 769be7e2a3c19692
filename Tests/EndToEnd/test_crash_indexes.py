"""kill −9 in the middle of what is written beside the audio: indexes, descriptions, the event log, records, journals.

Each case is a change of a file at which the process kills itself (peer/interposing.py): before it, after half of it, or after it.
What had been acknowledged before is there after the next start, and what the indexes say is what the files say.
"""

import contextlib
import json
import random
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest

import stored
from kinesis import KinesisServer, need_http, recorded_call
from peer import g711, records
from peer.interposing import AFTER, BEFORE, HALF, Interposed
from peer.producer import Producer, cluster, header
from peer.recorded_call import RecordedCall

need_http()

SEED = 20261123
# What is written, the paths, how many changes of it there are at least between arming and the end, and how many cases.
TARGETS = [
    ("a fragment index", "*/streams/*.idx", 3, 4),
    ("a stream's description", "*/stream.json*", 6, 3),
    ("the event log", "*/logs/events.jsonl", 4, 2),
    ("the index of calls", "*/index.sqlite*", 12, 3),
    ("a search's index of calls", "*/index.sqlite*", 12, 2),
    ("a record", "*/objects/*", 6, 1),
    ("a journal", "*/calls/*", 3, 1),
]


def cases():
    generator = random.Random(SEED)
    for what, pattern, most, count in TARGETS:
        for number in range(count):
            yield what, pattern, generator.randint(1, most), (BEFORE, HALF, AFTER)[(number + generator.randrange(2)) % 3]


CASES = list(cases())
WHEN = {BEFORE: "before", HALF: "half of", AFTER: "after"}
STREAM = "put-by-the-test"


@dataclass
class Crash:
    case: tuple
    failure: str = ""
    code: int = None
    seen: int = 0
    acknowledged: dict = field(default_factory=dict)  # fragment numbers by stream: listed, or PERSISTED
    persisted: dict = field(default_factory=dict)  # of those of PutMedia: the PCM
    tags: dict = field(default_factory=dict)
    answered: list = field(default_factory=list)  # Call-IDs of calls that were answered with 200
    listed: dict = field(default_factory=dict)  # after the restart
    read: dict = field(default_factory=dict)
    described: dict = field(default_factory=dict)
    events: list = field(default_factory=list)
    objects: dict = field(default_factory=dict)
    calls: list = field(default_factory=list)
    verified: object = None
    rebuilt: dict = field(default_factory=dict)  # the same without indexes
    rebuilt_calls: list = field(default_factory=list)
    verified_rebuilt: object = None


def pcm(seed):
    return random.Random(seed).randbytes(320)


def put(node, found, first, count):
    """Fragments of 20 ms; what is acknowledged as persisted is noted, also when the connection breaks."""
    start = int(time.time() * 1000)
    parts = {start + index * 20: pcm(first + index) for index in range(count)}
    with Producer(node, STREAM) as producer:
        try:
            producer.send(header())
            for time_code, part in parts.items():
                producer.send(cluster(time_code, [(1, 0, part[:160]), (1, 10, part[160:])]))
            producer.finish()
            producer.is_over.wait(6)
        except OSError:
            pass
        for line in list(producer.lines):
            if line["EventType"] == "PERSISTED":
                found.persisted[line["FragmentNumber"]] = parts[line["FragmentTimecode"]]


def tag(node, found, name):
    status, _, body = node.signed("/tagStream", {"StreamName": STREAM, "Tags": {name: "1"}}, timeout=4)
    assert status == 200, body
    found.tags[name] = "1"


def crash_once(folder, number, case):
    found = Crash(case)
    interposed = Interposed(folder / "faults")
    node = KinesisServer(folder, environment=interposed.environment)
    try:
        run(found, node, interposed, number)
        node.environment = {}
        look(found, node)
    except (AssertionError, OSError, ValueError, KeyError, subprocess.SubprocessError) as failure:
        found.failure = f"{type(failure).__name__}: {failure}"
    finally:
        node.destroy()
    return found


def run(found, node, interposed, number):
    """A call and a producer that are acknowledged; the same again, in which the process dies."""
    what, pattern, count, when = found.case
    node.start()
    node.signer()
    status, _, body = node.signed("/createStream", {"StreamName": STREAM, "DataRetentionInHours": 24})
    assert status == 200, body
    tag(node, found, "first")
    first = recorded_call(node, seconds=1.3, seed=5000 + 2 * number)
    found.answered.append(first.call_id)
    first.record("CDR")
    put(node, found, 0, 5)
    found.acknowledged = {stream: [row["FragmentNumber"] for row in rows] for stream, rows in stored.all_fragments(node).items()}
    if what.startswith("a search"):
        # The index is made anew by a search beside the service, which the service does not mind.
        call_until_death(found, node, number, lambda: None)
        for path in node.data.glob("index.sqlite*"):
            path.unlink()
        interposed.kill_at(pattern, count, when)
        # The service, whose index it is, must go on; only the command is to die.
        own = Interposed(node.folder / "faults-of-the-command")
        interposed.disarm()
        own.kill_at(pattern, count, when)
        command = node.run("search", "--data", node.data, "--json", environment=own.environment)
        found.code, found.seen = command.returncode, own.seen
        assert node.alive() and stored.search(node), "the service does not mind"
        node.kill()
        return
    interposed.kill_at(pattern, count, when)
    call_until_death(found, node, number, lambda: put(node, found, 100, 130))
    with contextlib.suppress(subprocess.TimeoutExpired):
        node.process.wait(9)  # the index of calls is brought up to date every five seconds
    found.code, found.seen = node.process.poll(), interposed.seen
    node.kill()


def call_until_death(found, node, number, besides):
    """What is not answered any more has not been acknowledged."""
    with contextlib.suppress(AssertionError, OSError):
        tag(node, found, "second")
    with RecordedCall(node, seed=5001 + 2 * number) as call:
        try:
            call.invite(timeout=2)
            found.answered.append(call.call_id)
            speaker = call.speak([g711.noise(1, 1.3), g711.noise(2, 1.3)], wait=False)
            time.sleep(random.Random(SEED + number).uniform(0, 0.8))
            besides()
            speaker.join(5)
            if node.alive():
                time.sleep(0.05)
                call.dialog.bye(timeout=2)
        except (AssertionError, OSError):
            assert not node.alive(), f"something else than the death went wrong\n{node.tail()}"


def look(found, node):
    """After the restart: what is there; the same again without any index."""
    node.start()
    for call_id in found.answered:
        records.wait_for_events(node, "ENDED", call_id, 2, 8)
    found.listed = stored.all_fragments(node)
    found.read = stored.audio(node, STREAM, sorted(found.persisted))
    status, _, body = node.signed("/listTagsForStream", {"StreamName": STREAM})
    assert status == 200, body
    found.described = json.loads(body)["Tags"]
    found.calls = stored.search(node)
    node.stop()
    found.events = [event["detail"] for event in records.events(node)]
    found.objects = {kind: [json.loads(raw) for key, raw in records.objects(node, kind).items()] for kind in ("CDR", "SDR")}
    found.verified = stored.verify(node)
    assert stored.forget_indexes(node) > 3
    node.start()
    found.rebuilt = stored.all_fragments(node)
    found.rebuilt_calls = stored.search(node)
    node.stop()
    found.verified_rebuilt = stored.verify(node)


@pytest.fixture(scope="module")
def crashes(tmp_path_factory):
    root = tmp_path_factory.mktemp("indexes")
    with ThreadPoolExecutor(5) as pool:
        return list(pool.map(lambda pair: crash_once(root / str(pair[0]), *pair), enumerate(CASES)))


each = pytest.mark.parametrize("number", range(len(CASES)), ids=[
    f"{what}-{WHEN[when]} change {count}" for what, _, count, when in CASES])


@pytest.fixture
def crash(number, crashes):
    found = crashes[number]
    assert not found.failure, found.failure
    assert found.code == -signal.SIGKILL, f"exit code {found.code} after {found.seen} changes: it did not die where it should"
    return found


@each
def test_nothing_that_was_acknowledged_is_lost(crash):
    for stream, numbers in crash.acknowledged.items():
        there = {row["FragmentNumber"] for row in crash.listed[stream]}
        assert set(numbers) <= there, f"{len(set(numbers) - there)} of {len(numbers)} listed fragments of {stream} are gone"
    wrong = [number for number, part in crash.persisted.items() if crash.read.get(number) != part]
    assert not wrong, f"{len(wrong)} of {len(crash.persisted)} fragments that PutMedia acknowledged are not as they were sent: {wrong[:3]}"
    assert crash.tags.items() <= crash.described.items()
    for call_id in crash.answered:
        for status in ("STARTED", "ENDED"):
            of = [event for event in crash.events if event.get("callId") == call_id and event["streamingStatus"] == status]
            assert len(of) == 2, f"{len(of)} {status} events of a call of two legs"
        for kind, objects in crash.objects.items():
            assert sum(item["CallId"] == call_id for item in objects) == 1, f"the {kind} of an answered call"


@each
def test_verify_finds_nothing_wrong_after_the_next_start(crash):
    for found in (crash.verified, crash.verified_rebuilt):
        assert found.code == 0 and found.summary["clean"], f"{found.bad}"
        assert found.summary["fragments"] == sum(map(len, crash.listed.values()))


def differing(left, right):
    """What two lists say differently, as text: the first few fields."""
    found = []
    for stream in {**left, **right}:
        rows = [{row["FragmentNumber"]: row for row in side.get(stream, [])} for side in (left, right)]
        for number in sorted({**rows[0], **rows[1]}):
            one, other = rows[0].get(number, {}), rows[1].get(number, {})
            found += [f"{stream} {number} {name}: {one.get(name)}, {other.get(name)}"
                      for name in {**one, **other} if one.get(name) != other.get(name)]
    return found[:6]


@each
def test_lists_and_searches_say_what_the_files_say(crash):
    # With the indexes as the crash has left them, and without any.
    wrong = differing(crash.listed, crash.rebuilt)
    assert not wrong, "\n".join(wrong)
    for left, right in zip(crash.calls, crash.rebuilt_calls):
        assert left == right
    assert len(crash.calls) == len(crash.rebuilt_calls)
    assert {call["callId"] for call in crash.calls} >= set(crash.answered)
    assert {call["status"] for call in crash.calls} <= {"Completed", "Failed"}, "no call goes on"
