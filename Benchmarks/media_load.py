"""load/rtp_load.c: compiled for the run, started for a set of legs, and its report."""

import json
import os
import subprocess

import sip_calls  # noqa: F401  (finds the end-to-end tests' instruments)
from peer import g711
from processes import BenchError, ServiceFailure

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)


def build(folder):
    """Compiles the load generator into `folder`."""
    program = os.path.join(folder, "rtp_load")
    cipher = os.path.join(ROOT, "Sources", "CSRTPCipher")
    command = [
        "cc", "-O2", "-w", "-I", os.path.join(cipher, "include"), os.path.join(HERE, "load", "rtp_load.c"),
        os.path.join(cipher, "srtp_cipher.c"), "-o", program, "-lcrypto"]
    try:
        built = subprocess.run(command, capture_output=True, text=True, timeout=120)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BenchError(f"load/rtp_load.c was not compiled: {error}") from None
    if built.returncode != 0:
        raise BenchError(f"load/rtp_load.c was not compiled: {built.stderr.strip()[:300]}")
    return program


def write_audio(path, voice):
    """The µ-law octets of a WAV file of 16-bit samples."""
    with open(voice, "rb") as file:
        octets = file.read()
    with open(path, "wb") as file:
        file.write(g711.encode("u", octets[octets.index(b"data") + 8:][:len(octets) // 2 * 2 - 100]))


class MediaLoad:
    """One running load generator. It waits for `go()`."""

    def __init__(self, bench, calls, name, seconds, key=None, packet_ms=20, rubbish=0):
        legs = os.path.join(bench.folder, f"{name}.legs")
        with open(legs, "w", encoding="ascii") as file:
            file.writelines(f"{address} {port}\n" for address, port in calls.places())
        self._log = os.path.join(bench.folder, f"{name}.log")
        self._processes = bench.processes
        arguments = [
            bench.load_program, legs, f"{seconds:g}", str(packet_ms), bench.audio, "--rubbish", str(rubbish),
            "--fd", str(calls.rtp.fileno())]
        if key:
            arguments += ["--key", key.hex()]
        self.process = bench.processes.start(
            arguments, bench.cores.others, self._log, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            pass_fds=(calls.rtp.fileno(),))

    @property
    def pid(self):
        return self.process.pid

    def go(self):
        self.process.stdin.write(b"go\n")
        self.process.stdin.flush()

    def report(self, limit):
        """What was sent, when the time is over."""
        try:
            self.process.wait(limit)
        except subprocess.TimeoutExpired:
            self._processes.end(self.process)
            raise ServiceFailure(f"the load was not over after {limit:.0f} s") from None
        output = self.process.stdout.read()
        code = self._processes.end(self.process)
        try:
            return json.loads(output)
        except ValueError:
            with open(self._log, encoding="utf-8", errors="replace") as file:
                raise ServiceFailure(f"the load has no report (exit {code}): {file.read().strip()[-300:]}") from None
