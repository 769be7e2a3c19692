"""Who gets in: signatures of boto3 and of our own making, wrong, missing, old, altered, presigned; roles; keys that come and go."""

import datetime
import http.client
import json
import os
import pty
import socket
import stat
import subprocess
import threading
import time

import pytest

from kinesis import KinesisServer, Reader, need, need_http, recorded_call, refusal
from peer.producer import Producer, fragment, header
from peer.server import REGION
from peer.sigv4 import Signer

need_http()
need("boto3")

NAME = "watched"
DESCRIBE = json.dumps({"StreamName": NAME}).encode()


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    running = KinesisServer(tmp_path_factory.mktemp("kinesis")).start()
    running.video().create_stream(StreamName=NAME)
    yield running
    running.stop()


def assert_refused(answer, *kinds):
    """403 in AWS's form, with one of these names."""
    status, headers, body = answer
    assert status == 403, (status, body)
    assert headers["x-amzn-errortype"] in kinds, headers
    assert headers["x-amz-errortype"] == headers["x-amzn-errortype"]
    assert headers["x-amzn-requestid"] and headers["x-amz-requestid"] and headers["content-type"] == "application/json"
    assert json.loads(body)["Message"]


# --- the instrument ------------------------------------------------------------------------------------------------------------


def test_the_signer_of_these_tests_makes_botocores_signatures(monkeypatch):
    need("botocore")
    from botocore import auth, awsrequest, credentials

    class Then(datetime.datetime):
        @classmethod
        def now(cls, tz=None):
            return cls(2026, 1, 7, 15, 18, 24, tzinfo=tz)

        @classmethod
        def utcnow(cls):
            return cls(2026, 1, 7, 15, 18, 24)

    when = datetime.datetime(2026, 1, 7, 15, 18, 24, tzinfo=datetime.timezone.utc).timestamp()
    if hasattr(auth, "get_current_datetime"):
        monkeypatch.setattr(auth, "get_current_datetime", lambda remove_tzinfo=True: Then.utcnow())
    else:
        monkeypatch.setattr(auth.datetime, "datetime", Then)
    request = awsrequest.AWSRequest("POST", "http://127.0.0.1:8080/describeStream", data=DESCRIBE,
                                    headers={"content-type": "application/json"})
    auth.SigV4Auth(credentials.Credentials("AKIAEXAMPLE", "secret"), "kinesisvideo", REGION).add_auth(request)
    mine = Signer("AKIAEXAMPLE", "secret", REGION).headers(
        "POST", "/describeStream", "127.0.0.1:8080", DESCRIBE, {"content-type": "application/json"}, when)
    assert mine["x-amz-date"] == request.headers["X-Amz-Date"] == "20260107T151824Z"
    assert mine["authorization"] == request.headers["Authorization"]


# --- signatures ----------------------------------------------------------------------------------------------------------------


def test_a_signed_request_is_answered(node):
    status, _, body = node.signed("/describeStream", DESCRIBE, "consumer")
    assert status == 200 and json.loads(body)["StreamInfo"]["StreamName"] == NAME


@pytest.mark.parametrize("path", [
    "/describeStream", "/createStream", "/listStreams", "/getDataEndpoint", "/getMedia", "/listFragments",
    "/getMediaForFragmentList", "/getClip", "/getHLSStreamingSessionURL", "/putMedia", "/tagStream", "/ListTagsForResource"])
def test_no_route_answers_without_a_signature(node, path):
    assert_refused(node.request(path, DESCRIBE, {"content-type": "application/json"}), "MissingAuthenticationTokenException")


def test_health_needs_no_signature_and_tells_no_secret(node):
    status, _, body = node.request("/health", method="GET")
    assert status == 200 and json.loads(body) == {"status": "ok"}


