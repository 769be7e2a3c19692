"""The control plane with boto3 and the AWS CLI: streams, their tags and retention, endpoints, paging, errors."""

import json
import time
import uuid

import pytest

from kinesis import KinesisServer, need, need_http, recorded_call, refusal
from peer.server import ACCOUNT, CONNECTOR, REGION

need_http()
need("boto3")


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    running = KinesisServer(tmp_path_factory.mktemp("kinesis")).start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def video(node):
    return node.video()


@pytest.fixture
def name():
    return "front-desk." + uuid.uuid4().hex[:12]


def version(video, name):
    return video.describe_stream(StreamName=name)["StreamInfo"]["Version"]


def test_a_stream_is_made_described_and_deleted(video, name):
    arn = video.create_stream(StreamName=name, DeviceName="desk-1", MediaType="audio/L16", DataRetentionInHours=2,
                              Tags={"team": "support", "floor": ""})["StreamARN"]
    prefix, _, created = arn.rpartition("/")
    assert prefix == f"arn:aws:kinesisvideo:{REGION}:{ACCOUNT}:stream/{name}"
    assert abs(int(created) / 1000 - time.time()) < 5
    for reference in ({"StreamName": name}, {"StreamARN": arn}):
        found = video.describe_stream(**reference)["StreamInfo"]
        assert (found["StreamName"], found["StreamARN"]) == (name, arn)
        assert (found["DeviceName"], found["MediaType"], found["DataRetentionInHours"]) == ("desk-1", "audio/L16", 2)
        assert found["Status"] == "ACTIVE" and found["Version"].isalnum() and found["KmsKeyId"]
        assert abs(found["CreationTime"].timestamp() * 1000 - int(created)) < 2
    assert video.list_tags_for_stream(StreamName=name)["Tags"] == {"team": "support", "floor": ""}
    video.delete_stream(StreamARN=arn, CurrentVersion=version(video, name))
    assert refusal(video.describe_stream, StreamName=name).name == "ResourceNotFoundException"


def test_a_stream_of_a_call_is_described_with_its_connectors_retention(node, video):
    call = recorded_call(node, seconds=0.6, seed=51)
    for stream in call.streams:
        found = video.describe_stream(StreamName=stream)["StreamInfo"]
        assert found["Status"] == "ACTIVE" and found["DataRetentionInHours"] == 24 and found["MediaType"] == "audio/L16"
    listed = video.list_streams(StreamNameCondition={
        "ComparisonOperator": "BEGINS_WITH", "ComparisonValue": f"ChimeVoiceConnector-{CONNECTOR}-"})["StreamInfoList"]
    assert set(call.streams) <= {one["StreamName"] for one in listed}
    arns = {event["detail"]["streamArn"] for event in call.started()}
    assert arns == {one["StreamARN"] for one in listed if one["StreamName"] in call.streams}


def test_lists_come_in_pages(video):
    prefix = "page-" + uuid.uuid4().hex[:8] + "-"
    names = [f"{prefix}{number:02}" for number in range(7)]
    for one in reversed(names):
        video.create_stream(StreamName=one)
    condition = {"ComparisonOperator": "BEGINS_WITH", "ComparisonValue": prefix}
    pages = list(video.get_paginator("list_streams").paginate(
        StreamNameCondition=condition, PaginationConfig={"PageSize": 3}))
    assert [len(page["StreamInfoList"]) for page in pages] == [3, 3, 1]
    assert [one["StreamName"] for page in pages for one in page["StreamInfoList"]] == names
    assert not pages[-1].get("NextToken")
    exact = video.list_streams(StreamNameCondition=condition, MaxResults=7)
    assert len(exact["StreamInfoList"]) == 7 and not exact.get("NextToken"), "a full last page has no next one"
    assert refusal(video.list_streams, NextToken="what?").name == "InvalidArgumentException"


