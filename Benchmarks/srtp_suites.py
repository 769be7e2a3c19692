"""SRTP a packet: our implementation beside Debian's libsrtp2, in one process (`media-bench srtp`)."""

import json
import statistics
import subprocess

from processes import ServiceFailure

FIGURES = ("protect", "unprotect", "libsrtpProtect", "libsrtpUnprotect")


def measure_all(bench, runs, packets):
    """{suite: {figure: (median, all runs)}}, ns a packet of 172 octets."""
    found = {}
    for number in range(1, runs + 1):
        bench.wait_until_undisturbed()
        process = bench.processes.start(
            [bench.media_bench, "srtp", "--packets", str(packets)], bench.cores.service,
            bench.folder + "/media-bench-srtp.log", stdout=subprocess.PIPE, text=True)
        output, _ = process.communicate(timeout=120)
        if bench.processes.end(process) != 0:
            raise ServiceFailure(f"media-bench srtp failed: {output.strip()[-300:]}")
        for suite in json.loads(output)["suites"]:
            for figure in FIGURES:
                found.setdefault(suite["suite"], {}).setdefault(figure, []).append(suite[figure])
        bench.say("srtp", f"run {number}: {len(found)} suites")
    return {
        suite: {figure: (statistics.median(values), values) for figure, values in figures.items()}
        for suite, figures in found.items()}