def test_unknown_key_wrong_secret_wrong_region_wrong_service(node):
    key = node.key("admin")
    good, secret = key["accessKeyId"], key["secretAccessKey"]
    wrong = "InvalidSignatureException"
    for signer, kind in [
        (Signer("AKIA" + "A" * 16, secret, REGION), "UnrecognizedClientException"), (Signer(good, secret[:-1] + "?", REGION), wrong),
        (Signer(good, "", REGION), wrong), (Signer(good, secret, REGION, "s3"), wrong),
    ]:
        assert_refused(node.signed("/describeStream", DESCRIBE, signer=signer), kind)


def test_boto3_raises_what_it_raises_for_aws(node):
    for key, kind in [
        ({"accessKeyId": "AKIA" + "B" * 16, "secretAccessKey": "x" * 40}, "UnrecognizedClientException"),
        ({**node.key("consumer"), "secretAccessKey": "x" * 40}, "InvalidSignatureException"),
    ]:
        for service, call, options in [
            ("kinesisvideo", "describe_stream", {}),
            ("kinesis-video-media", "get_media", {"StartSelector": {"StartSelectorType": "NOW"}}),
            ("kinesis-video-archived-media", "list_fragments", {}),
        ]:
            found = refusal(getattr(node.client(service, key=key), call), StreamName=NAME, **options)
            assert (found.name, found.status) == (kind, 403)


def test_the_aws_cli_reports_a_wrong_key(node):
    node._keys["broken"] = {"accessKeyId": "AKIA" + "C" * 16, "secretAccessKey": "y" * 40}
    refused = node.aws("kinesisvideo", "list-streams", role="broken", check=False)
    assert refused.returncode != 0 and "UnrecognizedClientException" in refused.stderr, refused.stderr


@pytest.mark.parametrize(("seconds", "admitted"), [(-280, True), (280, True), (-330, False), (330, False), (-90_000, False)])
def test_five_minutes_are_the_limit_either_way(node, seconds, admitted):
    answer = node.signed("/describeStream", DESCRIBE, when=time.time() + seconds)
    if admitted:
        assert answer[0] == 200, answer[2]
    else:
        assert_refused(answer, "InvalidSignatureException")


def alterations(headers):
    """What somebody between could change, each with its name."""
    def changed(**fields):
        return {**headers, **fields}

    authorization = headers["authorization"]
    last = "0" if authorization[-1] != "0" else "1"
    yield "the body", headers, DESCRIBE.replace(b"watched", b"another")
    yield "a longer body", headers, DESCRIBE + b" "
    yield "the signature", changed(authorization=authorization[:-1] + last), DESCRIBE
    yield "half a signature", changed(authorization=authorization[:-32]), DESCRIBE
    yield "the date", changed(**{"x-amz-date": time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(time.time() + 1))}), DESCRIBE
    yield "a signed field", changed(**{"content-type": "text/plain"}), DESCRIBE
    yield "an added x-amz field", changed(**{"x-amz-security-token": "token"}), DESCRIBE
    yield "no fields signed", changed(authorization=authorization.split(",")[0]), DESCRIBE
    yield "another algorithm", changed(authorization=authorization.replace("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA1")), DESCRIBE
    yield "rubbish", changed(authorization="AWS4-HMAC-SHA256 " + "A" * 3000), DESCRIBE


@pytest.mark.parametrize("index", range(10))
def test_an_altered_request_is_refused(node, index):
    host = "%s:%d" % node.http
    headers = node.signer().headers("POST", "/describeStream", host, DESCRIBE, {"content-type": "application/json"})
    what, headers, body = list(alterations(headers))[index]
    answer = node.request("/describeStream", body, headers)
    assert answer[0] == 403, f"{what} was changed: {answer}"
    assert_refused(answer, "InvalidSignatureException", "IncompleteSignatureException", "MissingAuthenticationTokenException",
                   "UnrecognizedClientException")


def test_a_signature_is_good_for_its_path_only(node):
    host = "%s:%d" % node.http
    headers = node.signer().headers("POST", "/describeStream", host, DESCRIBE, {"content-type": "application/json"})
    assert_refused(node.request("/deleteStream", DESCRIBE, headers), "InvalidSignatureException")