def test_changes_ask_for_the_version_and_give_a_new_one(video, name):
    video.create_stream(StreamName=name, DataRetentionInHours=5)
    first = version(video, name)
    video.update_data_retention(
        StreamName=name, CurrentVersion=first, Operation="INCREASE_DATA_RETENTION", DataRetentionChangeInHours=3)
    assert video.describe_stream(StreamName=name)["StreamInfo"]["DataRetentionInHours"] == 8
    second = version(video, name)
    assert second != first
    stale = refusal(video.update_data_retention, StreamName=name, CurrentVersion=first,
                    Operation="DECREASE_DATA_RETENTION", DataRetentionChangeInHours=1)
    assert (stale.name, stale.status) == ("VersionMismatchException", 400)
    video.update_data_retention(
        StreamName=name, CurrentVersion=second, Operation="DECREASE_DATA_RETENTION", DataRetentionChangeInHours=8)
    below = refusal(video.update_data_retention, StreamName=name, CurrentVersion=version(video, name),
                    Operation="DECREASE_DATA_RETENTION", DataRetentionChangeInHours=1)
    assert (below.name, below.status) == ("InvalidArgumentException", 400)
    video.update_stream(StreamName=name, CurrentVersion=version(video, name), DeviceName="desk-2", MediaType="audio/aac")
    found = video.describe_stream(StreamName=name)["StreamInfo"]
    assert (found["DeviceName"], found["MediaType"], found["DataRetentionInHours"]) == ("desk-2", "audio/aac", 0)
    assert refusal(video.update_stream, StreamName=name, CurrentVersion=first, DeviceName="x").name == "VersionMismatchException"
    assert refusal(video.delete_stream, StreamARN=found["StreamARN"], CurrentVersion=first).name == "VersionMismatchException"


def test_both_families_of_tag_operations_see_the_same_tags(video, name):
    arn = video.create_stream(StreamName=name)["StreamARN"]
    video.tag_stream(StreamName=name, Tags={"a": "1", "b": "2"})
    video.tag_resource(ResourceARN=arn, Tags=[{"Key": "c", "Value": "3"}, {"Key": "a", "Value": "one"}])
    wanted = {"a": "one", "b": "2", "c": "3"}
    assert video.list_tags_for_stream(StreamARN=arn)["Tags"] == wanted
    assert video.list_tags_for_resource(ResourceARN=arn)["Tags"] == wanted
    video.untag_stream(StreamName=name, TagKeyList=["b", "never there"])
    video.untag_resource(ResourceARN=arn, TagKeyList=["c"])
    assert video.list_tags_for_resource(ResourceARN=arn)["Tags"] == {"a": "one"}
    video.tag_stream(StreamName=name, Tags={f"t{number}": "" for number in range(49)})
    full = refusal(video.tag_stream, StreamName=name, Tags={"one": "too many"})
    assert (full.name, full.status) == ("TagsPerResourceExceededLimitException", 400)


@pytest.mark.parametrize("api", ["PUT_MEDIA", "GET_MEDIA", "LIST_FRAGMENTS", "GET_MEDIA_FOR_FRAGMENT_LIST",
                                 "GET_HLS_STREAMING_SESSION_URL", "GET_CLIP"])
def test_the_data_endpoint_is_this_service_without_an_api_name(node, video, name, api):
    video.create_stream(StreamName=name)
    assert video.get_data_endpoint(StreamName=name, APIName=api)["DataEndpoint"] == node.url


def test_errors_have_the_names_and_statuses_that_clients_know(video, name):
    video.create_stream(StreamName=name)
    again = refusal(video.create_stream, StreamName=name)
    assert (again.name, again.status) == ("ResourceInUseException", 400) and name in again.message
    for call, arguments in [
        (video.describe_stream, {}), (video.get_data_endpoint, {"APIName": "GET_MEDIA"}), (video.list_tags_for_stream, {}),
        (video.tag_stream, {"Tags": {"a": "b"}}), (video.untag_stream, {"TagKeyList": ["a"]}),
        (video.update_stream, {"CurrentVersion": "v"}),
    ]:
        missing = refusal(call, StreamName="nobody-made-this", **arguments)
        assert (missing.name, missing.status) == ("ResourceNotFoundException", 404), call
        assert "nobody-made-this" in missing.message and missing.request and missing.type == "ResourceNotFoundException"
    assert refusal(video.describe_stream).name == "InvalidArgumentException"
    wrong = f"arn:aws:kinesisvideo:{REGION}:{ACCOUNT}:stream/{name}/1"
    assert refusal(video.describe_stream, StreamARN=wrong).name == "ResourceNotFoundException", "an ARN of an earlier stream"


