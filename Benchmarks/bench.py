#!/usr/bin/python3
"""Measures Earshot under load: concurrent SIPREC calls of real RTP against the release binary.

Each figure is set beside its floor, measured in the same run (../shared/perf, where it is there), and judged by its
target. Prints a table and writes Benchmarks/results/latest.json. docs/performance.md explains the method.

Exit code 1: packets were lost, a call was cut, or the service failed. 2: the bench itself could not run. 130:
interrupted. A missed target is told in the table and is no error, unless --strict asks for it.
"""

import argparse
import datetime
import json
import os
import shutil
import signal
import sys
import tempfile
import time

sys.dont_write_bytecode = True

import figures  # noqa: E402
import floors  # noqa: E402
import media_load  # noqa: E402
import recording  # noqa: E402
import results  # noqa: E402
from processes import BenchError, Cores, Processes, ServiceFailure, busy_seconds  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class Bench:
    """One run of the benchmarks: its settings, its folder, and what it has found so far."""

    def __init__(self, arguments):
        self.arguments = arguments
        self.quick = arguments.quick
        self.binary = os.path.abspath(
            os.environ.get("EARSHOT_BINARY") or os.path.join(ROOT, ".build", "release", "earshot"))
        self.media_bench = os.path.join(os.path.dirname(self.binary), "media-bench")
        self.file_server = os.path.join(os.path.dirname(self.binary), "file-server")
        self.voices = {role: os.path.join(ROOT, "fixtures", role + ".wav") for role in ("caller", "callee")}
        self.processes = Processes()
        self.cores = Cores(pinned=not arguments.no_pin)
        self.results = []
        self.failures = []
        self.records = {}  # plan name: (plan, runs)
        self.patience = 5.0 if self.quick else 30.0  # seconds
        self._began = time.monotonic()
        self.folder = self.floors = self.load_program = self.audio = None

    def say(self, what, text):
        print(
            f"{time.monotonic() - self._began:6.1f} s  {what:<16} {text}", flush=True,
            file=sys.stderr if self.arguments.json else sys.stdout)

    def failure(self, text):
        return ServiceFailure(text)

    def add(self, *arguments, **options):
        self.results.append(results.result(*arguments, **options))

    def run(self):
        if not os.access(self.binary, os.X_OK):
            raise BenchError(f"no {self.binary}: build it with make build, or name one in EARSHOT_BINARY")
        self.folder = tempfile.mkdtemp(prefix="earshot-bench-", dir=self.arguments.folder)
        try:
            self.cores.keep_self_apart()
            self.load_program = media_load.build(self.folder)
            self.audio = os.path.join(self.folder, "audio")
            media_load.write_audio(self.audio, self.voices["caller"])
            self.floors = floors.Floors(ROOT, self.folder, self.say)
            self.say("machine", ", ".join(f"{key} {value}" for key, value in results.machine().items()))
            self.say("cores", str(self.cores))
            if self.floors.reason:
                self.say("floor", self.floors.reason)
            default = figures.QUICK if self.quick else figures.DEFAULT
            for part in self.arguments.only or default:
                try:
                    figures.PARTS[part](self)
                except ServiceFailure as error:
                    self.failures.append(f"{part}: {error}")
                    self.say("failed", self.failures[-1])
                    self.processes.end_all()
        finally:
            self.processes.end_all()
            shutil.rmtree(self.folder, ignore_errors=True)
        self.conclude()

    def record(self, name, legs, runs, window, **options):
        """The runs of one load; made once, whoever asks."""
        if name not in self.records:
            plan = recording.RecordPlan(
                name, legs, runs=2 if self.quick and runs > 1 else runs, window=3.0 if self.quick else window,
                spare=0 if self.quick else 1, **options)
            self.records[name] = (plan, recording.measure_all(self, plan))
        plan, runs = self.records[name]
        return recording.best(runs, plan.runs)

    def wait_until_undisturbed(self):
        """Waits for other programs to be done, a while in all; what does not end is said in the notes."""
        while self.patience > 0:
            began, busy = time.monotonic(), busy_seconds()
            time.sleep(0.5)
            if (busy_seconds() - busy) / (time.monotonic() - began) < recording.DISTURBED:
                return
            self.patience -= time.monotonic() - began

    def conclude(self):
        figures.losses(self)
        document = {
            "machine": results.machine(),
            "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "mode": "quick" if self.quick else "full",
            "cores": str(self.cores), "floors": self.floors.reason or "measured in the same run",
            "failures": self.failures, "results": self.results}
        if self.results:
            results.write(self.arguments.output, document)
        if self.arguments.json:
            json.dump(document, sys.stdout, indent=2, ensure_ascii=False)
            print()
            return
        print()
        if self.results:
            print(results.table(self.results))
        for failure in self.failures:
            print(f"FAILED: {failure}")
        if self.results:
            print(f"\nwritten to {os.path.relpath(self.arguments.output)}")


def parse():
    parser = argparse.ArgumentParser(
        description="Measures Earshot under load.", epilog="The environment variable EARSHOT_BINARY names another binary.")
    parser.add_argument(
        "--quick", action="store_true", help=f"about two minutes, for CI: {', '.join(figures.QUICK)} with fewer runs")
    parser.add_argument("--json", action="store_true", help="JSON on standard output, progress on standard error")
    parser.add_argument(
        "--only", action="append", choices=list(figures.PARTS), help="one part; may be given more than once. soak is not "
        "part of a run without it")
    parser.add_argument("--soak-minutes", type=float, default=10.0, help="length of each of the two soaks (10)")
    parser.add_argument("--strict", action="store_true", help="exit code 1 when a target is missed, too")
    parser.add_argument("--no-pin", action="store_true", help="do not keep service and load on cores of their own")
    parser.add_argument("--folder", help="where recordings go meanwhile (4 GB free); default: the system's temporary folder")
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
    missed = bench.arguments.strict and any(item["pass"] is False for item in bench.results)
    return 1 if bench.failures or missed else 0


if __name__ == "__main__":
    sys.exit(main())
