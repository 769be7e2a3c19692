"""The figures of the table: what is measured for each, its target, and what is said beside it.

Names, floors and targets are those of docs/performance.md.
"""

import os
import shutil
import statistics

import allocations
import catch_up
import getmedia_latency
import limits
import live_tail
import recording
import relay
import signalling
import soak
import srtp_suites
import stream_readers
import write_lag
from processes import BenchError, Load, Service

BACKGROUND_CALLS = 200


def _median(values):
    values = [value for value in values if value is not None]
    return statistics.median(values) if values else None


def _disturbed(runs):
    most = max(max(run.disturbance, run.floor_disturbance) for run in runs)
    return f"; DISTURBED by other programs ({most:.2f} cores)" if most > recording.DISTURBED else ""


def _record(bench, name, legs, runs, window, most_ratio, **options):
    found = bench.record(name, legs, runs, window, **options)
    plan = bench.records[name][0]
    bench.add(
        name, _median(run.microseconds for run in found), "µs/packet", [run.microseconds for run in found],
        f"CPU of the whole service a received packet, {legs} legs recorded to disk; {bench.cores}; floor: receive_floor "
        f"{plan.floor_mode} {legs} {plan.packets_per_second}{_disturbed(found)}",
        floor=_median(run.floor for run in found), most_ratio=most_ratio)
    return found


def _ring(bench, legs):
    """The io_uring runs that several figures look at."""
    return bench.record(f"record-io_uring-{legs}", legs, 3, 6.0 if legs >= 2000 else 4.0)


# --- recording ---------------------------------------------------------------------------------------------------------


def record_ring(bench):
    _record(bench, "record-io_uring-2000", 2000, 3, 6.0, 2.0)


def record_epoll(bench):
    _record(bench, "record-epoll-2000", 2000, 3, 6.0, 1.6, back_end="epoll")


def record_small(bench):
    _record(bench, "record-io_uring-400", 400, 3, 4.0, None)


def record_srtp(bench):
    plain = _ring(bench, 2000)
    found = bench.record("record-srtp-2000", 2000, 3, 6.0, secure=True, has_floor=False)
    beside = _median(run.microseconds for run in plain)
    bench.add(
        "record-srtp-2000", _median(run.microseconds for run in found), "µs/packet", [run.microseconds for run in found],
        f"as record-io_uring-2000 with AES_CM_128_HMAC_SHA1_80; its figure stands where the floor does{_disturbed(found)}",
        floor=beside, most_ratio=1.35, target="≤ 1.35 × record-io_uring-2000")


def memory(bench):
    found = _ring(bench, 2000)
    idle = statistics.median(run.idle_kilobytes for run in found)
    bench.add(
        "memory-per-call", _median(run.kilobytes_per_call for run in found), "kB/call",
        [run.kilobytes_per_call for run in found],
        f"resident memory at 1,000 calls of two legs less {idle / 1024:.0f} MB idle; socket buffers are the kernel's", most=64)


def growth(bench):
    small, large = _ring(bench, 400), _ring(bench, 4000)
    quotient = _median(run.microseconds for run in large) / _median(run.microseconds for run in small)
    below = [_median(run.floor for run in runs) for runs in (small, large)]
    late = max(run.report["pacingLateMs"]["p99"] for run in large)
    bench.add(
        "growth-4000-400", quotient, "ratio",
        [b.microseconds / a.microseconds for a, b in zip(small, large)],
        "CPU a packet at 4,000 legs over that at 400, io_uring; floor: the same quotient of the floors; the load of 4,000 "
        f"legs was late by {late} ms (p99)", floor=below[1] / below[0] if all(below) else None, most=1.15)


# --- relay and SRTP ----------------------------------------------------------------------------------------------------


def _has_media_bench(bench, part):
    if os.access(bench.media_bench, os.X_OK):
        return True
    bench.say(part, f"skipped: no {bench.media_bench}; swift build -c release --product media-bench")
    return False


