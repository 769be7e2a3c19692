"""Delivery to moto's server: events, records and recordings of real calls; kills in uploads; buckets that fail."""

import json
import random
import re
import ssl
import subprocess
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from evidence import decode_with_ffmpeg
from kinesis import need
from peer import g711, matroska, records
from peer.producer import fragment
from peer.recorded_call import RecordedCall
from targets import KEY, RECORDINGS, RECORDS, FaultyProxy, Moto, delivering, eventually

need("boto3")


@pytest.fixture(scope="module")
def moto(tmp_path_factory):
    running = Moto(tmp_path_factory.mktemp("moto"))
    yield running
    running.stop()


@pytest.fixture
def proxy(moto):
    made = FaultyProxy(moto.port)
    yield made
    made.stop()


def make_call(server, seed, seconds=1.2, number="+12065550100"):
    """A call of two legs that is over, with its transaction as `transaction`."""
    with RecordedCall(server, seed=seed, from_user=number) as call:
        call.invite()
        call.speak([g711.noise(seed * 2, seconds), g711.noise(seed * 2 + 1, seconds)])
        call.bye()
        call.ended()
        call.record("CDR")
        call.found, call.paths = call.transaction, call.files()
    return call


def written(server):
    return [json.loads(line) for line in (server.data / "logs" / "events.jsonl").read_text().splitlines()]


def local_objects(server):
    root = server.data / "objects"
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*_*") if path.is_file()}


def dead_letters(server, target):
    path = server.data / "delivery" / "dead" / f"{target}.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def by_call(events):
    """{transaction: ids in the order of their first arrival}."""
    order = {}
    for event in events:
        found = order.setdefault(event["detail"]["transactionId"], [])
        if event["id"] not in found:
            found.append(event["id"])
    return order


def identity(event):
    """What tells an event apart where a service gives it an ID of its own."""
    detail = event["detail"]
    return (detail["transactionId"], detail.get("streamArn"), detail.get("streamingStatus"))


def wait_for_all(place, server, records_too=True, timeout=30):
    """Until every event, record and recording that the server wrote has come."""
    events = written(server)
    for kind in ("sqs", "sns"):
        eventually(lambda: f"{len(events)} events by {kind}: {server.tail()}",
                   lambda: {one["id"] for one in place.events(kind)} >= {one["id"] for one in events}, timeout)
    eventually(lambda: f"{len(events)} events over the bus: {server.tail()}",
               lambda: {identity(one) for one in place.events("bus")} >= {identity(one) for one in events}, timeout)
    if records_too:
        wanted = {f"site 1/{key}": content for key, content in local_objects(server).items()}
        eventually(lambda: f"records {set(wanted) - set(place.objects(RECORDS))}: {server.tail()}",
                   lambda: place.objects(RECORDS) == wanted, timeout)
        ended = sum(one["detail"]["streamingStatus"] == "ENDED" for one in events)
        eventually(lambda: f"{ended} recordings, there are {list(place.objects(RECORDINGS))}: {server.tail()}",
                   lambda: len(place.objects(RECORDINGS)) == ended, timeout)


def check_order(server, events):
    """Each call's events came first in the order in which they were written."""
    assert by_call(events) == by_call(written(server))


def pcm_of(content, tmp_path):
    path = tmp_path / "object"
    path.write_bytes(content)
    return decode_with_ffmpeg(path)


def check_recordings(place, call, tmp_path):
    """The objects of a call's legs: the samples of the local files, and what the metadata says."""
    objects = {key: content for key, content in place.objects(RECORDINGS).items() if call.found in key}
    assert len(objects) == len(call.paths)
    ended = {records.stream_name(event): event["detail"] for event in call.ended()}
    for path in call.paths:
        key, content = next((key, content) for key, content in objects.items() if path.stem in key and path.parent.name[-36:] in key)
        assert pcm_of(content, tmp_path) == matroska.read_recording(path).pcm == decode_with_ffmpeg(path)
        detail, stored = ended[path.parent.name], place.get(RECORDINGS, key)
        day = detail["startTime"][:10].replace("-", "/")
        assert key.startswith(f"recordings/{detail['voiceConnectorId']}/{day}/{call.found}/") and key.endswith(".mka")
        assert stored["ContentType"] == "audio/x-matroska"
        names = {"transaction-id": "transactionId", "call-id": "callId", "from-number": "fromNumber", "start-time": "startTime",
                 "end-time": "endTime", "start-fragment-number": "startFragmentNumber", "stream-arn": "streamArn"}
        assert {name: stored["Metadata"][name] for name in names} == {name: detail[member] for name, member in names.items()}
        assert stored["Metadata"]["is-caller"] == str(detail["isCaller"]).lower()