@pytest.mark.parametrize(("path", "fields", "status", "kind"), [
    ("/createStream", {"StreamName": "with space"}, 400, "ValidationException"),
    ("/createStream", {"StreamName": "../../etc"}, 400, "ValidationException"),
    ("/createStream", {"StreamName": "x" * 257}, 400, "ValidationException"),
    ("/createStream", {"StreamName": "ok", "DataRetentionInHours": -1}, 400, "ValidationException"),
    ("/createStream", {"StreamName": 7}, 400, "SerializationException"),
    ("/createStream", {}, 400, "ValidationException"),
    ("/listStreams", {"MaxResults": 0}, 400, "ValidationException"),
    ("/listStreams", {"StreamNameCondition": {"ComparisonOperator": "ENDS_WITH"}}, 400, "ValidationException"),
    ("/getDataEndpoint", {"StreamName": "ok", "APIName": "SING"}, 404, "ResourceNotFoundException"),
    ("/createStream", b"{\"StreamName\": ", 400, "SerializationException"),
    ("/createStream", b"[1]", 400, "SerializationException"),
    ("/inventStream", {}, 404, "UnknownOperationException"),
])
def test_what_no_sdk_would_send_is_refused_in_the_same_form(node, path, fields, status, kind):
    found, headers, body = node.signed(path, fields)
    assert (found, headers["x-amzn-errortype"]) == (status, kind), body
    assert headers["x-amz-errortype"] == kind and headers["x-amz-requestid"] and headers["x-amzn-requestid"]
    assert json.loads(body)["Message"]


def test_a_body_without_end_and_a_header_without_end_are_refused(node):
    status, headers, _ = node.signed("/createStream", b'{"StreamName": "' + b"x" * 400_000 + b'"}')
    assert (status, headers["x-amzn-errortype"]) == (413, "RequestEntityTooLargeException")
    status, _, _ = node.request("/createStream", b"", {"x-long": "y" * 60_000})
    assert status in (400, 431)
    assert node.alive() and node.request("/health", method="GET")[0] == 200


def test_the_aws_cli_does_the_same(node, video, name):
    made = json.loads(node.aws("kinesisvideo", "create-stream", "--stream-name", name, "--data-retention-in-hours", 1,
                               role="admin").stdout)
    found = json.loads(node.aws("kinesisvideo", "describe-stream", "--stream-name", name).stdout)["StreamInfo"]
    assert found["StreamARN"] == made["StreamARN"] and found["DataRetentionInHours"] == 1
    listed = json.loads(node.aws("kinesisvideo", "list-streams", "--max-items", 1, "--stream-name-condition",
                                 f"ComparisonOperator=BEGINS_WITH,ComparisonValue={name}").stdout)
    assert [one["StreamName"] for one in listed["StreamInfoList"]] == [name]
    endpoint = json.loads(node.aws("kinesisvideo", "get-data-endpoint", "--stream-name", name, "--api-name", "GET_MEDIA").stdout)
    assert endpoint["DataEndpoint"] == node.url
    refused = node.aws("kinesisvideo", "delete-stream", "--stream-arn", made["StreamARN"], check=False)
    assert refused.returncode != 0 and "AccessDenied" in refused.stderr, refused.stderr
    node.aws("kinesisvideo", "delete-stream", "--stream-arn", made["StreamARN"], role="admin")
    gone = node.aws("kinesisvideo", "describe-stream", "--stream-name", name, check=False)
    assert gone.returncode != 0 and "ResourceNotFoundException" in gone.stderr, gone.stderr


def test_streams_tags_and_retention_are_there_after_a_restart(tmp_path):
    node = KinesisServer(tmp_path).start()
    video = node.video()
    arn = video.create_stream(StreamName="lasting", DataRetentionInHours=9, Tags={"kept": "yes"})["StreamARN"]
    before = video.describe_stream(StreamName="lasting")["StreamInfo"]
    node.kill()
    node.start()
    video = node.video()
    after = video.describe_stream(StreamARN=arn)["StreamInfo"]
    assert after == before and video.list_tags_for_stream(StreamName="lasting")["Tags"] == {"kept": "yes"}
    node.stop()