def relay_figures(bench):
    if not _has_media_bench(bench, "relay"):
        return
    floors, runs = relay.measure_all(bench, 2 if bench.quick else 3, 4.0 if bench.quick else relay.SECONDS)
    if not runs:
        return
    latency = {part: _median(run.latency[part] for run in runs) for part in ("p50", "p99")}
    below = {part: _median(run.latency[part] for run in floors) for part in ("p50", "p99")}
    lost = sum(run.lost for run in runs)
    bench.add(
        f"relay-{relay.LEGS}", _median(run.microseconds for run in runs), "µs/packet", [run.microseconds for run in runs],
        f"CPU of media-bench a relayed packet, {relay.LEGS} legs, {relay.LEGS * relay.RATE} packets a second; there and back p50 "
        f"{latency['p50']:.2f} ms, p99 {latency['p99']:.2f} ms; {lost} packets lost; floor: relay_floor epoll",
        floor=_median(run.microseconds for run in floors), most_ratio=1.25, also=latency["p99"] <= 3.0 and lost == 0,
        target="≤ 1.25 × floor; p99 ≤ 3 ms; 0 lost", latencyMs=latency)
    for part in ("p50", "p99"):
        bench.add(
            f"relay-{relay.LEGS}-{part}", latency[part], "ms", [run.latency[part] for run in runs],
            "from rtpload's send to its receive; floor: the same through relay_floor", floor=below[part],
            **({"most": 3.0} if part == "p99" else {}))
    if lost:
        bench.failures.append(f"relay: {lost} packets were lost")


def srtp(bench):
    if not _has_media_bench(bench, "srtp"):
        return
    found = srtp_suites.measure_all(bench, 3 if bench.quick else 5, 50_000 if bench.quick else 200_000)
    for suite, figures in found.items():
        times = 2 if suite.startswith("AEAD") else 5
        for what, beside in (("protect", "libsrtpProtect"), ("unprotect", "libsrtpUnprotect")):
            (value, runs), (other, _) = figures[what], figures[beside]
            bench.add(
                f"srtp-{suite}-{what}", value, "ns/packet", runs,
                f"a packet of 172 octets; in the place of the floor: Debian's libsrtp2, {other / value:.1f} times as long",
                floor=other, most_ratio=1 / times, target=f"≥ {times} × faster than libsrtp2")


# --- limits ------------------------------------------------------------------------------------------------------------


def allocation_figures(bench):
    if _has_media_bench(bench, "allocations"):
        allocations.add(bench, allocations.measure(bench, 3_000 if bench.quick else 10_000))


def loss_at_80(bench):
    microseconds = _median(run.microseconds for run in _ring(bench, 2000))
    run = limits.at_utilisation(bench, 0.8, microseconds, 4.0 if bench.quick else 10.0)
    reached = run.utilisation >= 0.75
    bench.add(
        "loss-at-80", run.lost, "packets", [run.lost],
        f"of {run.packets_sent} that {run.legs} legs sent, with the service at {run.utilisation * 100:.0f} % of its core; load late by "
        f"{run.report['pacingLateMs']['p99']} ms (p99)" + ("" if reached else "; MORE THAN THE LOAD'S CORE CAN SEND"),
        most=0, target="0 at 80 %", also=True if reached or run.lost else None)
    if run.lost:
        bench.failures.append(f"loss-at-80: {run.lost} of {run.packets_sent} packets were lost")


def overload(bench):
    """Encrypted and with epoll, where a packet costs the most and the load can send more than a core takes."""
    first = bench.record("record-srtp-epoll-2000", 2000, 1, 3.0, secure=True, back_end="epoll", has_floor=False)
    run = limits.at_utilisation(bench, 1.2, first[0].microseconds, 4.0 if bench.quick else 10.0, "epoll", True)
    asked = run.legs * 50 * first[0].microseconds * 1e-6
    bench.add(
        "limit-120-lost", run.lost, "packets", [run.lost],
        f"of {run.packets_sent} from {run.legs} legs that ask for {asked * 100:.0f} % of a core; the service had {run.utilisation * 100:.0f} %; "
        f"{run.totals['LegsWithLoss']} of {run.totals['Legs']} legs lost something; the counters that say so: "
        f"{limits.counters(run.totals)}")
    explained = max(run.totals["KernelDrops"], run.totals["Lost"])
    bench.add(
        "limit-120-unexplained", max(0, run.lost - explained), "packets", [run.lost - explained],
        "lost packets that no counter of the SDRs tells", most=0)
    bench.add("limit-120-calls-cut", run.calls_cut, "calls", [run.calls_cut], f"of {run.legs // 2} calls", most=0)
    if run.calls_cut:
        bench.failures.append(f"limits: {run.calls_cut} calls were cut at 120 %")


def full(bench):
    first, refused, lost, cut = limits.full(bench)
    bench.add(
        "limit-max-calls-refused", refused.get(503, 0), "calls", [], f"with media.maxCalls 50: 50 calls were answered {first}, 10 "
        f"more {refused}", also=refused == {503: 10} and first == {200: 50}, target="10 × 503")
    bench.add("limit-max-calls-lost", lost, "packets", [lost], f"of those that were up; {cut} calls cut", most=0, also=cut == 0)


