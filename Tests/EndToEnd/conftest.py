import sys
import threading
import time

import pytest

sys.dont_write_bytecode = True

from evidence import watch_call  # noqa: E402
from peer import bodies  # noqa: E402
from peer.recorded_call import RecordedCall  # noqa: E402
from peer.server import TEST_DATA, EarshotServer, configuration, find_binary  # noqa: E402


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """One running server for all tests of a file, with one connector and no credentials."""
    running = EarshotServer(tmp_path_factory.mktemp("server")).start()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def evidence(tmp_path_factory):
    """A call of five seconds and a short one after it, watched from outside (evidence.py), on a server of their own."""
    running = EarshotServer(tmp_path_factory.mktemp("evidence")).start()
    found = watch_call(running)
    yield found
    found.call.__exit__(None)
    found.second.__exit__(None)
    running.stop()


@pytest.fixture
def new_server(tmp_path):
    """A maker of servers with settings of their own: new_server(connectors=…, media={…}, start=False, …)."""
    made = []

    def make(start=True, environment=None, data=None, text=None, wrapper=(), **settings):
        folder = tmp_path / f"server{len(made)}"
        one = EarshotServer(folder, configuration(**settings) if text is None else None, environment, data, text, wrapper)
        made.append(one)
        return one.start() if start else one

    yield make
    failures = []
    for one in made:
        try:
            one.stop()
        except AssertionError as failure:
            failures.append(failure)
            one.destroy()
    assert not failures, failures[0]


def keep_refreshing(call, stop):
    """Refreshes a session of 90 s every 25 s."""
    while not stop.wait(25):
        call.refreshed.append(call.dialog.request("UPDATE", [("Supported", "timer"), ("Session-Expires", "90;refresher=uac")]))


@pytest.fixture(scope="session", autouse=True)
def long_calls(request, tmp_path_factory):
    """Calls that wait for timers of a minute; begun at once when a test that looks at them is part of the run."""
    if not any(item.get_closest_marker("last") for item in request.session.items):
        yield {}
        return
    running = EarshotServer(tmp_path_factory.mktemp("long")).start()
    calls = {}
    for seed, name in enumerate(("not acknowledged", "not refreshed", "refreshed")):
        call = calls[name] = RecordedCall(running, seed=900 + seed)
        headers, body = bodies.recording_offer(call.offer(), bodies.metadata())
        if name != "not acknowledged":
            headers += [("Supported", "timer"), ("Session-Expires", "90;refresher=uac")]
        call.began = time.monotonic()
        call.response = call.dialog.invite(headers, body, acknowledge=name != "not acknowledged")
        call.first_sent = call.dialog.sent_at
    calls["refreshed"].refreshed, stop = [], threading.Event()
    threading.Thread(target=keep_refreshing, args=(calls["refreshed"], stop), daemon=True).start()
    yield calls
    stop.set()
    for call in calls.values():
        call.__exit__(None)
    running.stop()


@pytest.fixture(scope="session")
def test_data():
    """The third-party data beside the project; tests that read it are skipped where it is not."""
    if not TEST_DATA.is_dir():
        pytest.skip("skipped: no ../shared/testdata")
    return TEST_DATA


def pytest_collection_modifyitems(items):
    # A binary from before these features knows no `pinWorkers`: nothing of what follows can be asked of it.
    needs = [item for item in items if item.get_closest_marker("engine")]
    if needs and b"pinWorkers" not in find_binary().read_bytes():
        for item in needs:
            item.add_marker(pytest.mark.skip(reason="this binary has no SRTP, io_uring and codecs yet"))
    # What needs a minute of wall time is started first and looked at last.
    items.sort(key=lambda item: item.get_closest_marker("last") is not None)


def pytest_configure(config):
    config.addinivalue_line("markers", "engine: needs SRTP, both back ends and all codecs")
    config.addinivalue_line("markers", "last: looks at the end at something that started with the run")
