"""Reads what a recorder leaves in its data folder: events, stream files, SDR and CDR objects; checks the contract."""

import json
import re
import time
from datetime import datetime, timezone

from peer.server import ACCOUNT, CONNECTOR, REGION

UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
KINDS = {"CDR": "Amazon-Chime-Voice-Connector-CDRs", "SDR": "Amazon-Chime-Voice-Connector-SDRs"}

CDR_MEMBERS = {
    "AwsAccountId": str, "TransactionId": str, "CallId": str, "VoiceConnectorId": str, "Status": str, "StatusMessage": str,
    "BillableDurationSeconds": int, "BillableDurationMinutes": float, "SchemaVersion": str, "SourcePhoneNumber": str,
    "SourceCountry": str, "DestinationPhoneNumber": str, "DestinationCountry": str, "UsageType": str, "ServiceCode": str,
    "Direction": str, "StartTimeEpochSeconds": int, "EndTimeEpochSeconds": int, "Region": str, "Streaming": bool}
SDR_MEMBERS = {
    "SchemaVersion": str, "AwsAccountId": str, "TransactionId": str, "CallId": str, "VoiceConnectorId": str,
    "StartTimeEpochSeconds": int, "EndTimeEpochSeconds": int, "Status": str, "StatusMessage": str, "ServiceCode": str,
    "UsageType": str, "BillableDurationSeconds": int, "Region": str}
LEG_MEMBERS = {
    "StreamName": str, "StreamArn": str, "IsCaller": bool, "MediaIndex": int, "StartFragmentNumber": str,
    "EndFragmentNumber": str, "Packets": int, "Bytes": int, "Lost": int, "Duplicates": int, "Late": int, "Reordered": int,
    "ConcealedMilliseconds": int, "FilledMilliseconds": int, "WriterLostMilliseconds": int}
# Of the engine, beside LEG_MEMBERS; the round trip only where the peer's reports allow it.
LEG_QUALITY = {
    "JitterMicroseconds": int, "Mos": float, "LargestGapMilliseconds": int, "SkewPartsPerMillion": float,
    "DiscardedByReason": dict, "Unauthenticated": int, "KernelDrops": int}


def parse_time(text):
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc).timestamp()


def events(server):
    """All events written so far; a line that is not whole yet is left for the next look."""
    path = server.data / "logs" / "events.jsonl"
    if not path.exists():
        return []
    text = path.read_text()
    lines = text.split("\n")
    return [json.loads(line) for line in lines[:-1] if line]


def wait_for_events(server, status, call_id=None, count=1, timeout=5.0, transaction=None):
    """At least `count` events of a streaming status (of one call), as soon as they are there."""
    deadline = time.monotonic() + timeout
    while True:
        found = [event for event in events(server) if event["detail"].get("streamingStatus") == status
                 and (call_id is None or event["detail"].get("callId") == call_id)
                 and (transaction is None or event["detail"].get("transactionId") == transaction)]
        if len(found) >= count:
            return found
        if time.monotonic() > deadline:
            seen = [(e["detail"].get("streamingStatus"), e["detail"].get("callId")) for e in events(server)]
            raise AssertionError(
                f"{len(found)} {status} events of call {call_id} within {timeout} s, wanted {count}; seen: {seen[-12:]}\n{server.tail(15)}")
        time.sleep(0.02)


def stream_name(event):
    """The stream's name out of its ARN."""
    found = re.fullmatch(rf"arn:aws:kinesisvideo:{REGION}:{ACCOUNT}:stream/(ChimeVoiceConnector-{CONNECTOR}-{UUID})/(\d{{13}})",
                         event["detail"]["streamArn"])
    assert found, f"streamArn {event['detail']['streamArn']!r}"
    return found.group(1)


def leg_files(server, name):
    """A stream's files, oldest session first."""
    return sorted((server.data / "streams" / name).glob("*.mkv"))


def leg_file(server, event):
    """The file of the leg whose STARTED or ENDED event this is."""
    detail = event["detail"]
    found = [path for path in leg_files(server, stream_name(event)) if detail["transactionId"] in path.name]
    assert len(found) == 1, f"{len(found)} files of {detail['transactionId']} in stream {stream_name(event)}"
    return found[0]


def objects(server, kind):
    """{key: raw octets} of all CDR or SDR objects."""
    root = server.data / "objects" / KINDS[kind]
    found = {}
    for path in sorted(root.rglob("*")):
        try:
            if path.is_file():
                found[str(path.relative_to(root))] = path.read_bytes()
        except FileNotFoundError:
            # Written and renamed between the look at the folder and the look into the file.
            assert path.name.startswith(".partial-"), f"{path} is gone"
    return found


def wait_for_object(server, kind, transaction, timeout=5.0):
    """(key, parsed object, raw octets) of a call's CDR or SDR."""
    deadline = time.monotonic() + timeout
    while True:
        for key, raw in objects(server, kind).items():
            if key.endswith(f"_{transaction}"):
                return key, json.loads(raw), raw
        assert time.monotonic() < deadline, (
            f"no {kind} of {transaction} within {timeout} s; there are {list(objects(server, kind))}\n{server.tail(15)}")
        time.sleep(0.02)