def test_a_presigned_url_is_a_request_without_fields(node):
    host = "%s:%d" % node.http
    path = node.signer("consumer").presign("POST", "/describeStream", host, DESCRIBE)
    status, _, body = node.request(path, DESCRIBE)
    assert status == 200 and json.loads(body)["StreamInfo"]["StreamName"] == NAME
    assert_refused(node.request(path, DESCRIBE.replace(b"watched", b"another")), "InvalidSignatureException")
    assert_refused(node.request(path[:-1] + ("0" if path[-1] != "0" else "1"), DESCRIBE), "InvalidSignatureException")
    later = path.replace("X-Amz-Expires=300", "X-Amz-Expires=301")
    assert_refused(node.request(later, DESCRIBE), "InvalidSignatureException")
    old = node.signer("consumer").presign("POST", "/describeStream", host, DESCRIBE, expires=60, when=time.time() - 100)
    assert_refused(node.request(old, DESCRIBE), "RequestExpired")


def test_a_presigned_get_media_plays_in_a_program_that_knows_no_signatures(node, tmp_path):
    call = recorded_call(node, seconds=1.4, seed=110)
    body = json.dumps({"StreamName": call.streams[0], "StartSelector": {"StartSelectorType": "EARLIEST"}})
    path = node.signer("consumer").presign("POST", "/getMedia", "%s:%d" % node.http, body.encode())
    (tmp_path / "body.json").write_text(body)
    played = subprocess.run(
        ["ffmpeg", "-v", "error", "-method", "POST", "-post_data", body.encode().hex(), "-i", node.url + path, "-f", "s16le", "pipe:1"],
        capture_output=True, timeout=30)
    assert played.returncode == 0, played.stderr
    assert abs(len(played.stdout) - len(call.legs[0].expected_pcm)) < 16_000


def test_chunked_bodies_with_signed_chunks_are_checked_chunk_by_chunk(node):
    """The frames of STREAMING-AWS4-HMAC-SHA256-PAYLOAD around a PutMedia body that is cut to pieces."""
    node.video().create_stream(StreamName="chunked", DataRetentionInHours=1)
    for spoil, wanted in [(False, ["BUFFERING", "RECEIVED", "PERSISTED"]), (True, ["ERROR"])]:
        with Producer(node, "chunked", streaming_signature=True) as producer:
            producer.send(header())
            producer.send(fragment(int(time.time() * 1000)), spoil=spoil)
            producer.finish()
            found = [line["EventType"] for line in producer.acknowledgments()]
            assert found == wanted, found


# --- roles and keys ------------------------------------------------------------------------------------------------------------


ALLOWED = {
    "admin": {"describe_stream", "list_streams", "get_data_endpoint", "list_fragments", "get_media", "get_clip", "create_stream",
              "tag_stream", "update_stream", "delete_stream"},
    "consumer": {"describe_stream", "list_streams", "get_data_endpoint", "list_fragments", "get_media", "get_clip"},
    "auditor": {"describe_stream", "list_streams", "get_data_endpoint", "list_fragments"},
}


@pytest.mark.parametrize("role", ["admin", "consumer", "auditor"])
def test_a_role_may_do_what_it_is_for(node, role):
    ever = {"FragmentSelectorType": "SERVER_TIMESTAMP", "TimestampRange": {"StartTimestamp": 0, "EndTimestamp": 1}}
    video, media, archived = (node.client(name, role) for name in ("kinesisvideo", "kinesis-video-media", "kinesis-video-archived-media"))
    stream = {"StreamName": f"of-{role}"}
    if role != "admin":
        node.video().create_stream(**stream)
    calls = [
        ("create_stream", video, stream), ("describe_stream", video, stream), ("list_streams", video, {}),
        ("get_data_endpoint", video, {**stream, "APIName": "GET_MEDIA"}), ("tag_stream", video, {**stream, "Tags": {"a": "b"}}),
        ("update_stream", video, {**stream, "CurrentVersion": "stale", "DeviceName": "d"}),
        ("list_fragments", archived, stream), ("get_media", media, {**stream, "StartSelector": {"StartSelectorType": "NOW"}}),
        ("get_clip", archived, {**stream, "ClipFragmentSelector": ever}),
    ]
    exceptions = need("botocore.exceptions").exceptions
    found = set()
    for name, client, arguments in calls:
        try:
            answer = getattr(client, name)(**arguments)
            if name == "get_media":
                answer["Payload"].close()
            found.add(name)
        except exceptions.ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] != 403:
                found.add(name)  # let in, and refused for another reason
                continue
            assert error.response["Error"]["Code"] == "AccessDeniedException", error
    assert found == ALLOWED[role] - {"delete_stream"}


