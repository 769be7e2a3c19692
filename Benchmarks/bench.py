#!/usr/bin/python3
"""Measures Earshot under load: concurrent SIPREC calls of real RTP against the release binary.

Each figure is set beside its floor, measured in the same run (../shared/perf, where it is there). Prints a table and
writes Benchmarks/results/latest.json. docs/performance.md explains the method.

Exit code 1: packets were lost, or the service failed. 2: the bench itself could not run. 130: interrupted.
"""

import argparse
import datetime
import json
import os
import shutil
import signal
import statistics
import sys
import tempfile
import time

sys.dont_write_bytecode = True

import floors  # noqa: E402
import recording  # noqa: E402
import results  # noqa: E402
import signalling  # noqa: E402
import write_lag  # noqa: E402
from processes import BenchError, Cores, Load, Processes, Service, ServiceFailure, busy_seconds  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BACKGROUND_CALLS = 200
PARTS = ("record-400", "record-2000", "signalling")


class Bench:
    """One run of the benchmarks: its settings, its folder, and what it has found so far."""

    def __init__(self, arguments):
        self.arguments = arguments
        self.binary = os.path.abspath(
            os.environ.get("EARSHOT_BINARY") or os.path.join(ROOT, ".build", "release", "earshot"))
        self.voices = {role: os.path.join(ROOT, "fixtures", role + ".wav") for role in ("caller", "callee")}
        self.processes = Processes()
        self.cores = Cores(pinned=not arguments.no_pin)
        self.results = []
        self.failures = []
        self.records = {}
        self.plans = {}
        self.patience = 5.0 if arguments.quick else 15.0  # seconds
        self._began = time.monotonic()
        self.folder = None
        self.floors = None

    def say(self, what, text):
        print(
            f"{time.monotonic() - self._began:6.1f} s  {what:<12} {text}", flush=True,
            file=sys.stderr if self.arguments.json else sys.stdout)

    def run(self):
        if not os.access(self.binary, os.X_OK):
            raise BenchError(f"no {self.binary}: build it with make build, or name one in EARSHOT_BINARY")
        self.folder = tempfile.mkdtemp(prefix="earshot-bench-", dir=self.arguments.folder)
        try:
            self.cores.keep_self_apart()
            self.floors = floors.Floors(ROOT, self.folder, self.say)
            self.say("machine", ", ".join(f"{key} {value}" for key, value in results.machine().items()))
            self.say("cores", str(self.cores))
            if self.floors.reason:
                self.say("floor", self.floors.reason)
            for part in self.arguments.only or self.default_parts:
                try:
                    self.measure(part)
                except ServiceFailure as error:
                    self.failures.append(f"{part}: {error}")
                    self.say("failed", self.failures[-1])
                    self.processes.end_all()
        finally:
            self.processes.end_all()
            shutil.rmtree(self.folder, ignore_errors=True)
        self.conclude()

    @property
    def default_parts(self):
        return ("record-400", "signalling") if self.arguments.quick else PARTS

    def measure(self, part):
        quick = self.arguments.quick
        if part == "signalling":
            self.measure_signalling()
            return
        if part == "record-400":
            plan = recording.RecordPlan(
                400, runs=2 if quick else 5, window=3.0 if quick else 4.0, rate=200, spare=0 if quick else 1)
        else:
            plan = recording.RecordPlan(
                2000, runs=1 if quick else 3, window=4.0 if quick else 6.0, rate=250, spare=0 if quick else 1)
        self.plans[plan.legs] = plan
        self.records[plan.legs] = recording.measure_all(self, plan)

    def wait_until_undisturbed(self):
        """Waits for other programs to be done, a while in all; what does not end is said in the notes."""
        while self.patience > 0:
            began, busy = time.monotonic(), busy_seconds()
            time.sleep(0.5)
            if (busy_seconds() - busy) / (time.monotonic() - began) < recording.DISTURBED:
                return
            self.patience -= time.monotonic() - began

    # --- SIP and the file ------------------------------------------------------------------------------------------

    def measure_signalling(self):
        quick = self.arguments.quick
        loads = [(50, 100)] if quick else [(10, 100), (50, 300)]
        lag_seconds = 5.0 if quick else 8.0
        folder = os.path.join(self.folder, "signalling")
        service = Service(self.binary, folder, self.processes, self.cores)
        # Up for as long as everything that is measured beside them may take.
        seconds = sum(calls / rate + 3 for rate, calls in loads) + lag_seconds + 5
        background = Load(
            self.binary, service, self.processes, self.cores, self.voices, BACKGROUND_CALLS, 100, seconds)
        service.wait_for_calls(BACKGROUND_CALLS, 10, background)
        for rate, calls in loads:
            report, options = signalling.measure(self, service, rate, calls)
            for part in (50, 99):
                value = report["inviteToAnswerMs"][f"p{part}"]
                self.results.append(results.result(
                    f"invite-to-200-{rate}-p{part}", value, "ms", [value],
                    f"{calls} INVITEs at {rate} a second while {BACKGROUND_CALLS} calls are up; "
                    "floor: OPTIONS at the same time",
                    floor=signalling.percentile(options, part / 100)))
        lags, first = write_lag.measure(service, lag_seconds)
        if background.is_over:
            raise BenchError("the calls in the background ended too early for the write lag")
        for part in (50, 99):
            value = signalling.percentile(lags, part / 100)
            self.results.append(results.result(
                f"write-lag-p{part}", value, "ms", [value],
                f"{len(lags)} packets of one leg beside {BACKGROUND_CALLS} calls: sent until the last sample is "
                "readable in the file (floor: none)"))
        self.results.append(results.result(
            "write-lag-first", first, "ms", [first], "the same for the first packet of the leg, which the jitter buffer holds"))
        self.say("write lag", f"{len(lags)} packets: p50 {signalling.percentile(lags, 0.5):.0f} ms, "
                              f"p99 {signalling.percentile(lags, 0.99):.0f} ms, max {lags[-1]:.0f} ms, first packet {first:.0f} ms")
        background.report(seconds + 15)
        service.wait_until_quiet()
        service.stop()
        shutil.rmtree(folder, ignore_errors=True)

    # --- what it all means -----------------------------------------------------------------------------------------

    def conclude(self):
        self.results = self.record_results() + self.results
        document = {
            "machine": results.machine(),
            "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "mode": "quick" if self.arguments.quick else "full",
            "cores": str(self.cores), "floors": self.floors.reason or "measured in the same run",
            "failures": self.failures, "results": self.results}
        if self.results:
            results.write(self.arguments.output, document)
        if self.arguments.json:
            json.dump(document, sys.stdout, indent=2, ensure_ascii=False)
            print()
        else:
            print()
            if self.results:
                print(results.table(self.results))
            for failure in self.failures:
                print(f"FAILED: {failure}")
            if self.results:
                print(f"\nwritten to {os.path.relpath(self.arguments.output)}")

    def record_results(self):
        found, medians, floor_medians = [], {}, {}
        chosen = {legs: recording.best(runs, self.plans[legs].runs) for legs, runs in self.records.items()}
        for legs, runs in chosen.items():
            values = [run.microseconds for run in runs]
            measured = [run.floor for run in runs if run.floor is not None]
            medians[legs] = statistics.median(values)
            floor_medians[legs] = statistics.median(measured) if measured else None
            disturbed = max(max(run.disturbance, run.floor_disturbance) for run in runs)
            found.append(results.result(
                f"record-epoll-{legs}", medians[legs], "µs/packet", values,
                f"CPU of the whole service a received packet, {legs} legs recorded to disk; {self.cores}; floor: "
                f"receive_floor epoll {legs} {legs * recording.PACKETS_PER_SECOND}"
                + (f"; DISTURBED by other programs ({disturbed:.2f} cores)" if disturbed > recording.DISTURBED else ""),
                floor=floor_medians[legs]))
        if {400, 2000} <= medians.keys():
            grown = medians[2000] / medians[400]
            have = floor_medians[400] and floor_medians[2000]
            found.append(results.result(
                "growth-2000-400", grown, "ratio", [grown],
                "CPU a packet at 2,000 legs over that at 400; floor: the same quotient of the floors",
                floor=floor_medians[2000] / floor_medians[400] if have else None))
        for legs, runs in chosen.items():
            calls = legs // 2
            values = [run.kilobytes_per_call for run in runs]
            idle = statistics.median(run.idle_kilobytes for run in runs)
            found.append(results.result(
                "memory-per-call" if calls == 1000 else f"memory-per-call-{calls}", statistics.median(values),
                "kB/call", values, f"resident memory at {calls} calls less {idle / 1024:.0f} MB idle, a call of two legs"))
        found += self.loss_results()
        return found

    def loss_results(self):
        every = [run for runs in self.records.values() for run in runs]
        if not every:
            return []
        lost = sum(run.lost for run in every)
        sent = sum(run.packets_sent for run in every)
        if lost:
            self.failures.append(f"{lost} of {sent} packets were lost")
        found = [results.result(
            "packets-lost", lost, "packets", [run.lost for run in every],
            f"sent by the client ({sent}) less received by the legs, as the SDRs count them")]
        for name, counter, unit in (
            ("sdr-lost", "Lost", "packets"), ("sdr-late", "Late", "packets"),
            ("sdr-writer-lost", "WriterLostMilliseconds", "ms"),
        ):
            values = [run.totals[counter] for run in every]
            found.append(results.result(name, sum(values), unit, values, f"{counter} of all SDRs"))
        late = [run.report["pacingLateMs"]["p99"] for run in every]
        found.append(results.result(
            "client-pacing-p99", max(late), "ms", late, "how late the load generator sent, the worst run"))
        return found


