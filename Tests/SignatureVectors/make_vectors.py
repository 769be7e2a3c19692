#!/usr/bin/env python3
"""Random requests signed by botocore, one JSON object a line, for Tests/RequestSigningTests.

usage: make_vectors.py [--seed N] [--count N]

botocore.jsonl beside this file was made with the default seed and count. Frames of aws-chunked bodies, which botocore
does not sign, are made here with hashlib, from the rules of the S3 API reference.
"""

import argparse
import datetime
import hashlib
import json
import random
import sys
from urllib.parse import quote, urlsplit

try:
    import botocore.auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials
except ImportError:
    print("no botocore", file=sys.stderr)
    sys.exit(77)

UNRESERVED = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~"
TEXT = UNRESERVED + " !\"#$%&'()*+,/:;<=>?@[]^`{|}" + "äß€\u00e9中😀"
# Blanks of ASCII only: str.split() in botocore takes others too, which no header has.
VALUE = UNRESERVED + " !\"#$%&'()*+,/:;<=>?@[]^`{|}"
FIELDS = ["Content-Type", "X-Amz-Target", "x-amzn-stream-name", "x-amzn-fragment-timecode-type", "X-AMZ-Meta-Name",
          "Accept", "Range", "x-custom", "X_under.score", "Cache-Control"]
PASSING = ["User-Agent", "Expect", "X-Amzn-Trace-Id", "Connection"]


def text(rng, alphabet, low, high):
    return "".join(rng.choice(alphabet) for _ in range(rng.randint(low, high)))


def random_path(rng, service):
    segments = []
    for _ in range(rng.randint(0, 4)):
        kind = rng.randrange(8)
        if kind == 0 and service != "s3":
            segments.append(rng.choice([".", "..", ""]))
        elif kind == 1:
            segments.append(rng.choice([".", "..", "", "...", ".a"]) if service == "s3" else "...")
        else:
            segments.append(quote(text(rng, TEXT, 1, 8), safe="-_.~" + rng.choice(["", ":@!$&'()*,=+"])))
    return "/" + "/".join(segments) + rng.choice(["", "/"])


def random_query(rng):
    pairs = []
    for _ in range(rng.randint(0, 5)):
        name = quote(text(rng, TEXT, 1, 6), safe="-_.~")
        if rng.random() < 0.2 and pairs:
            name = pairs[-1].split("=")[0]
        pairs.append(name + "=" + quote(text(rng, TEXT, 0, 8), safe="-_.~"))
    return "&".join(pairs)


class StreamingS3Auth(botocore.auth.S3SigV4Auth):
    streaming = ""

    def payload(self, request):
        return self.streaming


def chunked_body(rng, auth, timestamp, scope, seed_signature, body, is_signed, has_trailer):
    """The frames of the S3 API reference: 'Signature calculations for the Authorization header: multiple chunks'."""
    context = type("Context", (), {"context": {"timestamp": timestamp}})()
    empty = hashlib.sha256(b"").hexdigest()
    last, output, rest = seed_signature, b"", body
    while True:
        size = min(len(rest), rng.randint(1, 400))
        data, rest = rest[:size], rest[size:]
        output += b"%x" % len(data)
        if is_signed:
            last = auth.signature("\n".join(
                ["AWS4-HMAC-SHA256-PAYLOAD", timestamp, scope, last, empty, hashlib.sha256(data).hexdigest()]), context)
            output += b";chunk-signature=" + last.encode()
        output += b"\r\n" + data
        if not data:
            break
        output += b"\r\n"
    if has_trailer:
        trailer = "x-amz-checksum-sha256:" + hashlib.sha256(body).hexdigest()
        output += trailer.encode() + b"\r\n"
        if is_signed:
            last = auth.signature("\n".join(
                ["AWS4-HMAC-SHA256-TRAILER", timestamp, scope, last,
                 hashlib.sha256(trailer.encode() + b"\n").hexdigest()]), context)
            output += b"x-amz-trailer-signature:" + last.encode() + b"\r\n"
    return output + b"\r\n"


