"""What retention deletes under load, and what it never may: what is recorded, what is read, what is younger.

Retention looks every 200 ms here instead of every 30 s (`streams.retentionInterval`); otherwise it is as it always is. Recordings get their
age by the times of their files, by which it is counted.
"""

import os
import random
import re
import socket
import threading
import time
from types import SimpleNamespace

import pytest

import stored
from kinesis import KinesisServer, LiveCall, Reader, need, need_http, raw_socket, recorded_call, send_get_media
from peer import matroska, media_body
from peer.interposing import Interposed
from peer.producer import Producer, cluster, header
from peer.rtp import assert_heard
from peer.server import connector, free_media_range

need_http()
need("boto3")

EARLIEST = {"StartSelectorType": "EARLIEST"}
BUDGET = 30_000_000
PIECE = 100_000  # bytes of audio a fragment
HOUR = 3600
LOOK = 0.2


def noise(seed, count):
    return [random.Random(seed * 1000 + index).randbytes(PIECE) for index in range(count)]


def put(node, name, megabytes, hours, seed=0):
    """One session of a producer; gives its file and the PCM in it."""
    if not (node.data / "streams" / name).exists():
        status, _, body = node.signed("/createStream", {"StreamName": name, "DataRetentionInHours": hours})
        assert status == 200, body
    before = set((node.data / "streams" / name).glob("*.mkv"))
    parts, start = noise(seed, megabytes * 10), int(time.time() * 1000)
    with Producer(node, name) as producer:
        producer.send(header())
        for index, part in enumerate(parts):
            blocks = [(1, at // 16, part[at:at + 20_000]) for at in range(0, PIECE, 20_000)]
            producer.send(cluster(start + index * (PIECE // 16), blocks))
        producer.finish()
        lines = producer.acknowledgments(20)
    assert producer.status == 200 and not [line for line in lines if line["EventType"] == "ERROR"], lines[-2:]
    (path,) = set((node.data / "streams" / name).glob("*.mkv")) - before
    return path, b"".join(parts)


def age(path, seconds):
    when = time.time() - seconds
    os.utime(path, (when, when))


def usage(node):
    """{file: what it takes on the disk with its index} of all recordings."""
    found = {}
    for path in node.data.glob("streams/*/*.mkv"):
        try:
            index = path.with_suffix(".idx")
            found[path] = path.stat().st_blocks * 512 + (index.stat().st_blocks * 512 if index.exists() else 0)
        except FileNotFoundError:
            pass
    return found


class Watch(threading.Thread):
    """Looks at all recordings again and again."""

    def __init__(self, node):
        super().__init__(daemon=True)
        self.node, self.totals, self.stopping = node, [], threading.Event()
        self.seen = set()

    def run(self):
        while not self.stopping.wait(0.05):
            now = usage(self.node)
            self.seen |= set(now)
            self.totals.append(sum(now.values()))

    def finish(self):
        self.stopping.set()
        self.join(5)


def deletions(node):
    """What the log says was deleted: (stream, session's number, transaction, reason), in order."""
    found = []
    for line in node.log.read_text().splitlines():
        if "recording deleted" not in line:
            continue
        fields = {name: re.search(rf"\b{name}=(.+?)(?= \w+=|  *\[|$)", line) for name in ("stream", "session", "transactionId", "reason")}
        assert all(fields.values()), line
        found.append(tuple(fields[name].group(1).strip('"') for name in ("stream", "session", "transactionId", "reason")))
    return found


def file_of(node, deletion):
    stream, session, transaction, _ = deletion
    return node.data / "streams" / stream / f"{int(session):06d}_{transaction}"


def is_of(path, deletion):
    return str(path).startswith(str(deletion)) and path.suffix == ".mkv"


def wait_until(is_so, seconds, what):
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def stalled_reader(node, stream):
    """A GetMedia whose client does not read."""
    connection = raw_socket(node, receive_buffer=4096)
    send_get_media(node, connection, stream, EARLIEST)
    return connection


def read_to_the_end(connection):
    connection.settimeout(10)
    got = bytearray()
    try:
        while piece := connection.recv(1 << 18):
            got += piece
            if got[-7:] == b"\r\n0\r\n\r\n":
                break
    except socket.timeout:
        pass
    connection.close()
    _, _, rest = bytes(got).partition(b"\r\n\r\n")
    body, at = bytearray(), 0
    while at < len(rest):
        end = rest.index(b"\r\n", at)
        count = int(rest[at:end], 16)
        body += rest[end + 2:end + 2 + count]
        at = end + count + 4
    return media_body.read_body(bytes(body))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A full store, 22 calls that make it fuller, readers that hold the oldest of it."""
    folder = tmp_path_factory.mktemp("retention")
    node = KinesisServer(folder, media_range=free_media_range(400), connectors=[connector(streaming={"dataRetentionInHours": 24})],
                         streams={"diskBudget": f"{BUDGET // 1_000_000}MB", "retentionInterval": f"{LOOK * 1000:.0f}ms"}).start()
    found = SimpleNamespace(node=node)
    try:
        fill(node, found)
        load(node, found)
        found.log = deletions(node)
        found.verified = stored.verify(node)
        found.calls_found = stored.search(node)
        yield found
    finally:
        node.destroy()


def fill(node, found):
    """Old calls, old sessions of producers, and by far the oldest: those that readers will hold."""
    found.old_calls = [recorded_call(node, seconds=1.2, seed=900 + number) for number in range(3)]
    found.ages = {}
    for number, call in enumerate(found.old_calls):
        call.files_were = call.files()
        for index, path in enumerate(call.files_were):
            found.ages[path] = 10 * HOUR - number * 600 - index
    for number in range(10):
        path, _ = put(node, f"old-{number}", 1, 24, seed=number)
        found.ages[path] = 6 * HOUR - number * 600
    found.held, found.held_pcm = put(node, "held", 9, 24, seed=50)
    found.ages[found.held] = 12 * HOUR
    found.stalled = stalled_reader(node, "held")
    time.sleep(0.5)
    for path, seconds in found.ages.items():
        age(path, seconds)
    # By age: of three sessions of a stream that keeps an hour one is older, of three of one that keeps nothing for later as well.
    found.too_old, found.young = [], []
    for name, hours, ages in (("short", 1, (2 * HOUR, HOUR // 2, 60)), ("none", 0, (400, 200, 60))):
        made = [put(node, name, 1, hours, seed=60 + index)[0] for index in range(3)]
        for path, seconds in zip(made, ages):
            age(path, seconds)
        found.too_old.append(made[0])
        found.young += made[1:]
    wait_until(lambda: not any(path.exists() for path in found.too_old), 3, "what is too old is still there after many looks")
    time.sleep(3 * LOOK)
    found.before = set(usage(node))
    found.deleted_by_age = deletions(node)
    # Up to just below the budget.
    found.filler = []
    while (free := BUDGET - sum(usage(node).values())) > 1_300_000:
        found.filler.append(put(node, f"young-{len(found.filler)}", 1 if free < 4_300_000 else 3, 24, seed=70 + len(found.filler))[0])
    assert len(deletions(node)) == len(found.deleted_by_age), "below the budget nothing goes"


def load(node, found):
    watch = Watch(node)
    watch.start()
    calls = [LiveCall(node, seed=300 + number) for number in range(22)]
    found.live_files = [path for call in calls for path in call.call.files()]
    readers = [Reader(node, calls[index].streams[0]).begin() for index in (0, 11)]
    time.sleep(7.5)
    found.excess = sum(usage(node).values()) - BUDGET
    for call in calls:
        call.end()
    time.sleep(3 * LOOK)
    found.held_while_read = found.held.exists()
    found.left = usage(node)
    watch.finish()
    found.totals, found.seen = watch.totals, watch.seen
    found.live = [(leg.expected_pcm, path) for call in calls for leg, path in zip(call.legs, call.call.files())]
    found.live_recordings = [matroska.read_recording(path).pcm for _, path in found.live]
    found.lost = [leg["WriterLostMilliseconds"] for call in calls for leg in call.call.record("SDR")[1]["Legs"]]
    found.readers = [(reader.finish(), call) for reader, call in zip(readers, (calls[0], calls[11]))]
    for call in calls:
        call.__exit__(None)
    found.stalled_body = read_to_the_end(found.stalled)
    put(node, "young-last", 1, 24, seed=99)
    wait_until(lambda: not found.held.exists(), 3, "what nobody reads any more is still there, the oldest of all")


def budget_deletions(found):
    return [file_of(found.node, deletion) for deletion in found.log if "budget" in deletion[3]]


def test_by_age_goes_what_is_older_than_its_stream_keeps_and_nothing_else(run):
    assert {(deletion[0], deletion[3]) for deletion in run.deleted_by_age} == {
        ("short", "older than 1 h"), ("none", "the stream keeps nothing for later")}
    assert len(run.deleted_by_age) == 2
    assert all(path in run.before for path in run.young)


def test_beyond_the_budget_the_oldest_goes_first_and_no_more_than_must(run):
    gone = budget_deletions(run)
    oldest = [path for path in sorted(run.ages, key=run.ages.get, reverse=True) if path != run.held]
    assert len(gone) >= 8, f"{len(gone)} sessions went"
    # The held one goes when nobody reads it any more, and is then the first.
    assert is_of(run.held, gone[-1]) or any(is_of(run.held, one) for one in gone[-3:])
    others = [one for one in gone if not is_of(run.held, one)]
    for path, deletion in zip(oldest, others):
        assert is_of(path, deletion), f"{deletion.name} went before {path.name}"
    after_first = [total for total in run.totals if total > 0]
    assert max(after_first) < BUDGET + 1_500_000, f"{max(after_first)} bytes were there at the most"
    assert min(after_first[len(after_first) // 2:]) > BUDGET - 1_500_000, "more went than the budget asked for"
    assert all(path in run.left for path in run.filler), "the youngest stay"


def test_what_a_reader_holds_stays_until_it_is_read_to_its_end(run):
    assert run.held_while_read, "the oldest recording of all was being read"
    assert media_body.pcm(run.stalled_body) == run.held_pcm, "and was there to its last sample"


def test_calls_are_untouched(run):
    assert not [path for path in run.live_files if path not in run.left], "recordings of calls in progress went"
    for (sent, path), recorded in zip(run.live, run.live_recordings):
        assert_heard(recorded, sent, path.name)
    assert not any(run.lost), "and not a sample is lost"
    for chunks, call in run.readers:
        media_body.check_live_body(chunks)
        heard = media_body.pcm([chunk for chunk in chunks if chunk.tags["CallId"] == call.call.call_id])
        assert len(heard) > 6 * 16000
        assert call.legs[0].expected_pcm.find(heard[16000:6 * 16000]) >= 0, "a reader heard something else"


def test_the_log_names_exactly_what_has_gone(run):
    gone = {path for path in run.seen | run.before | set(run.too_old) | {run.held} if not path.exists()}
    named = [file_of(run.node, deletion) for deletion in run.log]
    assert len(named) == len(gone)
    for path in gone:
        assert sum(is_of(path, deletion) for deletion in named) == 1, f"{path.name} went without a word"
    assert not list(run.node.data.glob("streams/*/*.idx")) or not [
        index for index in run.node.data.glob("streams/*/*.idx") if not index.with_suffix(".mkv").exists()], "their indexes went, too"


def test_verify_and_search_say_the_same(run):
    assert run.verified.code == 0 and run.verified.summary["clean"], run.verified.bad
    missing = [finding["detail"] for finding in run.verified.notes if finding["kind"] == "deletedSession"]
    of_calls = [path for call in run.old_calls for path in call.files_were]
    for path in of_calls:
        of = [detail for detail in missing if path.name in detail]
        assert len(of) == 1 and "the disk budget is used up" in of[0], f"{path.name}: {missing}"
    assert len(missing) == len(of_calls)
    for call in run.old_calls:
        legs = next(one for one in run.calls_found if one["callId"] == call.call_id)["legs"]
        assert [leg["path"] for leg in legs] == [None, None], "the search says that the audio is not kept"


def test_a_clock_that_runs_ahead_ages_what_is_kept_and_a_jump_of_a_year_does_not(tmp_path):
    """Four minutes a look are within what a clock may be off; a year is not believed before it has stood for an hour."""
    faults = Interposed(tmp_path / "faults")
    node = KinesisServer(tmp_path, environment=faults.environment, streams={"retentionInterval": f"{LOOK * 1000:.0f}ms"}).start()
    none, _ = put(node, "none", 1, 0, seed=1)
    hour, _ = put(node, "hour", 1, 1, seed=2)
    with LiveCall(node, seed=330) as live:
        reader = Reader(node, live.streams[0]).begin()
        time.sleep(2 * LOOK)
        faults.set_clock(365 * 24 * HOUR)
        time.sleep(3 * LOOK)
        faults.set_clock(0)
        time.sleep(2 * LOOK)
        assert none.exists() and hour.exists() and not deletions(node)
        assert "the clock was set far ahead" in node.log.read_text()
        minutes = 0
        gone_at = {}
        while minutes < 72:
            minutes += 4
            faults.set_clock(minutes * 60)
            time.sleep(2 * LOOK)
            for path in (none, hour):
                if not path.exists():
                    gone_at.setdefault(path, minutes)
        assert 4 < gone_at[none] <= 12 and 56 < gone_at[hour] <= 68, gone_at
        live.end()
        chunks = reader.finish()
        media_body.check_live_body(chunks)
        for leg, path in zip(live.legs, live.call.files()):
            assert_heard(matroska.read_recording(path).pcm, leg.expected_pcm, "the call")
    assert [(deletion[0], deletion[3]) for deletion in deletions(node)] == [
        ("none", "the stream keeps nothing for later"), ("hour", "older than 1 h")]
    node.stop()
