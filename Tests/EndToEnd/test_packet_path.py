"""What a packet costs: no allocation, no lock, no reference count, counted in the release build on real sockets.

The counting is that of `media-bench allocations`, which lies beside the service's binary once
`swift build -c release --product media-bench` has made it. docs/performance.md explains it.
"""

import json
import os
import subprocess

import pytest

from peer.server import find_binary

KINDS = ("allocations", "frees", "retains", "releases", "locks", "futexes")
# How often a hand-in of audio (a leg's turn, every 230 ms) may do it: the list of taps, and each tap in it.
HAND_IN = {"allocations": 0, "frees": 0, "retains": 3, "releases": 3, "locks": 0, "futexes": 0}


@pytest.fixture(scope="module")
def counted():
    program = find_binary().with_name("media-bench")
    if not os.access(program, os.X_OK):
        pytest.skip(f"no {program}: swift build -c release --product media-bench")
    if program.parent.name == "debug":
        pytest.skip(f"{program} is not optimised, and code that is not counts references everywhere")
    run = subprocess.run([program, "allocations"], capture_output=True, text=True, timeout=180)
    assert run.returncode in (0, 1), run.stderr[-2000:]
    return json.loads(run.stdout), run


def test_no_packet_costs_an_allocation_a_lock_or_a_reference_count(counted):
    report, run = counted
    assert run.returncode == 0, run.stderr
    assert report["clean"] is True
    for path in report["paths"]:
        assert path["counts"]["packet"] == dict.fromkeys(KINDS, 0), path
        assert path["unplaced"] == 0 and path["packetCost"] == 0, path


def test_every_path_of_the_engine_was_counted_under_load(counted):
    report, _ = counted
    names = {path["path"] for path in report["paths"]}
    assert {"record", "record-srtp", "record-srtp-gcm", "record-g722", "record-opus", "record-payloads", "relay",
            "relay-srtp", "relay-srtp-gcm", "fork-srtp"} <= names
    assert all(path["packets"] >= 3_000 for path in report["paths"]), report["paths"]
    for path in report["paths"]:
        if path["path"].startswith(("relay", "fork")):
            assert path["sent"] >= 0.8 * path["packets"], path
        else:
            assert path["handIns"] > 0, path


def test_both_back_ends_were_counted_or_it_says_why_not(counted):
    report, _ = counted
    found = {path["backEnd"] for path in report["paths"]}
    assert "epoll" in found
    if "io_uring" not in found:
        assert report["skipped"] and report["skipped"][0].startswith("io_uring"), report
        pytest.skip(report["skipped"][0])


def test_handing_audio_in_costs_no_allocation_and_no_lock(counted):
    report, _ = counted
    for path in report["paths"]:
        if path["handIns"] == 0:
            continue
        each = {kind: path["counts"]["handIn"][kind] / path["handIns"] for kind in KINDS}
        assert all(each[kind] <= HAND_IN[kind] for kind in KINDS), (path["path"], path["backEnd"], each)


def test_no_packet_locks_memory_not_even_with_a_lock_that_is_free(counted):
    report, _ = counted
    if not any("stepped" in path for path in report["paths"]):
        pytest.skip("this processor's instructions are not stepped through")
    for path in report["paths"]:
        assert path["stepped"]["instructions"] > 10_000 and path["stepped"]["atomics"] == 0, path