def check_members(found, wanted, what):
    for name, kind in wanted.items():
        assert name in found, f"{what} has no member {name}: {sorted(found)}"
        value = found[name]
        assert type(value) is kind, f"{what}: {name} is {value!r}, wanted {kind.__name__}"


def check_object(key, found, raw, kind, start):
    """The key pattern, one line without blanks, the members, their types and their order (contract section 3)."""
    moment = datetime.fromtimestamp(start, timezone.utc)
    pattern = rf"json/{CONNECTOR}/{moment:%Y/%m/%d}/\d\d\.\d\d\.\d\d\.\d{{3}}_{UUID}"
    assert re.fullmatch(pattern, key), f"{kind} key {key!r} does not follow {pattern}"
    text = raw.decode("utf-8")
    assert text == json.dumps(found, separators=(",", ":"), ensure_ascii=False) or (
        "\n" not in text and not re.search(r'[,:]\s', re.sub(r'"(?:[^"\\]|\\.)*"', '""', text))), f"{kind} holds blanks or newlines"
    wanted = CDR_MEMBERS if kind == "CDR" else SDR_MEMBERS
    check_members(found, wanted, kind)
    order = [name for name in found if name in wanted]
    assert order == list(wanted), f"{kind} members in the order {order}"
    assert found["AwsAccountId"] == ACCOUNT and found["VoiceConnectorId"] == CONNECTOR and found["Region"] == REGION
    assert key.endswith(found["TransactionId"])
    if kind == "CDR":
        assert found["SchemaVersion"] == "2.0" and found["ServiceCode"] == "AmazonChimeVoiceConnector"
        assert found["Direction"] in ("Inbound", "Outbound") and found["Streaming"] is True
        assert re.search(r'"BillableDurationMinutes":\d+\.\d+[,}]', text), "BillableDurationMinutes needs a decimal point"
    else:
        assert found["SchemaVersion"] == "1.0" and found["ServiceCode"] == "AmazonChime"
        assert found["UsageType"].endswith("VC-kinesis-audio-streaming")
    assert found["StartTimeEpochSeconds"] == int(start) or abs(found["StartTimeEpochSeconds"] - start) <= 1
    assert found["EndTimeEpochSeconds"] >= found["StartTimeEpochSeconds"]


def check_envelope(event):
    """The EventBridge envelope of contract section 2."""
    assert event["version"] == "0" and event["source"] == "aws.chime" and event["resources"] == []
    assert event["detail-type"] == "Chime VoiceConnector Streaming Status"
    assert re.fullmatch(UUID, event["id"]) and event["account"] == ACCOUNT and event["region"] == REGION
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", event["time"])
    detail = event["detail"]
    assert detail["version"] == "0" and detail["voiceConnectorId"] == CONNECTOR
    assert re.fullmatch(UUID, detail["transactionId"]) and detail["callId"]


def check_started(event):
    """The members a STARTED event of a recording session must have, with their types and forms."""
    check_envelope(event)
    detail = event["detail"]
    assert detail["streamingStatus"] == "STARTED" and detail["mediaType"] == "audio/L16"
    assert detail["direction"] in ("Inbound", "Outbound") and type(detail["isCaller"]) is bool
    for name in ("fromNumber", "toNumber", "roleRule"):
        assert isinstance(detail[name], str) and detail[name], f"{name} is {detail.get(name)!r}"
    assert re.fullmatch(r"\d{47}", detail["startFragmentNumber"]), detail["startFragmentNumber"]
    assert re.fullmatch(TIME, detail["startTime"])
    stream_name(event)
    headers = detail["inviteHeaders"]
    assert all(isinstance(k, str) and isinstance(v, str) and k == k.lower() for k, v in headers.items()), headers
    assert {"from", "to", "call-id", "cseq", "contact", "content-type", "content-length"} <= set(headers), sorted(headers)
    assert type(detail["sdp"]["mediaIndex"]) is int
    assert isinstance(detail["sdp"].get("mediaLabel", ""), str)
    assert detail["metadataStatus"] in ("complete", "partial", "missing", "unreadable")


def check_ended(event, started):
    """ENDED repeats STARTED and adds endTime and currentFragmentNumber."""
    check_envelope(event)
    detail, first = event["detail"], started["detail"]
    assert detail["streamingStatus"] == "ENDED"
    for name in ("callId", "direction", "fromNumber", "toNumber", "isCaller", "startFragmentNumber", "startTime", "streamArn",
                 "transactionId", "mediaType"):
        assert detail[name] == first[name], f"{name}: ENDED has {detail.get(name)!r}, STARTED {first[name]!r}"
    assert re.fullmatch(TIME, detail["endTime"]) and detail["endTime"] >= detail["startTime"]
    assert re.fullmatch(r"\d{47}", detail["currentFragmentNumber"])
    assert detail["currentFragmentNumber"] >= detail["startFragmentNumber"]


def fragment_parts(number):
    """(counter, server epoch milliseconds) packed into a fragment number (contract section 6.4)."""
    rest = int(number) - (1 << 156)
    return rest >> 92, (rest >> 28) & ((1 << 64) - 1)
