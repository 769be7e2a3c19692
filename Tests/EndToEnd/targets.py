"""What the tests of delivery send to: moto's server, which speaks as Amazon's services do, and a proxy that misbehaves."""

import http.client
import json
import os
import socket
import struct
import subprocess
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from kinesis import CLIENTS, need
from peer.server import REGION, EarshotServer, configuration, connector

KEY = {"accessKeyId": "AKIATESTING", "secretAccessKey": "a-secret-that-no-log-may-hold"}
RECORDS, RECORDINGS = "call-records", "recordings"
ERROR = b"<?xml version='1.0'?><Error><Code>%s</Code><Message>by the test's order</Message></Error>"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Moto:
    """One moto server with two buckets, and an event bus, a topic and a queue whose messages end in queues."""

    def __init__(self, folder):
        program = CLIENTS / "bin" / "moto_server"
        if not program.exists():
            assert not os.environ.get("CI"), f"{program} is missing in CI: scripts/setup installs it"
            pytest.skip(f"skipped: no {program}; scripts/setup installs it", allow_module_level=True)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        with open(folder / "moto.log", "wb") as log:
            self.process = subprocess.Popen([program, "-H", "127.0.0.1", "-p", str(self.port)], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log)
        deadline = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                break
            except OSError:
                assert self.process.poll() is None and time.monotonic() < deadline, (folder / "moto.log").read_text()[-2000:]
                time.sleep(0.1)
        self.s3, self.sqs, self.sns, self.events = map(self.client, ("s3", "sqs", "sns", "events"))
        self.number = 0

    def client(self, service):
        config = need("botocore.config").config.Config(retries={"max_attempts": 0}, s3={"addressing_style": "path"})
        return need("boto3").client(service, endpoint_url=self.url, region_name=REGION, aws_access_key_id=KEY["accessKeyId"],
                                    aws_secret_access_key=KEY["secretAccessKey"], config=config)

    def stop(self):
        self.process.terminate()
        self.process.wait(10)

    def place(self):
        """Buckets, queues, a topic and a bus that nothing else uses."""
        self.number += 1
        return Place(self, str(self.number))


class Place:
    """Targets of one test."""

    def __init__(self, moto, name):
        self.moto, self.name = moto, name
        self.buckets = {kind: f"{kind}-{name}" for kind in (RECORDS, RECORDINGS)}
        for bucket in self.buckets.values():
            moto.s3.create_bucket(Bucket=bucket)
        self.queues = {kind: moto.sqs.create_queue(QueueName=f"{kind}-{name}")["QueueUrl"] for kind in ("sqs", "sns", "bus")}
        self.topic = moto.sns.create_topic(Name=f"topic-{name}")["TopicArn"]
        moto.sns.subscribe(TopicArn=self.topic, Protocol="sqs", Endpoint=self._arn("sns"))
        self.bus = f"bus-{name}"
        moto.events.create_event_bus(Name=self.bus)
        moto.events.put_rule(Name=f"all-{name}", EventBusName=self.bus, EventPattern=json.dumps({"source": ["aws.chime"]}))
        moto.events.put_targets(Rule=f"all-{name}", EventBusName=self.bus, Targets=[{"Id": "1", "Arn": self._arn("bus")}])
        self.received = {kind: [] for kind in self.queues}

    def _arn(self, kind):
        return self.moto.sqs.get_queue_attributes(QueueUrl=self.queues[kind], AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]

    def delivery(self, url=None, kinds=("eventBridge", "sns", "sqs", "records", "recordings"), form="mka"):
        """The `delivery` section; `url` is another address of the same server, such as a proxy's."""
        service = {"endpoint": url or self.moto.url, "region": REGION, **KEY}
        queue = self.queues["sqs"].replace(self.moto.url, url or self.moto.url)
        every = {
            "eventBridge": {**service, "bus": self.bus}, "sns": {**service, "topicArn": self.topic},
            "sqs": {**service, "queueUrl": queue},
            "records": {**service, "bucket": self.buckets[RECORDS], "prefix": "site 1/"},
            "recordings": {**service, "bucket": self.buckets[RECORDINGS], "format": form}}
        return {kind: every[kind] for kind in kinds}

    def messages(self, kind):
        """All messages that have come into a queue so far, in their order, as they were received."""
        while True:
            found = self.moto.sqs.receive_message(
                QueueUrl=self.queues[kind], MaxNumberOfMessages=10, MessageAttributeNames=["All"]).get("Messages", [])
            if not found:
                return self.received[kind]
            for message in found:
                self.moto.sqs.delete_message(QueueUrl=self.queues[kind], ReceiptHandle=message["ReceiptHandle"])
            self.received[kind] += found

    def events(self, kind):
        """The events among them; of what SNS wraps, the inside."""
        bodies = [json.loads(message["Body"]) for message in self.messages(kind)]
        return [json.loads(body["Message"]) for body in bodies] if kind == "sns" else bodies

    def objects(self, kind):
        """{key: bytes} of a bucket."""
        listed = self.moto.s3.list_objects_v2(Bucket=self.buckets[kind]).get("Contents", [])
        return {one["Key"]: self.get(kind, one["Key"])["Body"].read() for one in listed}

    def get(self, kind, key):
        return self.moto.s3.get_object(Bucket=self.buckets[kind], Key=key)


