"""Many streams followed live while many more are recorded: what the followers lose, how late they are, what it costs."""

import os
import shutil
import time

import stream_readers
from media_load import MediaLoad
from processes import Service, cpu_seconds
from sip_calls import SIPCalls, statuses

LEGS, READERS = 2000, 200
SETTLE = 4.0  # seconds until the readers come


class TailRun:
    """What one run gave."""

    def __init__(self):
        self.lags = []  # ms, ascending
        self.incomplete = []  # what of a stream's recording its reader did not get, a text a reader
        self.packets_lost = self.packets_sent = self.calls_cut = 0
        self.alone = self.followed = 0.0  # cores of the service without and with readers
        self.bytes = 0


def measure(bench, seconds, legs=LEGS, readers=READERS):
    run = TailRun()
    folder = os.path.join(bench.folder, "live-tail")
    service = Service(bench.binary, folder, bench.processes, bench.cores, "auto", maxCalls=4000)
    signer = stream_readers.make_signer(bench.binary, service)
    calls = SIPCalls(service)
    try:
        found = statuses(calls.place(legs // 2, 250))
        if found != {200: legs // 2}:
            raise bench.failure(f"{legs // 2} calls were answered {found}")
        load = MediaLoad(bench, calls, "live-tail", SETTLE + seconds + 4.0)
        load.go()
        time.sleep(SETTLE - 2.0)
        run.alone = share(service, lambda: time.sleep(2.0))
        streams = sorted(os.listdir(os.path.join(service.data, "streams")))
        streams = [name for name in streams if name.startswith("ChimeVoiceConnector-")]
        step = max(1, len(streams) // readers)
        opened = [stream_readers.Reader(service, signer, name) for name in streams[::step][:readers]]
        run.followed = share(service, lambda: stream_readers.read_all(opened, time.monotonic() + seconds))
        for reader in opened:
            reader.connection.close()
        report = load.report(seconds + SETTLE + 20)
        time.sleep(0.3)
        run.calls_cut = calls.end()
        service.wait_until_quiet(30)
        service.stop()
    finally:
        calls.close()
    run.packets_sent = report["sent"]
    run.packets_lost = report["sent"] - service.leg_totals()["Packets"]
    for reader in opened:
        compare(run, service, reader)
    run.lags.sort()
    shutil.rmtree(folder, ignore_errors=True)
    return run


def share(service, work):
    """How many cores the service used while `work` was done."""
    began, own = time.monotonic(), cpu_seconds(service.pid)
    work()
    return (cpu_seconds(service.pid) - own) / (time.monotonic() - began)


def compare(run, service, reader):
    """A reader has lost nothing when all it heard stands in the recording in one piece."""
    heard = stream_readers.Heard(reader.pieces)
    run.bytes += sum(len(piece) for _, piece in reader.pieces)
    # What was there when it came is late by nature.
    run.lags += heard.lags[50:]
    folder = os.path.join(service.data, "streams", reader.stream)
    recordings = [stream_readers.file_audio(os.path.join(folder, name)) for name in os.listdir(folder) if name.endswith(".mkv")]
    if not heard.audio or not any(bytes(heard.audio) in recording for recording in recordings):
        run.incomplete.append(f"{reader.stream}: {len(heard.audio)} bytes heard are not in its recording in one piece")
    elif any(a >= b for a, b in zip(heard.numbers, heard.numbers[1:])):
        run.incomplete.append(f"{reader.stream}: fragment numbers do not increase")
