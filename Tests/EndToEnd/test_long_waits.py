"""Timers of a minute and more. Their calls begin when the first test of the run begins and are looked at last."""

import time

import pytest

from peer import records

pytestmark = pytest.mark.last


def wait_for_bye(call, seconds):
    left = seconds - (time.monotonic() - call.began)
    return call.endpoint.wait(lambda m: not m.is_response and m.method == "BYE", max(left, 1), "BYE of the server")


def test_a_200_that_is_never_acknowledged_ends_the_call_after_32_seconds(long_calls):
    call = long_calls["not acknowledged"]
    bye = wait_for_bye(call, 45)
    after = bye.arrived - call.first_sent
    assert 31 <= after <= 36, f"BYE after {after:.1f} s, 64*T1 is 32 s (RFC 3261 section 13.3.1.4)"
    assert bye.tag("to") == call.dialog.local_tag
    assert len(call.ended(timeout=5)) == 2 and call.record("CDR")


def test_a_session_that_is_not_refreshed_ends(long_calls):
    call = long_calls["not refreshed"]
    assert call.response.get("session-expires", "").startswith("90"), call.response.text()
    bye = wait_for_bye(call, 100)
    after = bye.arrived - call.first_sent
    assert 55 <= after <= 93, f"BYE after {after:.1f} s of a session of 90 s (RFC 4028 section 10)"
    ended = call.ended(timeout=5)
    assert len(ended) == 2
    length = records.parse_time(ended[0]["detail"]["endTime"]) - records.parse_time(ended[0]["detail"]["startTime"])
    assert abs(length - after) < 3


def test_a_session_that_is_refreshed_goes_on(long_calls):
    """Refreshed every 25 s, it outlives the one that was not."""
    wait_for_bye(long_calls["not refreshed"], 100)
    call = long_calls["refreshed"]
    answers = list(call.refreshed)
    assert len(answers) >= 2 and all(one.status == 200 and one.get("session-expires", "").startswith("90") for one in answers)
    assert call.endpoint.nothing_arrives(2, lambda m: not m.is_response and m.method == "BYE"), "ended in spite of the refresh"
    call.bye()
    assert len(call.ended()) == 2