def parse():
    parser = argparse.ArgumentParser(
        description="Measures Earshot under load.", epilog="The environment variable EARSHOT_BINARY names another binary.")
    parser.add_argument("--quick", action="store_true", help="at most a minute, for CI: fewer runs, 400 legs only")
    parser.add_argument("--json", action="store_true", help="JSON on standard output, progress on standard error")
    parser.add_argument("--only", action="append", choices=PARTS, help="one part; may be given more than once")
    parser.add_argument("--no-pin", action="store_true", help="do not keep service and load on cores of their own")
    parser.add_argument("--folder", help="where recordings go meanwhile (1 GB free); default: the system's temporary folder")
    parser.add_argument(
        "--output", default=os.path.join(ROOT, "Benchmarks", "results", "latest.json"), help="where the JSON goes")
    return parser.parse_args()


def main():
    def interrupt(*_):
        raise KeyboardInterrupt

    # Said for both: a shell that starts this in the background has Ctrl-C ignored.
    signal.signal(signal.SIGINT, interrupt)
    signal.signal(signal.SIGTERM, interrupt)
    bench = Bench(parse())
    try:
        bench.run()
    except KeyboardInterrupt:
        print("interrupted: everything that was started has been ended", file=sys.stderr)
        return 130
    except (BenchError, OSError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    return 1 if bench.failures else 0


if __name__ == "__main__":
    sys.exit(main())
