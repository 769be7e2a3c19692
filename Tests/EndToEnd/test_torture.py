"""The messages of RFC 4475 and RFC 5118, each sent as it is from an address of its own; the answers of expected.tsv.

How the table is read:
- Its messages are addressed to hosts such as example.com, which are no connector of ours. The project's rule is that such a
  request is answered 404 once its syntax is right. So wherever the table's answer comes after the look at the
  Request-URI (200, "process", "accept", 406, 415, 420, 481), 404 is right as well when the message is sent as it is.
- So that this takes nothing away, each of those messages is sent a second time with the host of its Request-URI changed
  to our connector, and a transaction identity of its own ("at our host"); then the table's own answer is asked for.
- "process" and "accept" are met by 180, 200, 404, 481 or 488: the request was understood and handled.
- 405 is the project's answer to every method that it does not handle: it is right where the table has 501, and where the
  table has such a request processed.
- A datagram that ends before the length or the blank line it needs may be answered 400, as the table says of clerr.dat.
- A response in the table is to be dropped: nothing may come back.
- Messages with the same transaction identity go to different servers, or one would be taken for a retransmission.
"""

import csv
import os
import re
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from peer import sip
from peer.endpoint import Endpoint
from peer.server import HOST, TEST_DATA, EarshotServer, configuration

FOLDER = TEST_DATA / "sip-torture"
PROCESSED = {180, 200, 404, 481, 488}
AFTER_URI = {200, 180, 406, 415, 420, 481, 488, 513}
HANDLED = ("INVITE", "OPTIONS", "BYE")  # any other method is refused before the Request-URI is looked at
NO_ANSWER = "no answer"

# Cases that are not met, with the reason; a case that is met again fails the run, so that it is taken out here.
KNOWN = {}

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="skipped: no ../shared/testdata")