def test_events_records_and_recordings_of_a_real_call_arrive(moto, tmp_path):
    place = moto.place()
    server = delivering(tmp_path, place.delivery()).start()
    calls = [make_call(server, 7100 + index) for index in range(2)]
    wait_for_all(place, server)
    local = written(server)
    assert len(local) >= 8
    for kind in ("sqs", "sns"):
        # The whole event, as the log has it; in their order within a call; and no event twice.
        assert sorted(place.events(kind), key=lambda one: one["id"]) == sorted(local, key=lambda one: one["id"])
        check_order(server, place.events(kind))
    attributes = {message["MessageAttributes"]["eventId"]["StringValue"]: message for message in place.messages("sqs")}
    assert set(attributes) == {event["id"] for event in local}
    bus = place.events("bus")
    assert Counter(map(identity, bus)) == Counter(map(identity, local))
    for event in bus:
        twin = next(one for one in local if identity(one) == identity(event))
        assert (event["detail"], event["detail-type"], event["time"]) == (twin["detail"], twin["detail-type"], twin["time"])
    for call in calls:
        check_recordings(place, call, tmp_path)
    assert not any(dead_letters(server, target) for target in ("sqs", "sns", "eventBridge", "records", "recordings"))
    server.stop()


@pytest.mark.parametrize("form, ending, kind", [("wav", "call.wav", "audio/wav"), ("opus", ".opus", "audio/ogg")])
def test_recordings_in_other_forms_are_what_export_makes(form, ending, kind, moto, tmp_path):
    place = moto.place()
    server = delivering(tmp_path, place.delivery(kinds=["recordings"], form=form), targets=()).start()
    call = make_call(server, 7200)
    wanted = 1 if form == "wav" else 2
    eventually(server.tail, lambda: len(place.objects(RECORDINGS)) == wanted)
    # Both ENDED events of a stereo file give the same object; the second has come, too, when nothing waits any more.
    made = server.run("export", "--transaction", call.found, "--format", form, "--output", tmp_path, "--data", server.data,
                      *(["--stereo"] if form == "wav" else []))
    assert made.returncode == 0, made.stderr
    local = [path.read_bytes() for path in tmp_path.glob(f"{call.found}*.{form}")]
    assert len(local) == wanted
    for key, content in place.objects(RECORDINGS).items():
        assert key.endswith(ending) and place.get(RECORDINGS, key)["ContentType"] == kind
        if form == "wav":
            eventually(server.tail, lambda: place.objects(RECORDINGS)[key] == local[0])
        else:
            # A file of one leg begins with the leg, export's with the call.
            seconds = len(pcm_of(content, tmp_path)) / 16000
            assert min(abs(seconds - len(matroska.read_recording(path).pcm) / 16000) for path in call.paths) < 0.05
    server.stop()
    left = list((server.data / "delivery" / "exports").glob("*"))
    assert not left, f"files that were made for the upload are left: {left}"


def test_a_kill_in_the_middle_of_uploads_loses_nothing(moto, proxy, tmp_path):
    """Three kills while requests are under way, among them some that moto has taken and Earshot does not know of."""
    place = moto.place()
    generator = random.Random(20261124)
    proxy.behaviour = lambda request: generator.choice([0.05, 0.2, 0.4])
    server = delivering(tmp_path, place.delivery(proxy.url)).start()
    with ThreadPoolExecutor(4) as pool:
        calls = list(pool.map(lambda seed: make_call(server, seed, 0.8), range(7300, 7306)))
    for _ in range(3):
        before = len(proxy.seen)
        eventually(server.tail, lambda: len(proxy.seen) > before + 3)
        time.sleep(generator.uniform(0, 0.3))
        server.kill()
        server.start()
    proxy.behaviour = lambda request: "pass"
    wait_for_all(place, server)
    for kind in ("sqs", "sns"):
        check_order(server, place.events(kind))
        counts = Counter(event["id"] for event in place.events(kind))
        # What was under way at a kill, or settled within the second before, comes again.
        assert max(counts.values()) <= 4, counts
    for call in calls:
        check_recordings(place, call, tmp_path)
    keys = Counter(path for method, path in proxy.count().elements() if method == "PUT")
    assert max(keys.values()) <= 4, f"an object is put once and once more a kill at most: {keys.most_common(3)}"
    settled = len(proxy.seen)
    server.stop()
    server.start()
    time.sleep(4)  # the delay of recordings, and the look at the folder of objects
    assert len(proxy.seen) == settled, f"sent again after an orderly restart: {[one['path'] for one in proxy.seen[settled:]]}"
    assert not any(dead_letters(server, target) for target in ("sqs", "sns", "eventBridge", "records", "recordings"))
    server.stop()


