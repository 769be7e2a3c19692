"""Starting, watching and ending the programs that a measurement needs."""

import ctypes
import json
import os
import queue
import resource
import signal
import subprocess
import threading
import time

CONNECTOR = "bench12222333344445555"
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")
_libc = ctypes.CDLL(None, use_errno=True)


class BenchError(Exception):
    """A measurement could not be made; the text is for the person who looks on."""


class ServiceFailure(BenchError):
    """The service, or the calls to it, did not do what they should."""


class Cores:
    """Which cores the service gets, and which everything else.

    The floor programs keep the receiver on core 0 and the sender on core 1. Numbers can be set beside theirs only where
    service and load are kept apart in the same way; with one core, or `--no-pin`, nothing is pinned.
    """

    def __init__(self, pinned):
        available = sorted(os.sched_getaffinity(0))
        self.is_pinned = pinned and len(available) > 1
        self.service = {available[0]} if self.is_pinned else set(available)
        self.others = set(available[1:]) if self.is_pinned else set(available)

    def keep_self_apart(self):
        os.sched_setaffinity(0, self.others)

    def __str__(self):
        if not self.is_pinned:
            return "not pinned"
        return f"service on core {min(self.service)}, load on {', '.join(map(str, sorted(self.others)))}"


class Processes:
    """Everything that was started, ended by its process id whatever happens."""

    def __init__(self):
        self._running = []

    def start(self, arguments, cores, log, **options):
        # A session of its own: Ctrl-C reaches this program alone, which then ends the others in order.
        def prepare():
            os.sched_setaffinity(0, cores)
            _libc.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: nothing outlives a bench that is killed

        with open(log, "ab") as errors:
            process = subprocess.Popen(
                arguments, stderr=errors, start_new_session=True, preexec_fn=prepare,
                **{"stdin": subprocess.DEVNULL, **options})
        self._running.append(process)
        return process

    def end(self, process, limit=5.0):
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(timeout=limit)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if process in self._running:
            self._running.remove(process)
            try:
                # Each leads a session of its own, so this is what it may have started (the floor's sender), or nobody.
                os.killpg(process.pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                pass
        return process.returncode

    def end_all(self):
        for process in reversed(list(self._running)):
            self.end(process, limit=2.0)


def cpu_seconds(pid):
    """CPU time of all threads of a process, those that are gone included: its CPU clock (clock_getcpuclockid(3))."""
    return time.clock_gettime((~pid << 3) | 2)


def children_seconds():
    """CPU time of the programs that were started here and are over, theirs included."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def resident_kilobytes(pid):
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
        for line in file:
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
    raise ServiceFailure("the service has no resident memory: it is gone")


def busy_seconds():
    """CPU time of the whole machine since it started: user, nice, system, interrupts, and what a host took."""
    with open("/proc/stat", encoding="ascii") as file:
        fields = [int(word) for word in file.readline().split()[1:9]]
    user, nice, system, _, _, irq, softirq, steal = fields
    return (user + nice + system + irq + softirq + steal) / CLOCK_TICKS


class Service:
    """`earshot serve` in a folder of its own."""

    def __init__(self, binary, folder, processes, cores, back_end="auto", **media):
        """`media` are further keys of the configuration's section of that name."""
        os.makedirs(folder)
        self.folder = folder
        self.data = os.path.join(folder, "data")
        self.log = os.path.join(folder, "serve.log")
        self._processes = processes
        config = os.path.join(folder, "earshot.yaml")
        with open(config, "w", encoding="utf-8") as file:
            keys = {"ports": "10000-31999", "backend": back_end, "workers": len(cores.service), **media}
            file.write(CONFIGURATION.replace("@media", ", ".join(f"{key}: {value}" for key, value in keys.items())))
        environment = {key: value for key, value in os.environ.items() if not key.startswith("EARSHOT_")}
        self.process = processes.start(
            [binary, "serve", "--config", config, "--data", self.data], cores.service, self.log,
            stdout=subprocess.PIPE, env=environment, cwd=folder)
        self.pid = self.process.pid
        self.port = self._wait_until_ready()

    def _wait_until_ready(self):
        lines = queue.Queue()

        def read():
            for line in self.process.stdout:
                lines.put(line.decode(errors="replace").strip())
            lines.put(None)

        threading.Thread(target=read, daemon=True).start()
        deadline = time.monotonic() + 15
        line = ""
        while line is not None and not line.startswith("ready "):  # the first start tells of its access key before
            try:
                line = lines.get(timeout=max(0.01, deadline - time.monotonic()))
            except queue.Empty:
                raise ServiceFailure("the service was not ready within 15 s" + self.log_tail()) from None
        if line is None:
            raise ServiceFailure("the service did not start" + self.log_tail())
        bound = dict(word.split("=", 1) for word in line.split()[1:] if "=" in word)
        if "http" in bound:
            host, _, port = bound["http"].rpartition(":")
            self.http = (host, int(port))
        return int(bound["udp"].rsplit(":", 1)[1])

    def check(self):
        if self.process.poll() is not None:
            raise ServiceFailure(f"the service ended (exit {self.process.returncode})" + self.log_tail())

    def log_tail(self):
        try:
            with open(self.log, encoding="utf-8", errors="replace") as file:
                lines = file.readlines()[-8:]
        except OSError:
            lines = []
        return ":\n" + "".join("    " + line for line in lines) if lines else ""

    def calls_in_progress(self):
        """Each call in progress has a journal, which goes when its records are written."""
        try:
            return sum(name.endswith(".json") for name in os.listdir(os.path.join(self.data, "calls")))
        except FileNotFoundError:
            return 0

    def wait_for_calls(self, count, limit, load):
        """Until `count` calls are up; `load` must go on meanwhile."""
        deadline = time.monotonic() + limit
        while (up := self.calls_in_progress()) < count:
            self.check()
            if load.is_over:
                raise ServiceFailure(f"the calls ended before all were up: {load.explain()}")
            if time.monotonic() > deadline:
                raise ServiceFailure(f"{up} of {count} calls were up after {limit:.0f} s" + self.log_tail())
            time.sleep(0.1)

    def wait_until_quiet(self, limit=15.0):
        deadline = time.monotonic() + limit
        while self.calls_in_progress() > 0:
            self.check()
            if time.monotonic() > deadline:
                raise ServiceFailure(f"{self.calls_in_progress()} calls have not been closed after {limit:.0f} s")
            time.sleep(0.05)

    def stop(self):
        self.check()
        code = self._processes.end(self.process, limit=20)
        if code != 0:
            raise ServiceFailure(f"the service ended with exit code {code}" + self.log_tail())

    def records(self, kind):
        """All CDRs or SDRs, in no order."""
        for folder, _, names in os.walk(os.path.join(self.data, "objects", f"Amazon-Chime-Voice-Connector-{kind}s")):
            for name in names:
                with open(os.path.join(folder, name), encoding="utf-8") as file:
                    yield json.load(file)

    def leg_totals(self, of=None):
        """What the SDRs count, summed; `of` holds transaction identifiers, None is all."""
        totals = dict.fromkeys(LEG_COUNTERS, 0)
        totals.update(Legs=0, LegsWithLoss=0)
        for record in self.records("SDR"):
            if of is not None and record["TransactionId"] not in of:
                continue
            for leg in record.get("Legs", []):
                totals["Legs"] += 1
                totals["LegsWithLoss"] += bool(leg.get("Lost") or leg.get("KernelDrops"))
                for counter in LEG_COUNTERS:
                    totals[counter] += leg.get(counter) or 0
        return totals

    def transactions(self, source):
        """The transaction identifiers of the calls from a number."""
        return {record["TransactionId"] for record in self.records("CDR") if record.get("SourcePhoneNumber") == source}

    def open_files(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))