def limit_figures(bench):
    full(bench)
    overload(bench)


def soaks(bench):
    seconds = bench.arguments.soak_minutes * 60
    for name, rubbish in (("soak", False), ("soak-rubbish", True)):
        run = soak.measure(bench, seconds, rubbish)
        values = [kilobytes / 1024 for _, kilobytes, _ in run.steady]
        bench.add(
            f"{name}-growth", run.growth * 100, "%", [run.slope],
            f"of the resident memory in {seconds / 60:g} minutes ({min(values):.1f} to {max(values):.1f} MB; runs: kB a minute), "
            f"{soak.CALLS} steady calls, {run.churned} that came and went"
            + (f", {soak.RUBBISH_CALLS} that sent {run.rubbish} packets of rubbish" if rubbish else ""), most=5)
        bench.add(f"{name}-lost", run.lost, "packets", [run.lost], f"{run.calls_cut} calls cut", most=0, also=run.calls_cut == 0)
        if run.lost or run.calls_cut:
            bench.failures.append(f"{name}: {run.lost} packets lost, {run.calls_cut} calls cut")


# --- SIP and the file --------------------------------------------------------------------------------------------------


def signalling_figures(bench):
    loads = [(50, 100)] if bench.quick else [(10, 100), (50, 300)]
    lag_seconds = 5.0 if bench.quick else 8.0
    folder = os.path.join(bench.folder, "signalling")
    service = Service(bench.binary, folder, bench.processes, bench.cores)
    # Up for as long as everything that is measured beside them may take.
    seconds = sum(calls / rate + 3 for rate, calls in loads) + lag_seconds + 5
    background = Load(
        bench.binary, service, bench.processes, bench.cores, bench.voices, BACKGROUND_CALLS, 100, seconds)
    service.wait_for_calls(BACKGROUND_CALLS, 10, background)
    for rate, calls in loads:
        report, options = signalling.measure(bench, service, rate, calls)
        for part in (50, 99):
            value = report["inviteToAnswerMs"][f"p{part}"]
            bench.add(
                f"invite-to-200-{rate}-p{part}", value, "ms", [value],
                f"{calls} INVITEs at {rate} a second while {BACKGROUND_CALLS} calls are up; floor: OPTIONS at the same time",
                floor=signalling.percentile(options, part / 100))
    lags, first = write_lag.measure(service, lag_seconds)
    if background.is_over:
        raise BenchError("the calls in the background ended too early for the write lag")
    for part in (50, 99):
        value = signalling.percentile(lags, part / 100)
        bench.add(
            f"write-lag-p{part}", value, "ms", [value],
            f"{len(lags)} packets of one leg beside {BACKGROUND_CALLS} calls: sent until the last sample is readable in the "
            "file (floor: none)")
    bench.add(
        "write-lag-first", first, "ms", [first], "the same for the first packet of the leg, which the jitter buffer holds")
    bench.say("write lag", f"{len(lags)} packets: p50 {signalling.percentile(lags, 0.5):.0f} ms, "
                           f"p99 {signalling.percentile(lags, 0.99):.0f} ms, max {lags[-1]:.0f} ms, first packet {first:.0f} ms")
    background.report(seconds + 15)
    service.wait_until_quiet()
    service.stop()
    shutil.rmtree(folder, ignore_errors=True)


# --- streams over HTTP -------------------------------------------------------------------------------------------------


def latency_figures(bench):
    seconds, probes = (4.0, 4) if bench.quick else (12.0, 6)
    folder = os.path.join(bench.folder, "getmedia-latency")
    service = Service(bench.binary, folder, bench.processes, bench.cores)
    signer = stream_readers.make_signer(bench.binary, service)
    background = Load(
        bench.binary, service, bench.processes, bench.cores, bench.voices, BACKGROUND_CALLS, 100, seconds + 8)
    service.wait_for_calls(BACKGROUND_CALLS, 10, background)
    lags = getmedia_latency.measure(service, signer, probes, seconds)
    if background.is_over:
        raise BenchError("the calls in the background ended too early for the latency of GetMedia")
    background.report(seconds + 20)
    service.wait_until_quiet()
    service.stop()
    shutil.rmtree(folder, ignore_errors=True)
    parts = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999}
    found = {name: signalling.percentile(lags, part) for name, part in parts.items()}
    bench.say("getmedia-latency", ", ".join(f"{name} {value:.1f} ms" for name, value in found.items()))
    bench.add(
        "getmedia-latency", found["p99"], "ms", [found[name] for name in parts],
        f"p99; runs: p50, p99, p99.9 of {len(lags)} packets on {probes} legs beside {BACKGROUND_CALLS} calls: sent until the last sample "
        "is at the reader (floor: none)", most=150, **found)