def vector(rng, index):
    service = rng.choice(["kinesisvideo", "kinesisvideo", "s3", "s3", "chime", "sqs"])
    region = rng.choice(["us-east-1", "eu-central-1", "local"])
    kind = rng.choice(["header", "header", "header", "date", "presigned", "presigned", "unsigned", "headers-only",
                       "chunked"])
    if kind == "chunked":
        service = "s3"
    if kind == "headers-only":
        service = "kinesisvideo"
    token = text(rng, VALUE.replace(" ", ""), 10, 60) if rng.random() < 0.2 else None
    credentials = Credentials("AKIA" + text(rng, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16, 16),
                              text(rng, UNRESERVED + "+/", 40, 40), token)
    now = rng.randint(0, 4102444800)
    moment = datetime.datetime.fromtimestamp(now, datetime.timezone.utc)
    botocore.auth.get_current_datetime = lambda *_, **__: moment
    host = rng.choice(["localhost:8080", "10.0.0.7:8443", "earshot.example", "[::1]:8080"])
    method = rng.choice(["GET", "POST", "PUT", "DELETE", "HEAD"])
    body = b"" if method in ("GET", "HEAD") or kind == "presigned" else rng.randbytes(rng.randint(0, 64))
    # https on a port that is not 443: the field Host is the same for both schemes.
    scheme = "https" if kind == "unsigned" else "http"
    url = f"{scheme}://{host}{random_path(rng, service)}"
    query = random_query(rng)
    if query and (kind != "presigned" or len({p.split("=")[0] for p in query.split("&")}) == len(query.split("&"))):
        url += "?" + query
    request = AWSRequest(method=method, url=url, data=body)
    if kind != "presigned" or rng.random() < 0.3:
        for name in rng.sample(FIELDS, rng.randint(0, 4)):
            for _ in range(rng.choice([1, 1, 1, 2])):
                request.headers.add_header(name, rng.choice(["", " ", "  \t"]) + text(rng, VALUE, 1, 20))
    for name in rng.sample(PASSING, rng.randint(0, 2)):
        request.headers[name] = text(rng, UNRESERVED, 1, 12)
    host_field = botocore.auth._host_from_url(url)
    expires, chunks, digest = None, None, "sha256"
    if kind == "presigned":
        expires = rng.choice([1, 60, 3600, 604800])
        auth_class = botocore.auth.S3SigV4QueryAuth if service == "s3" else botocore.auth.SigV4QueryAuth
        auth = auth_class(credentials, service, region, expires)
    else:
        auth_class = botocore.auth.S3SigV4Auth if service == "s3" else botocore.auth.SigV4Auth
        if kind == "chunked":
            auth_class = StreamingS3Auth
        auth = auth_class(credentials, service, region)
    if kind == "date":
        request.headers["Date"] = "now"
    if kind == "unsigned":
        request.context["payload_signing_enabled"] = False
        request.context["has_streaming_input"] = True
        request.headers["Content-MD5"] = "x"
    if kind == "headers-only":
        request.data = b""
        digest = "streamed"
    if kind == "chunked":
        is_signed = rng.random() < 0.7
        has_trailer = not is_signed or rng.random() < 0.5
        auth.streaming = ("STREAMING-AWS4-HMAC-SHA256-PAYLOAD" if is_signed else "STREAMING-UNSIGNED-PAYLOAD") + (
            "-TRAILER" if has_trailer else "")
        body = rng.randbytes(rng.randint(0, 1000))
        request.data = b""
        request.headers["X-Amz-Decoded-Content-Length"] = str(len(body))
        digest = "streamed"
    auth.add_auth(request)
    parts = urlsplit(request.url)
    headers = [[name, value] for name, value in request.headers.items()] + [["Host", host_field]]
    if kind == "chunked":
        timestamp = request.context["timestamp"]
        signature = request.headers["Authorization"].rsplit("Signature=", 1)[1]
        chunks = chunked_body(rng, auth, timestamp, auth.credential_scope(request), signature, body, is_signed,
                              has_trailer)
    return {
        "name": f"{index} {kind} {service}", "kind": kind, "service": service, "region": region, "now": now,
        "id": credentials.access_key, "secret": credentials.secret_key, "token": token, "method": method,
        "path": parts.path, "query": parts.query, "headers": headers, "body": body.hex(), "digest": digest,
        "expires": expires, "chunks": chunks.hex() if chunks is not None else None,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=4)
    parser.add_argument("--count", type=int, default=320)
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    for index in range(arguments.count):
        print(json.dumps(vector(rng, index), ensure_ascii=True))


if __name__ == "__main__":
    main()