LEG_COUNTERS = ("Packets", "Lost", "Late", "Duplicates", "KernelDrops", "WriterLostMilliseconds")

CONFIGURATION = f"""\
node: {{ advertisedAddress: 127.0.0.1 }}
sip: {{ bind: 127.0.0.1, udp: 0, tcp: off, tls: off }}
media: {{ @media }}
http: {{ port: 0 }}
logging: {{ level: warning }}
connectors:
  - id: {CONNECTOR}
    name: benchmark
    termination: {{ cidrAllowedList: [127.0.0.1/32], cpsLimit: 10000 }}
    streaming: {{ dataRetentionInHours: 24 }}
"""


class Load:
    """`earshot call`: real SIPREC calls with paced RTP on both legs."""

    def __init__(self, binary, service, processes, cores, voices, calls, rate, seconds):
        self._processes = processes
        self._log = os.path.join(service.folder, "call.log")
        self._service = service
        arguments = [binary, "call", "--to", f"sip:{CONNECTOR}@127.0.0.1:{service.port}"]
        for role in ("caller", "callee"):
            arguments += ["--" + role, voices[role]]
        arguments += ["--calls", str(calls), "--rate", f"{rate:g}", "--seconds", f"{seconds:g}", "--json"]
        self.process = processes.start(arguments, cores.others, self._log, stdout=subprocess.PIPE)

    @property
    def is_over(self):
        return self.process.poll() is not None

    def explain(self):
        try:
            with open(self._log, encoding="utf-8", errors="replace") as file:
                return file.read().strip()[-500:] or f"exit code {self.process.returncode}"
        except OSError:
            return f"exit code {self.process.returncode}"

    def report(self, limit):
        """The client's JSON, when all its calls are over."""
        try:
            output, _ = self.process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            self._processes.end(self.process)
            raise ServiceFailure(f"the calls were not over after {limit:.0f} s" + self._service.log_tail()) from None
        code = self._processes.end(self.process)
        self._service.check()
        try:
            report = json.loads(output)
        except ValueError:
            raise ServiceFailure(f"the client has no report (exit {code}): {self.explain()}") from None
        if report["failed"]:
            raise ServiceFailure(f"{report['failed']} of {report['calls']} calls failed: {self.explain()}")
        return report