def rows():
    if not FOLDER.is_dir():
        return []
    with open(FOLDER / "expected.tsv", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def acceptable(row):
    """The status codes that the table allows, from both of its columns."""
    if row["kind"] == "response":
        return {NO_ANSWER}
    text = re.sub(r"Warning \d+", "", row["expected_answer_UAS"] + " ; " + (row["also_acceptable"] or ""))
    codes = {int(code) for code in re.findall(r"(?<![\d-])[1-6]\d\d(?!\d)", text)}
    if re.search(r"process|accept\b", text):
        codes |= PROCESSED if row["kind"] in HANDLED else {405, 501}
    if 501 in codes:
        codes |= {405}
    return codes | ({400} if cut_short(row["file"]) else set())


def cut_short(name):
    """Whether a datagram with this file has no blank line, or a body shorter than its Content-Length."""
    head, *rest = re.split(rb"\r?\n\r?\n", (FOLDER / name).read_bytes(), maxsplit=1)
    length = re.search(rb"^(?:content-length|l)\s*:\s*(\d+)", head, re.M | re.I)
    return not rest or bool(length and int(length.group(1)) > len(rest[0]))


def may_be_elsewhere(row):
    """Whether the Request-URI's host decides before the table's answer does."""
    return row["kind"] in HANDLED and bool(acceptable(row) & AFTER_URI)


ROWS = {row["file"]: row for row in rows()}
REHOSTED = [name for name, row in ROWS.items() if may_be_elsewhere(row)]
CASES = [(name, "as it is") for name in ROWS] + [(name, "at our host") for name in REHOSTED]


def octets(name, variant):
    data = (FOLDER / name).read_bytes()
    if variant == "at our host":
        line, end, rest = data.partition(b"\n")
        line = re.sub(rb"(sips?:(?:[^@\s]*@)?)(\[[^\]\s]+\]|[^;:?>\s@]+)", rb"\g<1>" + HOST.encode(), line, count=1)
        rest = re.sub(rb"(branch\s*=\s*z9hG4bK)(?=[^;,\s])", rb"\g<1>o", rest, count=1)
        rest = re.sub(rb"^((?:call-id|i)\s*:\s*)(?=\S)", rb"\g<1>o", rest, count=1, flags=re.M | re.I)
        data = line + end + rest
    return data


def identities(data):
    """What may make a server take this message for one it has seen: branch with sent-by and method, or Call-ID with CSeq."""
    text = data.decode("utf-8", "replace")
    patterns = {"branch": r"branch\s*=\s*([^;,\s]+)", "sent": r"^(?:via|v)\s*:\s*SIP\s*/\s*\S+\s*/\s*\w+\s+([^\s;,]+)",
                "method": r"^(\S+)", "call": r"^(?:call-id|i)\s*:\s*(\S+)", "sequence": r"^cseq\s*:\s*(\d+)"}
    found = {name: re.search(pattern, text, re.M | re.I) for name, pattern in patterns.items()}
    value = {name: match.group(1) if match else text[:80] for name, match in found.items()}
    return {("transaction", value["branch"], value["sent"], value["method"]),
            ("call", value["call"], value["sequence"], value["method"])}


def rounds():
    """Each case's server number: the first on which nothing of the same identity is sent."""
    taken, where = [], {}
    for name, variant in CASES:
        mine = identities(octets(name, variant))
        number = next((n for n, used in enumerate(taken) if not used & mine), len(taken))
        if number == len(taken):
            taken.append(set())
        taken[number] |= mine
        where[name, variant] = number
    return where


def via_port(data):
    """The port of the topmost Via: an answer to a datagram without rport goes there (RFC 3261 section 18.2.2)."""
    found = re.search(rb"^(?:via|v)\s*:\s*SIP\s*/\s*\S+\s*/\s*\w+\s+(\[[^\]]+\]|[^\s:;,]+)\s*(?::\s*(\d+))?", data, re.M | re.I)
    return int(found.group(2)) if found and found.group(2) else 5060


def ask(server, data, address, quiet):
    """Sends a datagram from `address` and the port of its Via; gives the final response or NO_ANSWER."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind((address, via_port(data)))
        one.sendto(data, server)
        deadline = time.monotonic() + (0.8 if quiet else 3)
        while (left := deadline - time.monotonic()) > 0:
            one.settimeout(left)
            try:
                answer = one.recv(65535)
            except TimeoutError:
                break
            message = sip.parse(answer)
            if message.is_response and message.status >= 200:
                return message
    return NO_ANSWER


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """{(file, variant): response or NO_ANSWER or the fault}, all sent before the first test looks."""
    where = rounds()
    settings = {"sip": {"bind": "127.0.0.1", "udp": 0, "tcp": 0, "tls": 0}}
    servers = [EarshotServer(tmp_path_factory.mktemp("torture"), configuration(**settings)).start()
               for _ in range(max(where.values()) + 1)]

    def send(pair):
        index, case = pair
        try:
            address = f"127.{64 + os.getpid() % 128}.{os.getpid() // 128 % 250}.{1 + index}"  # another run has others
            quiet = ROWS[case[0]]["kind"] == "response"
            return ask(servers[where[case]].udp, octets(*case), address, quiet)
        except (sip.SIPFault, OSError) as fault:
            return fault

    with ThreadPoolExecutor(12) as pool:
        found = dict(zip(CASES, pool.map(send, enumerate(CASES))))
    found["alive"] = all(server.alive() for server in servers)
    for server in servers:
        server.stop()
    return found


def judge(name, variant, answer):
    row, allowed = ROWS[name], acceptable(ROWS[name])
    if variant == "as it is" and may_be_elsewhere(row):
        allowed = allowed | {404}
    status = answer.status if isinstance(answer, sip.Message) else answer
    if status not in allowed:
        return f"{row['note']}: answered {getattr(answer, 'start', answer)!r}, the table allows {sorted(allowed, key=str)}"
    if status in (405, 501) and "allow" not in dict(answer.headers):
        return f"{status} without Allow"
    if status == 420:
        unsupported = answer.listed("unsupported")
        if set(unsupported) != {"nothingsupportsthis", "nothingsupportsthiseither"}:
            return f"Unsupported: {unsupported}"
    return None


@pytest.mark.parametrize("name, variant", CASES, ids=[f"{name} {variant}" for name, variant in CASES])
def test_the_message_gets_an_answer_of_the_table(name, variant, answers):
    complaint = judge(name, variant, answers[name, variant])
    reason = KNOWN.get((name, variant))
    if reason is None:
        assert complaint is None, complaint
    elif complaint is None:
        pytest.fail(f"{name} {variant} is met now: take it out of KNOWN ({reason})")
    else:
        pytest.xfail(f"{reason} [{complaint}]")


def test_every_message_leaves_the_server_running(answers):
    assert answers["alive"]


# ---- the same faults on a stream


def test_on_tcp_two_requests_in_one_segment_are_two_requests(server, test_data):
    with Endpoint(server.tcp, "tcp") as client:
        client.send_raw(octets("rfc4475/dblreq.dat", "as it is"))
        first = client.wait(lambda m: m.is_response and m.cseq[1] == "REGISTER", what="answer to the first request")
        second = client.wait(lambda m: m.is_response and m.cseq[1] == "INVITE" and m.status >= 200,
                             what="answer to the second request")
    assert first.status in (405, 501) and second.status >= 400


@pytest.mark.parametrize("name", ["rfc4475/ncl.dat", "rfc4475/mcl01.dat"])
def test_on_tcp_a_length_that_cannot_be_trusted_ends_the_connection(name, server, test_data):
    client = Endpoint(server.tcp, "tcp")
    try:
        client.send_raw(octets(name, "as it is"))
        client.wait_for_end(5)
        assert all(message.status == 400 for message in client.arrived), client.arrived
    finally:
        client.close()


def test_on_tcp_a_length_beyond_what_came_waits_for_the_rest(server, test_data):
    client = Endpoint(server.tcp, "tcp")
    try:
        client.send_raw(octets("rfc4475/clerr.dat", "as it is"))
        client.nothing_arrives(0.5, lambda message: message.is_response)
        assert all(message.status == 400 for message in client.arrived), client.arrived
    finally:
        client.close()
    with Endpoint(server.tcp, "tcp") as other:
        assert other.request("OPTIONS", server.uri("tcp")).status == 200
