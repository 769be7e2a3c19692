"""INVITE to 200 while calls are up, beside the round trip of OPTIONS at the same time."""

import os
import socket
import threading
import time

from processes import CONNECTOR, Load


class OptionsProbe:
    """Sends OPTIONS at an even pace and times each answer: the least that a SIP request takes here."""

    def __init__(self, port, interval=0.02):
        self._port = port
        self._interval = interval
        self._times = []
        self._unanswered = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
            link.bind(("127.0.0.1", 0))
            link.connect(("127.0.0.1", self._port))
            link.settimeout(1.0)
            own = link.getsockname()[1]
            number = 0
            while not self._stop.wait(self._interval):
                number += 1
                branch = f"z9hG4bK{os.urandom(8).hex()}"
                request = (
                    f"OPTIONS sip:{CONNECTOR}@127.0.0.1:{self._port} SIP/2.0\r\n"
                    f"Via: SIP/2.0/UDP 127.0.0.1:{own};branch={branch};rport\r\n"
                    f"Max-Forwards: 70\r\nFrom: <sip:bench@127.0.0.1>;tag={os.urandom(4).hex()}\r\n"
                    f"To: <sip:{CONNECTOR}@127.0.0.1>\r\nCall-ID: {os.urandom(8).hex()}\r\n"
                    f"CSeq: {number} OPTIONS\r\nContent-Length: 0\r\n\r\n").encode()
                began = time.perf_counter()
                try:
                    link.send(request)
                    while branch.encode() not in (answer := link.recv(65536)):
                        pass  # a late answer to an earlier one
                except OSError:
                    self._unanswered += 1
                    continue
                if answer.startswith(b"SIP/2.0 200"):
                    self._times.append((time.perf_counter() - began) * 1000)
                else:
                    self._unanswered += 1

    def finish(self):
        """The times in ms, ascending, and how many were not answered with 200."""
        self._stop.set()
        self._thread.join(timeout=3)
        return sorted(self._times), self._unanswered


def percentile(ascending, part):
    """The value that `part` of the values do not exceed; None without values."""
    if not ascending:
        return None
    return ascending[min(max(-int(-len(ascending) * part // 1), 1), len(ascending)) - 1]


def measure(bench, service, rate, calls):
    """New calls at `rate` a second on top of those that are up. Returns the client's report and the OPTIONS times."""
    load = Load(bench.binary, service, bench.processes, bench.cores, bench.voices, calls, rate, seconds=1.0)
    probe = OptionsProbe(service.port)
    try:
        report = load.report(calls / rate + 20)
    finally:
        times, unanswered = probe.finish()
    answer = report["inviteToAnswerMs"]
    bench.say(
        f"invite {rate}/s",
        f"{report['answered']} calls: p50 {answer['p50']} ms, p99 {answer['p99']} ms, max {answer['max']} ms; "
        f"{len(times)} OPTIONS: p50 {percentile(times, 0.5) or 0:.2f} ms, p99 {percentile(times, 0.99) or 0:.2f} ms"
        + (f", {unanswered} not answered" if unanswered else ""))
    return report, times