def tail_figures(bench):
    legs, readers, seconds = (400, 40, 5.0) if bench.quick else (live_tail.LEGS, live_tail.READERS, 10.0)
    run = live_tail.measure(bench, seconds, legs, readers)
    parts = {part: signalling.percentile(run.lags, value) for part, value in (("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999))}
    beside = f"{readers} readers on as many of {legs} streams that are recorded"
    bench.add(
        "live-tail-incomplete", len(run.incomplete), "readers", [], f"{beside}, {seconds:g} s: those that did not get all of their "
        f"stream in one piece; {run.bytes / 1e6 / seconds:.1f} MB/s in all", most=0)
    bench.add(
        "live-tail-lag", parts["p99"], "ms", list(parts.values()), f"{beside}: from the moment of a block's last sample to its being read; "
        "value: p99, runs: p50, p99, p99.9; the reading program shares its core with the load", **parts)
    bench.add(
        "live-tail-lost", run.packets_lost, "packets", [run.packets_lost], f"of {run.packets_sent} that {legs} legs sent meanwhile; "
        f"{run.calls_cut} calls cut", most=0, also=run.calls_cut == 0)
    bench.add(
        "live-tail-cores", run.followed, "cores", [run.alone, run.followed], f"of the service with {readers} readers; runs: without and "
        "with them; floor: without", floor=run.alone)
    if run.incomplete or run.packets_lost or run.calls_cut:
        bench.failures.append(
            f"live-tail: {len(run.incomplete)} readers incomplete, {run.packets_lost} packets lost, {run.calls_cut} calls cut"
            + (f"; {run.incomplete[0]}" if run.incomplete else ""))


def catch_up_figures(bench):
    if not os.access(bench.file_server, os.X_OK):
        bench.say("catch-up", f"skipped: no {bench.file_server}; swift build -c release --product file-server")
        return
    found, below, size = catch_up.measure(bench, 32 if bench.quick else 150, 2 if bench.quick else 3)
    bench.add(
        "catch-up", _median(found), "MB/s", found, f"one reader, GetMedia from EARLIEST, a recording of {size / 1e6:.0f} MB in fragments of "
        f"16 kB; floor: the same file over the same HTTP server and nothing else ({', '.join(f'{value:.0f}' for value in below)} MB/s); "
        "more is better", floor=_median(below))


# --- over all ----------------------------------------------------------------------------------------------------------


def losses(bench):
    """What was lost in all recording runs, disturbed ones too; the deliberate overload apart."""
    every = [run for _, runs in bench.records.values() for run in runs]
    if not every:
        return
    lost, sent = sum(run.lost for run in every), sum(run.packets_sent for run in every)
    if lost:
        bench.failures.append(f"{lost} of {sent} packets were lost")
    bench.add(
        "packets-lost", lost, "packets", [run.lost for run in every],
        f"sent by the load ({sent}) less received by the legs, as the SDRs count them", most=0)
    for name, counter, unit in (
        ("sdr-lost", "Lost", "packets"), ("sdr-late", "Late", "packets"), ("sdr-kernel-drops", "KernelDrops", "packets"),
        ("sdr-writer-lost", "WriterLostMilliseconds", "ms"),
    ):
        values = [run.totals[counter] for run in every]
        bench.add(name, sum(values), unit, values, f"{counter} of all SDRs")
    late = [run.report["pacingLateMs"]["p99"] for run in every]
    bench.add("load-pacing-p99", max(late), "ms", late, "how late the load was sent, the worst run")


PARTS = {
    "record-io_uring-2000": record_ring, "record-epoll-2000": record_epoll, "record-srtp-2000": record_srtp,
    "record-io_uring-400": record_small, "memory-per-call": memory, "growth-4000-400": growth, "relay-600": relay_figures, "srtp": srtp,
    "allocations": allocation_figures,
    "loss-at-80": loss_at_80, "limits": limit_figures, "signalling": signalling_figures,
    "getmedia-latency": latency_figures, "live-tail": tail_figures, "catch-up": catch_up_figures, "soak": soaks,
}
DEFAULT = tuple(part for part in PARTS if part != "soak")
QUICK = ("record-io_uring-400", "relay-600", "srtp", "allocations", "signalling", "getmedia-latency")
