"""A full disk: calls stay up, the loss is counted, recording resumes when there is space."""

import os
import shutil
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from evidence import probe
from peer import bodies, g711, matroska
from peer.recorded_call import RecordedCall
from peer.rtp import difference
from peer.server import EarshotServer


@contextmanager
def mounted(where):
    """A file system of 3 MB; unmounted at the end."""
    where.mkdir()
    if os.geteuid() != 0:
        pytest.skip("mounting a small tmpfs needs root")
    tried = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(where)], capture_output=True, text=True)
    if tried.returncode != 0:
        pytest.skip(f"mounting a small tmpfs is not permitted here: {tried.stderr.strip()}")
    try:
        yield where
    finally:
        if subprocess.run(["umount", str(where)], check=False).returncode != 0:
            subprocess.run(["umount", "-l", str(where)], check=True)


@pytest.fixture
def small_disk(tmp_path):
    with mounted(tmp_path / "disk") as where:
        yield where


def free_space(disk):
    status = os.statvfs(disk)
    return status.f_bavail * status.f_frsize


def fill(disk, leave):
    """A file that leaves only so many octets free."""
    ballast = disk / "ballast"
    with open(ballast, "wb") as file:
        file.write(b"\0" * max(0, free_space(disk) - leave))
    return ballast


def grow_until_full(ballast):
    """Takes the last free pages."""
    try:
        with open(ballast, "ab", buffering=0) as file:
            while True:
                file.write(b"\0" * 4096)
    except OSError:
        pass


@pytest.fixture(scope="module", params=[1.0, 6.5], ids=["for a second", "for longer than audio is kept in memory"])
def run(request, tmp_path_factory):
    """One call during which the disk is full for so many seconds; its files are copied away from the small disk."""
    folder = tmp_path_factory.mktemp("full")
    with mounted(folder / "disk") as disk:
        server = EarshotServer(folder / "server", data=disk / "data").start()
        try:
            found = fill_during_a_call(server, disk, request.param)
            found.paths = [Path(shutil.copy(path, folder)) for path in found.paths]
            server.stop()
        finally:
            server.destroy()
    return found


def fill_during_a_call(server, disk, seconds):
    with RecordedCall(server, seed=700) as call:
        call.invite()
        speaker = call.speak([g711.noise(701, seconds + 4), g711.noise(702, seconds + 4)], wait=False)
        paths = call.files()
        time.sleep(0.7)
        ballast = fill(disk, 30_000)
        deadline = time.monotonic() + 4
        while free_space(disk) > 4096:  # the recorder itself fills what is left
            assert time.monotonic() < deadline, "the recorder does not write"
            time.sleep(0.02)
        grow_until_full(ballast)
        time.sleep(seconds)
        up = server.alive() and call.dialog.request("OPTIONS").status == 200 and not call.endpoint.requests("BYE")
        size = [path.stat().st_size for path in paths]
        ballast.unlink()
        deadline = time.monotonic() + 5
        while any(path.stat().st_size <= before for path, before in zip(paths, size)):
            assert time.monotonic() < deadline, f"recording does not resume\n{server.tail()}"
            time.sleep(0.05)
        speaker.finish()
        call.bye()
        ended = call.ended()
        legs = sorted(call.record("SDR")[1]["Legs"], key=lambda leg: leg["MediaIndex"])
        return SimpleNamespace(seconds=seconds, up=up, ended=ended, legs=legs, paths=paths, log=server.log.read_text(),
                               cdr=call.record("CDR")[1], sent=[leg.expected_pcm for leg in call.legs])


def test_the_call_stays_up_while_the_disk_is_full(run):
    assert run.up and len(run.ended) == 2
    assert run.cdr["BillableDurationSeconds"] >= int(run.seconds + 3)
    assert "No space left" in run.log, "the log says what is wrong"


def test_what_is_lost_is_counted_and_the_rest_stands_in_its_place(run):
    for path, sent, leg in zip(run.paths, run.sent, run.legs):
        assert probe(path).code == 0
        offset, wrong, frames = difference(matroska.read_recording(path).timeline, sent)
        assert offset is not None and abs(offset) <= 16 * 100
        assert not [frame for frame in wrong if frame < 25 or frame >= frames - 50], "the beginning and the last second are there"
        missing, counted = len(wrong) * 20, leg["WriterLostMilliseconds"]
        assert abs(missing - counted) <= 60, f"{missing} ms are missing, {counted} ms are counted"
        assert leg["Lost"] == 0, "the network lost nothing"
        assert counted > 0 if run.seconds > 6 else counted <= 1000 * run.seconds + 500


def test_both_legs_keep_the_length_of_the_call_for_readers_that_only_join_blocks(run):
    lengths = [len(matroska.read_recording(path).pcm) // 16 for path in run.paths]
    assert lengths[0] == lengths[1], f"milliseconds of audio in the legs: {lengths}"
    assert lengths[0] >= 1000 * (run.seconds + 4), f"{lengths[0]} ms of a call of more than {run.seconds + 4} s: a hole is not filled"


def test_a_disk_that_is_full_at_the_start_of_a_call_breaks_nothing(small_disk, tmp_path):
    server = EarshotServer(tmp_path / "server", data=small_disk / "data").start()
    try:
        ballast = fill(small_disk, 0)
        grow_until_full(ballast)
        with RecordedCall(server, seed=710) as call:
            response = call.dialog.invite(*bodies.recording_offer(call.offer(), bodies.metadata()))
            assert response.status in (200, 500, 503), response.start
            if response.status == 200:
                call.connect(response)
                call.speak([g711.noise(711, 0.5), g711.noise(712, 0.5)])
                ballast.unlink()
                call.bye()
                call.ended()
                assert call.record("CDR")[1]["CallId"]
        assert server.alive()
        ballast.unlink(missing_ok=True)
        with RecordedCall(server, seed=713) as call:
            call.invite()
            call.bye()
            call.ended()
        server.stop()
    finally:
        server.destroy()