def test_a_new_key_works_at_once_and_a_revoked_one_no_more(node):
    key = node.new_key("auditor")
    client = node.client("kinesisvideo", key=key)
    client.list_streams()
    revoked = node.run("keys", "revoke", key["accessKeyId"], "--data", node.data)
    assert revoked.returncode == 0, revoked.stderr
    assert refusal(client.list_streams).name == "UnrecognizedClientException"
    listed = node.run("keys", "list", "--data", node.data, "--json").stdout
    assert key["accessKeyId"] not in listed and "secret" not in listed.lower()


def test_a_revoked_key_hears_nothing_more_two_seconds_later(node):
    """`earshot keys revoke` is another process; what was begun with the key ends all the same: GetMedia and HLS."""
    key = node.new_key("consumer")
    node.video().create_stream(StreamName="heard", DataRetentionInHours=1)
    with Producer(node, "heard") as producer:
        producer.send(header() + fragment(int(time.time() * 1000), bytes(16_000)))
        producer.wait_for("PERSISTED")
        session = node.client("kinesis-video-archived-media", key=key).get_hls_streaming_session_url(
            StreamName="heard")["HLSStreamingSessionURL"]
        playlist = session.replace(node.url, "").replace("Master", "Media")
        assert node.request(playlist, method="GET")[0] == 200
        reader = Reader(node, "heard", client=node.client("kinesis-video-media", key=key)).begin()
        start, stopping = time.monotonic(), threading.Event()

        def speak():
            while not stopping.wait(0.25):
                producer.send(fragment(int(time.time() * 1000), bytes(4000)))

        speaker = threading.Thread(target=speak, daemon=True)
        speaker.start()
        try:
            time.sleep(1)
            assert reader.is_alive()
            assert node.run("keys", "revoke", key["accessKeyId"], "--data", node.data).returncode == 0
            revoked = time.monotonic()
            reader.join(10)
        finally:
            stopping.set()
            speaker.join(5)
        assert reader.ended is not None, f"still hearing {time.monotonic() - revoked:.1f} s after the revocation"
        assert reader.ended - revoked < 2.5 and reader.ended > start + 1
        assert node.request(playlist, method="GET")[0] == 403


def test_a_request_that_never_becomes_whole_does_not_hold_up_the_end(tmp_path):
    node = KinesisServer(tmp_path, shutdown={"drain": "0s"}).start()
    halves = [b"POST /getMedia HTTP/1.1\r\nHost: x\r\nX-Ha", b"POST /getMedia HTTP/1.1\r\nHost: x\r\nContent-Length: 90\r\n\r\n{"]
    strangers = [socket.create_connection(node.http, timeout=5) for _ in halves]
    for stranger, half in zip(strangers, halves):
        stranger.sendall(half)
    time.sleep(0.3)
    start = time.monotonic()
    node.stop()
    assert time.monotonic() - start < 5
    for stranger in strangers:
        stranger.close()


