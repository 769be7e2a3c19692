"""How fast one reader gets what is kept: GetMedia from EARLIEST, beside `cat` of the same file over the same HTTP server.

The floor is `file-server`: the HTTP server library that the service uses, and a loop that reads the file in pieces as large
as GetMedia's and hands them over. Both are on the same core by turns, and are read by the same loop on another.
"""

import os
import random
import shutil
import selectors
import socket
import subprocess
import time

import stream_readers
from peer import producer
from processes import BenchError, Service, ServiceFailure

STREAM = "catch-up"
FRAGMENT = 16_000  # bytes of audio a fragment: a second of a telephone leg


def measure(bench, megabytes, runs):
    """([MB/s of GetMedia], [MB/s of the floor], bytes), one of each a run, by turns."""
    folder = os.path.join(bench.folder, "catch-up")
    service = Service(bench.binary, folder, bench.processes, bench.cores)
    signer = stream_readers.make_signer(bench.binary, service)
    stream_readers.answer(stream_readers.post(service, signer, "/createStream", {"StreamName": STREAM}))
    fill(service, signer, megabytes)
    (path,) = [os.path.join(service.data, "streams", STREAM, name)
               for name in os.listdir(os.path.join(service.data, "streams", STREAM)) if name.endswith(".mkv")]
    floor, port = file_server(bench, folder, path)
    found, below = [], []
    try:
        # Once each before it counts: the first reader of a server pays for what the others find ready.
        for run in range(runs + 1):
            bench.wait_until_undisturbed()
            cat = throughput(*get_file(port))
            media = throughput(*stream_readers.get_media(service, signer, STREAM, stream_readers.EARLIEST))
            if run == 0:
                continue
            below.append(cat)
            found.append(media)
            bench.say("catch-up", f"GetMedia {media:.0f} MB/s, cat of the file {cat:.0f} MB/s: {media / cat:.2f} of it")
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


def file_server(bench, folder, path):
    """The process that serves the file, and its port."""
    server = bench.processes.start(
        [bench.file_server, path], bench.cores.service, os.path.join(folder, "file-server.log"),
        stdout=subprocess.PIPE)
    with selectors.DefaultSelector() as selector:
        selector.register(server.stdout, selectors.EVENT_READ)
        line = server.stdout.readline().split() if selector.select(10) else []
    if len(line) != 2 or line[0] != b"listening":
        bench.processes.end(server)
        raise BenchError("file-server did not start: swift build -c release --product file-server")
    return server, int(line[1])


def get_file(port):
    connection = socket.create_connection(("127.0.0.1", port), timeout=10)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.sendall(b"GET / HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
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
