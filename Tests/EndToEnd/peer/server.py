"""Starts, watches and stops the real binary. Every server has its own configuration, data folder and free ports."""

import atexit
import json
import os
import random
import re
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[3]
TEST_DATA = PACKAGE.parent / "shared" / "testdata"
CONNECTOR = "endtoend00000000000001"
DOMAIN = "voiceconnector.test"
HOST = f"{CONNECTOR}.{DOMAIN}"
ACCOUNT, REGION = "111122223333", "us-east-1"


def find_binary():
    """EARSHOT_BINARY, else the release build, else the debug build."""
    named = os.environ.get("EARSHOT_BINARY")
    candidates = [Path(named)] if named else [PACKAGE / ".build" / kind / "earshot" for kind in ("release", "debug")]
    for candidate in candidates:
        if candidate.is_file() and os.access(candidate, os.X_OK):
            return candidate
    raise AssertionError(
        f"no earshot binary at {' or '.join(map(str, candidates))}: run `make build`, or name one in EARSHOT_BINARY")


def free_media_range(width=200):
    """A range of UDP ports below the ephemeral ones in which nothing listens now."""
    generator = random.Random(os.urandom(8))
    for _ in range(200):
        first = generator.randrange(10000, 32000 - width, 2)
        probes = []
        try:
            for port in range(first, first + width, 2):
                probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                probes.append(probe)
                probe.bind(("127.0.0.1", port))
            return first, first + width - 1
        except OSError:
            continue
        finally:
            for probe in probes:
                probe.close()
    raise RuntimeError("no free range of media ports")


def yaml(value, indent=0):
    """Block-style YAML of dictionaries, lists and scalars."""
    pad, text = "  " * indent, ""
    if isinstance(value, dict):
        for key, inner in value.items():
            if isinstance(inner, (dict, list)) and inner:
                text += f"{pad}{key}:\n{yaml(inner, indent + 1)}"
            else:
                text += f"{pad}{key}: {_scalar(inner)}\n"
    else:
        for inner in value:
            if isinstance(inner, dict):
                block = yaml(inner, indent + 1)
                text += f"{pad}- {block.lstrip()}"
            else:
                text += f"{pad}- {_scalar(inner)}\n"
    return text


def _scalar(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, dict)):
        return json.dumps(value)
    if isinstance(value, str) and (not value or re.search(r"[:#{}\[\],&*!|>'\"%@`]|^\d+$|^\s|\s$", value)):
        return json.dumps(value)
    return str(value)


def connector(identifier=CONNECTOR, name="front desk", allowed=("127.0.0.0/8", "::1/128"), credentials=None, cps=500,
              streaming=None, **members):
    termination = {"cidrAllowedList": list(allowed), "cpsLimit": cps}
    if credentials:
        termination["credentials"] = [{"username": user, "password": secret} for user, secret in credentials]
    return {"id": identifier, "name": name, "requireEncryption": False, "termination": termination,
            "streaming": {"disabled": False, "dataRetentionInHours": 24, "notificationTargets": [], **(streaming or {})},
            **members}


def configuration(connectors=None, bind="127.0.0.1", media_range=None, **sections):
    first, last = media_range or free_media_range()
    result = {
        "node": {"region": REGION, "accountId": ACCOUNT, "domain": DOMAIN, "advertisedAddress": bind},
        "sip": {"bind": bind, "udp": 0, "tcp": 0, "tls": 0},
        "media": {"ports": f"{first}-{last}", "backend": "auto"},
        "shutdown": {"drain": "3s"},
        "connectors": connectors or [connector()],
    }
    for name, members in sections.items():
        result[name] = {**result.get(name, {}), **members}
    return result