def test_the_first_start_makes_an_admin_key_which_only_its_owner_can_read(tmp_path):
    node = KinesisServer(tmp_path).start()
    (made,) = [json.loads(line) for line in node.run("keys", "list", "--data", node.data, "--json").stdout.splitlines()]
    assert made["role"] == "admin"
    path = node.data / "credentials.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    (key,) = json.loads(path.read_text())["keys"]
    assert made["accessKeyId"] == key["accessKeyId"]
    # Into a pipe or a journal only the place of the secret is told.
    said = "\n".join(node.lines) + node.log.read_text()
    assert key["accessKeyId"] in said and str(path) in said and key["secretAccessKey"] not in said
    node.client("kinesisvideo", key=key).list_streams()
    node.stop()
    node.start()
    assert key["accessKeyId"] not in "\n".join(node.lines), "the key is told at every start"
    assert len(node.run("keys", "list", "--data", node.data, "--json").stdout.splitlines()) == 1
    node.stop()


def test_on_a_terminal_the_first_start_prints_the_secret_once(tmp_path):
    node = KinesisServer(tmp_path)
    said = []
    for _ in range(2):
        terminal, end = pty.openpty()
        process = subprocess.Popen([node.binary, "serve", "--config", node.file, "--data", node.data], stdin=end, stdout=end,
                                   stderr=subprocess.DEVNULL, cwd=tmp_path)
        os.close(end)
        text, deadline = "", time.monotonic() + 20
        while "ready " not in text:
            assert time.monotonic() < deadline, text
            text += os.read(terminal, 4096).decode()
        process.terminate()
        try:
            while piece := os.read(terminal, 4096):
                text += piece.decode()
        except OSError:
            pass  # the other end is closed
        assert process.wait(15) == 0
        os.close(terminal)
        said.append(text)
    (key,) = json.loads((node.data / "credentials.json").read_text())["keys"]
    assert key["accessKeyId"] in said[0] and said[0].count(key["secretAccessKey"]) == 1
    assert key["secretAccessKey"] not in said[1]


def test_the_secrets_are_in_no_log(node):
    text = node.log.read_text() + "\n".join(node.lines[1:])
    for role in ("consumer", "auditor"):
        assert node.key(role)["secretAccessKey"] not in text


def test_without_required_signatures_everybody_may(tmp_path):
    node = KinesisServer(tmp_path, http={"requireSignatures": False}).start()
    status, _, body = node.request("/createStream", b'{"StreamName": "open"}', {"content-type": "application/json"})
    assert status == 200 and b"StreamARN" in body
    node.stop()


# --- TLS and strangers ----------------------------------------------------------------------------------------------------------


def test_over_tls_with_a_certificate_of_ones_own(tmp_path):
    boto3 = need("boto3")
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-days", "2",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"], check=True, capture_output=True)
    node = KinesisServer(tmp_path / "node", http={"certificate": str(certificate), "privateKey": str(key)}).start()
    made = node.key("admin")
    client = boto3.client(
        "kinesisvideo", endpoint_url="https://localhost:%d" % node.http[1], region_name=REGION, verify=str(certificate),
        aws_access_key_id=made["accessKeyId"], aws_secret_access_key=made["secretAccessKey"])
    client.create_stream(StreamName="sealed")
    endpoint = client.get_data_endpoint(StreamName="sealed", APIName="GET_MEDIA")["DataEndpoint"]
    assert endpoint == "https://localhost:%d" % node.http[1]
    with pytest.raises((http.client.HTTPException, OSError)):
        node.request("/health", method="GET")
    node.stop()


@pytest.mark.parametrize("octets", [
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64), b"INVITE sip:x@y SIP/2.0\r\n\r\n", b"\0" * 4096,
    b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    b"POST /getMedia HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\nzzzz\r\n",
    b"GET " + b"/" * 70_000 + b" HTTP/1.1\r\n\r\n",
])
def test_rubbish_costs_its_own_connection_only(node, octets):
    with socket.create_connection(node.http, timeout=5) as stranger:
        try:
            stranger.sendall(octets)
            stranger.shutdown(socket.SHUT_WR)
            answer = b""
            while piece := stranger.recv(4096):
                answer += piece
        except (ConnectionResetError, BrokenPipeError, socket.timeout):
            answer = b""
    assert b" 200 " not in answer.split(b"\r\n")[0]
    assert node.alive() and node.request("/health", method="GET")[0] == 200