@pytest.mark.parametrize("fault", [500, 503, "reset", "forget", "silence", "down", "mixture"])
def test_targets_that_fail_lose_nothing_and_keep_each_calls_order(fault, moto, proxy, tmp_path):
    place, generator, begun = moto.place(), random.Random(f"{fault}"), time.monotonic()

    def behaviour(request):
        if fault == "mixture":
            return generator.choice(["pass", "pass", 500, "reset", "forget", 0.1])
        # An outage at first: everything fails, whatever it is; silence only once, as it costs a time-out each time.
        if fault == "silence":
            return "silence" if request["number"] < 6 else "pass"
        return fault if time.monotonic() < begun + 6 else "pass"

    server = delivering(tmp_path, place.delivery(proxy.url))
    if fault == "down":
        proxy.down()
    else:
        proxy.behaviour = behaviour
    server.start()
    calls = [make_call(server, 7400 + index, 0.6) for index in range(3)]
    if fault == "down":
        time.sleep(3)
        proxy.up()
    wait_for_all(place, server, timeout=90 if fault == "silence" else 60)
    for kind in ("sqs", "sns"):
        check_order(server, place.events(kind))
        if fault not in ("forget", "mixture"):
            counts = Counter(event["id"] for event in place.events(kind))
            assert set(counts.values()) == {1}, f"twice, though the target had taken nothing: {counts.most_common(2)}"
    for call in calls:
        check_recordings(place, call, tmp_path)
    assert not any(dead_letters(server, target) for target in ("sqs", "sns", "eventBridge", "records", "recordings"))
    if fault != "mixture":
        assert "the target does not take messages" in server.log.read_text()
    assert KEY["secretAccessKey"] not in server.log.read_text()
    server.stop()


def test_what_a_target_refuses_becomes_a_dead_letter_that_is_counted_and_listed(moto, proxy, tmp_path):
    place = moto.place()
    poisoned = "+19995550123"
    proxy.behaviour = lambda request: 400 if poisoned.encode() in request["body"] else "pass"
    server = delivering(tmp_path, place.delivery(proxy.url, ["sqs"]), targets=["SQS"]).start()
    good, bad, more = (make_call(server, 7500 + index, 0.5, number) for index, number in
                       enumerate(["+12065550100", poisoned, "+12065550101"]))
    refused = [event for event in written(server) if event["detail"]["transactionId"] == bad.found]
    letters = eventually(server.tail, lambda: len(dead_letters(server, "sqs")) == len(refused) and dead_letters(server, "sqs"), 40)
    assert [letter["event"] for letter in letters] == refused
    for letter in letters:
        assert letter["failures"] == 3 and "InvalidMessageContents" in letter["reason"] and letter["target"] == "sqs"
    others = {event["id"] for event in written(server)} - {event["id"] for event in refused}
    eventually(server.tail, lambda: {event["id"] for event in place.events("sqs")} == others)
    assert {good.found, more.found} == set(by_call(place.events("sqs")))
    server.stop()
    log = server.log.read_text()
    assert log.count("a message is given up") == len(refused)
    assert re.search(rf"deadLetters=\"?{len(refused)}\b", log), "the count at the end"
    assert (server.data / "delivery" / "dead" / "sqs.jsonl").stat().st_mode & 0o077 == 0
    # The next start says that they are there.
    server.start()
    assert re.search(rf"dead letters.*{len(refused)}|{len(refused)}.*dead letters", server.log.read_text()[len(log):])
    server.stop()