def delivering(folder, delivery, targets=("EventBridge", "SNS", "SQS"), **streaming):
    """A server that has not been started, with one connector that sends to all of it."""
    one = connector(cps=500, streaming={"notificationTargets": list(targets), **streaming})
    return EarshotServer(folder, configuration(connectors=[one], delivery=delivery))


def eventually(what, condition, timeout=20):
    """Waits until something holds, and gives it; `what` is asked for the message where it does not."""
    deadline = time.monotonic() + timeout
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < deadline, f"not within {timeout} s: {what() if callable(what) else what}"
        time.sleep(0.05)


class FaultyProxy:
    """An HTTP server between Earshot and moto that does to each request what `behaviour(request)` says:

    pass, an HTTP status (an error in the service's form), `silence` (read, and never answered), `reset` (cut while the body
    comes), `forget` (handed on, and cut before the answer), or a number below 10 (handed on after so many seconds).
    """

    def __init__(self, behind, behaviour=lambda request: "pass"):
        self.behind, self.behaviour = behind, behaviour
        self.seen, self.lock, self.closing = [], threading.Lock(), threading.Event()
        self.port, self.server = free_port(), None
        self.up()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def up(self):
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = lambda handler: proxy.handle(handler)

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads, request_queue_size = True, 64

            def handle_error(self, *_):
                pass  # connections that the tests break

        self.server = Server(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def down(self):
        """Nothing listens any more."""
        self.server.shutdown()
        self.server.server_close()

    def stop(self):
        self.closing.set()
        self.down()

    def count(self):
        """How often each (method, path) came."""
        with self.lock:
            return Counter((one["method"], one["path"]) for one in self.seen)

    def handle(self, handler):
        request = {"method": handler.command, "path": handler.path, "headers": dict(handler.headers), "body": b"", "done": ""}
        with self.lock:
            request["number"] = len(self.seen)
            self.seen.append(request)
        length = int(handler.headers.get("Content-Length") or 0)
        early = self.behaviour(request) if length > 1 << 16 else None
        if early == "reset":
            handler.rfile.read(length // 2)
            return self.cut(handler, request)
        request["body"] = body = handler.rfile.read(length)
        if len(body) < length:
            return self.cut(handler, request)
        what = early or self.behaviour(request)
        request["done"] = what
        if what == "silence":
            self.closing.wait(120)
            return self.cut(handler, request)
        if what == "reset":
            return self.cut(handler, request)
        if isinstance(what, int) and what >= 100:
            code = {400: b"InvalidMessageContents", 404: b"NoSuchBucket"}.get(what, b"InternalError")
            return self.answer(handler, what, {"x-amzn-ErrorType": code.decode()}, ERROR % code)
        if not isinstance(what, str):
            self.closing.wait(what)
        connection = http.client.HTTPConnection("127.0.0.1", self.behind, timeout=60)
        try:
            connection.request(handler.command, handler.path, body, {
                name: value for name, value in handler.headers.items() if name.lower() not in ("connection", "content-length")})
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        if what == "forget":
            return self.cut(handler, request)
        self.answer(handler, answer.status, dict(answer.getheaders()), content)
        return None

    @staticmethod
    def answer(handler, status, headers, content):
        handler.send_response(status)
        for name, value in headers.items():
            if name.lower() not in ("content-length", "connection", "transfer-encoding", "date", "server"):
                handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(content)

    @staticmethod
    def cut(handler, request):
        """A reset, not a polite end."""
        request["done"] = request["done"] or "reset"
        handler.close_connection = True
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        handler.connection.close()
