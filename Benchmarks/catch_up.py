"""How fast one reader gets what is kept: GetMedia from EARLIEST, beside the same file from Python's http.server.

The service has no static files, so the floor is another server: http.server, which reads the file in pieces of 64 KiB and sends
them. Both are read by the same loop on the same core.
"""

import os
import random
import shutil
import subprocess
import sys
import time
import socket

import stream_readers
from peer import producer
from processes import BenchError, Service, ServiceFailure

STREAM = "catch-up"
FRAGMENT = 16_000  # bytes of audio a fragment: a second of a telephone leg


def measure(bench, megabytes, runs):
    """(MB/s of GetMedia, MB/s of the floor, bytes), one of each a run."""
    folder = os.path.join(bench.folder, "catch-up")
    service = Service(bench.binary, folder, bench.processes, bench.cores)
    signer = stream_readers.make_signer(bench.binary, service)
    stream_readers.answer(stream_readers.post(service, signer, "/createStream", {"StreamName": STREAM}))
    fill(service, signer, megabytes)
    (path,) = [os.path.join(service.data, "streams", STREAM, name)
               for name in os.listdir(os.path.join(service.data, "streams", STREAM)) if name.endswith(".mkv")]
    floor, port = static_server(bench, folder, os.path.dirname(path))
    found, below = [], []
    try:
        for _ in range(runs):
            bench.wait_until_undisturbed()
            below.append(throughput(*get_file(port, os.path.basename(path))))
            found.append(throughput(*stream_readers.get_media(service, signer, STREAM, stream_readers.EARLIEST)))
            bench.say("catch-up", f"{found[-1]:.0f} MB/s, http.server {below[-1]:.0f} MB/s")
    finally:
        bench.processes.end(floor)
    size = os.path.getsize(path)
    service.stop()
    shutil.rmtree(folder, ignore_errors=True)
    return found, below, size


def fill(service, signer, megabytes):
    """Puts fragments as a telephone leg has them, faster than they would be spoken."""
    count = megabytes * 1_000_000 // FRAGMENT
    audio = random.Random(7).randbytes(FRAGMENT)
    start = int(time.time() * 1000) - count * 1000
    # Without retention nothing waits for the disk; what is younger than five minutes or the last 200 MB is there all the same.
    with producer.Producer(service, STREAM, signer=signer, headers={"x-amzn-fragment-acknowledgment-required": "0"}) as sender:
        sender.send(producer.header())
        for number in range(count):
            blocks = [(1, at // 16, audio[at:at + 640]) for at in range(0, FRAGMENT, 640)]
            sender.send(producer.cluster(start + number * 1000, blocks))
        sender.finish()
        lines = sender.acknowledgments(60)
    if sender.status != 200 or lines:
        raise ServiceFailure(f"PutMedia was answered {sender.status} {lines[:2]}")


def static_server(bench, folder, shown):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = bench.processes.start(
        [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1", "--directory", shown], bench.cores.service,
        os.path.join(folder, "static.log"), stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return server, port
        except OSError:
            time.sleep(0.05)
    raise BenchError("http.server did not start")


def get_file(port, name):
    connection = socket.create_connection(("127.0.0.1", port), timeout=10)
    connection.sendall(f"GET /{name} HTTP/1.0\r\n\r\n".encode())
    return connection, stream_readers.answer(connection)


def throughput(connection, rest):
    """MB/s up to the last byte before the end or before a second without one (GetMedia waits at its tail)."""
    began = last = time.perf_counter()
    total = len(rest)
    connection.settimeout(1.0)
    buffer = bytearray(1 << 18)
    try:
        while count := connection.recv_into(buffer):
            total += count
            last = time.perf_counter()
    except socket.timeout:
        pass
    finally:
        connection.close()
    if last == began:
        raise ServiceFailure("no byte of the body came")
    return total / 1e6 / (last - began)