class EarshotServer:
    """One run, or several after each other, of `earshot serve` on one folder."""

    def __init__(self, folder, settings=None, environment=None, data=None, text=None, wrapper=()):
        """`wrapper` is a command that runs the binary, such as a sandbox."""
        self.wrapper = list(wrapper)
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.data = Path(data) if data else self.folder / "data"
        self.file = self.folder / "earshot.yaml"
        self.file.write_text(text if text is not None else yaml(settings or configuration()))
        self.log = self.folder / "earshot.log"
        self.environment = environment or {}
        self.binary = find_binary()
        self.process, self.lines, self.addresses = None, [], {}
        self.pid = None
        atexit.register(self.destroy)

    def start(self, timeout=20):
        assert self.process is None, "already running"
        environment = {key: value for key, value in os.environ.items() if not key.startswith("EARSHOT_")}
        if "http:" not in self.file.read_text():
            environment["EARSHOT_HTTP_PORT"] = "0"
        self.lines, self.addresses = [], {}
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [*self.wrapper, self.binary, "serve", "--config", self.file, "--data", self.data], stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=log, env={**environment, **self.environment}, cwd=self.folder)
        self.pid = self.process.pid
        self.reader = threading.Thread(target=self._read, args=(self.process.stdout,), daemon=True)
        self.reader.start()
        self.wait_for_line("ready ", timeout)
        ready = next(line for line in self.lines if line.startswith("ready "))
        for name, where in re.findall(r"(\w+)=(\S+)", ready):
            host, _, port = where.rpartition(":")
            self.addresses[name] = (host.strip("[]"), int(port))
        return self

    def _read(self, pipe):
        for line in pipe:
            self.lines.append(line.decode("utf-8", "replace").rstrip("\n"))
        pipe.close()

    def wait_for_line(self, start, timeout):
        deadline = time.monotonic() + timeout
        while not any(line.startswith(start) for line in self.lines):
            if self.process.poll() is not None:
                self.reader.join(2)
                if any(line.startswith(start) for line in self.lines):
                    return
                raise AssertionError(f"earshot ended with code {self.process.returncode} before it said {start!r}\n{self.tail()}")
            assert time.monotonic() < deadline, f"earshot did not say {start!r} within {timeout} s\n{self.tail()}"
            time.sleep(0.01)

    def tail(self, count=40):
        log = self.log.read_text(errors="replace").splitlines()[-count:] if self.log.exists() else []
        return "\n".join(["--- stdout"] + self.lines[-10:] + ["--- log"] + log)

    @property
    def udp(self):
        return self.addresses["udp"]

    @property
    def tcp(self):
        return self.addresses["tcp"]

    @property
    def tls(self):
        return self.addresses["tls"]

    def uri(self, transport="udp", user="+13605550199", host=HOST):
        suffix = f";transport={transport}" if transport != "udp" else ""
        return f"sip:{user}@{host}:{self.addresses[transport][1]}{suffix}"

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def wait_for_exit(self, timeout=15):
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"earshot did not end within {timeout} s of SIGTERM\n{self.tail()}") from None
        self.reader.join(2)
        self.process = None
        return code

    def stop(self, timeout=15):
        """SIGTERM; asserts that it drains and ends with code 0."""
        if self.process is None:
            return
        self.terminate()
        code = self.wait_for_exit(timeout)
        assert code == 0, f"earshot ended with code {code} after SIGTERM\n{self.tail()}"
        assert any(line.startswith("drained") for line in self.lines), f"no `drained` line\n{self.tail()}"

    def kill(self):
        """SIGKILL, as a crash or the power switch."""
        self.process.kill()
        self.process.wait(5)
        self.reader.join(2)
        self.process = None

    def destroy(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(5)

    def run(self, *arguments, timeout=30, environment=None):
        """Runs another subcommand of the same binary to its end."""
        try:
            return subprocess.run([self.binary, *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                  timeout=timeout, cwd=self.folder, env={**os.environ, **(environment or {})})
        except subprocess.TimeoutExpired as late:
            said = (late.stdout or b"")[-1500:] + (late.stderr or b"")[-1500:]
            raise AssertionError(f"`earshot {arguments[0]}` still runs after {timeout} s; it said {said!r}") from None

    def memory(self):
        """Resident set size in kilobytes."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status).group(1))