def test_nothing_is_sent_to_a_server_whose_certificate_nobody_vouches_for(moto, tmp_path):
    place = moto.place()
    seen = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            seen.append(self.path)
            self.send_response(200)
            self.end_headers()

    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                    "-keyout", tmp_path / "key.pem", "-out", tmp_path / "cert.pem"], check=True, capture_output=True, timeout=20)
    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    listener.socket = context.wrap_socket(listener.socket, server_side=True)
    listener.handle_error = lambda *_: None
    threading.Thread(target=listener.serve_forever, args=(0.05,), daemon=True).start()
    port = listener.server_address[1]
    delivery = {"webhook": {"url": f"https://127.0.0.1:{port}/hook/path-is-a-secret?token=query-is-a-secret", "secret": "s3cr3t-k3y"}}
    server = delivering(tmp_path / "server", delivery, targets=["Webhook"]).start()
    make_call(server, 7600, 0.4)
    eventually(server.tail, lambda: "the target does not take messages" in server.log.read_text())
    time.sleep(1)
    assert not seen
    log = server.log.read_text()
    assert "ertificate" in log or "CERTIFICATE" in log, log[-1500:]
    everything = log + "".join(path.read_text(errors="replace") for path in (server.data / "delivery").rglob("*") if path.is_file())
    for secret in ("path-is-a-secret", "query-is-a-secret", "s3cr3t-k3y"):
        assert secret not in everything
    server.stop()
    listener.shutdown()


def long_recording(path, minutes):
    """Makes of a session's file one that is as long as that: its own header, and a cluster a second."""
    start, header = matroska.read_recording(path), path.read_bytes()
    generator, pieces = random.Random(5), [header[:start.fragments[0].tags_offset]]
    blocks = [generator.randbytes(16000) for _ in range(8)]
    first = int(start.fragments[0].tags["AWS_KINESISVIDEO_FRAGMENT_NUMBER"])
    began = float(start.fragments[0].tags["AWS_KINESISVIDEO_PRODUCER_TIMESTAMP"])
    for second in range(minutes * 60):
        # The counter of fragments stands above 92 bits of time and chance.
        pairs = [("AWS_KINESISVIDEO_FRAGMENT_NUMBER", str(first + (second << 92))), ("CallId", "long"),
                 *((f"AWS_KINESISVIDEO_{who}_TIMESTAMP", f"{began + second:.3f}") for who in ("SERVER", "PRODUCER"))]
        pieces.append(fragment(second * 1000, blocks[second % 8], pairs=pairs))
    path.write_bytes(b"".join(pieces))
    return b"".join(blocks[second % 8] for second in range(minutes * 60))


def test_a_large_recording_goes_in_parts_and_goes_on_after_a_kill(moto, proxy, tmp_path):
    place = moto.place()
    proxy.behaviour = lambda request: 503
    server = delivering(tmp_path, place.delivery(proxy.url, ["recordings"]), targets=()).start()
    call = make_call(server, 7700, 0.4)
    server.kill()
    path = call.paths[0]
    pcm = long_recording(path, 75)  # 72 MB
    parts = lambda: [one for one in proxy.seen if "partNumber=" in one["path"]]
    proxy.behaviour = lambda request: 0.6 if "partNumber=" in request["path"] else "pass"
    server.start()
    eventually(server.tail, lambda: sum(bool(one["done"]) for one in parts()) >= 3, 40)
    server.kill()
    folder = server.data / "delivery" / "uploads"
    assert [one.stat().st_mode & 0o077 for one in folder.glob("*")] == [0]
    before = len(parts())
    proxy.behaviour = lambda request: "pass"
    server.start()
    eventually(server.tail, lambda: len(place.objects(RECORDINGS)) == 2, 60)
    counts = Counter(re.search(r"partNumber=(\d+)", one["path"]).group(1) for one in parts())
    assert len(counts) >= 4 and max(counts.values()) <= 2 and list(counts.values()).count(2) <= 1, counts
    assert len(parts()) > before
    content = next(content for key, content in place.objects(RECORDINGS).items() if path.stem in key and len(content) > 1 << 20)
    (tmp_path / "whole.mka").write_bytes(content)
    seen = subprocess.run(["ffprobe", "-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0", tmp_path / "whole.mka"],
                          capture_output=True, text=True, timeout=30)
    assert abs(float(seen.stdout) - 75 * 60) < 1, seen
    assert decode_with_ffmpeg(tmp_path / "whole.mka") == pcm
    assert "Uploads" not in moto.s3.list_multipart_uploads(Bucket=place.buckets[RECORDINGS])
    eventually("the upload is forgotten", lambda: not list(folder.glob("*")))
    assert server.memory() < 200_000, f"{server.memory()} kB of memory"
    server.stop()
