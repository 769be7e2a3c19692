"""Where the events of calls come from: the service's log file, or its webhook."""

import hashlib
import hmac
import http.server
import json
import os
import queue
import threading
import time

TOLERANCE = 300  # seconds that a signature is good for
LARGEST = 1 << 20  # bytes of an event


def follow_file(path, stopping):
    """Each event that is written into `logs/events.jsonl` from now on; the file may not be there yet."""
    position = os.path.getsize(path) if os.path.exists(path) else 0
    rest = b""
    while not stopping.is_set():
        try:
            with open(path, "rb") as file:
                if os.fstat(file.fileno()).st_size < position:  # rotated
                    position, rest = 0, b""
                file.seek(position)
                new = file.read()
        except FileNotFoundError:
            new = b""
        position += len(new)
        *lines, rest = (rest + new).split(b"\n")
        for line in lines:
            if line.strip():
                yield json.loads(line)
        if not new:
            time.sleep(0.05)


def is_genuine(header, body, secret, now=None):
    """Whether `X-Earshot-Signature: t=…,v1=…` was made with the secret, over this body, a moment ago."""
    try:
        fields = dict(part.strip().split("=", 1) for part in header.split(","))
        mine = hmac.new(secret.encode(), fields["t"].encode() + b"." + body, hashlib.sha256).hexdigest()
        return hmac.compare_digest(mine, fields["v1"]) and abs((now or time.time()) - int(fields["t"])) < TOLERANCE
    except (AttributeError, KeyError, TypeError, ValueError):
        return False


def receive_webhook(host, port, secret, stopping):
    """Each event that the service posts here; a delivery that comes twice counts once."""
    events, seen = queue.Queue(1000), {}

    class Handler(http.server.BaseHTTPRequestHandler):
        timeout = 10

        def do_POST(self):
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length) if 0 < length <= LARGEST else b""
            if not is_genuine(self.headers.get("X-Earshot-Signature"), body, secret):
                return self._answer(403)
            try:
                event = json.loads(body)
                identifier = self.headers.get("X-Earshot-Event-Id") or event["id"]
                if identifier not in seen:
                    events.put(event, timeout=2)
                    seen[identifier] = None
                    while len(seen) > 10_000:
                        del seen[next(iter(seen))]
                return self._answer(204)
            except queue.Full:
                return self._answer(503)
            except (ValueError, KeyError, TypeError):
                return self._answer(400)

        def _answer(self, status):
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer((host, port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        while not stopping.is_set():
            try:
                yield events.get(timeout=0.2)
            except queue.Empty:
                continue
    finally:
        server.shutdown()
        server.server_close()
