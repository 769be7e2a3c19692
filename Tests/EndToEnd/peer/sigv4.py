"""AWS Signature Version 4 of a client, from its documentation: for requests that no SDK would make.

test_kinesis_access.py checks it against botocore.
"""

import hashlib
import hmac
import time
from urllib.parse import quote, urlencode

EMPTY = hashlib.sha256(b"").hexdigest()


class Signer:
    """One access key; `region` and `service` are what requests are signed for."""

    def __init__(self, key, secret, region="us-east-1", service="kinesisvideo"):
        self.key, self.secret, self.region, self.service = key, secret, region, service

    def _scope(self, stamp):
        return f"{stamp[:8]}/{self.region}/{self.service}/aws4_request"

    def _signature(self, method, path, query, headers, payload, stamp):
        names = sorted(headers)
        canonical = "\n".join([
            method, quote(path, safe="/-_.~"), query, *(f"{name}:{headers[name].strip()}" for name in names), "",
            ";".join(names), payload])
        text = "\n".join(["AWS4-HMAC-SHA256", stamp, self._scope(stamp), hashlib.sha256(canonical.encode()).hexdigest()])
        key = ("AWS4" + self.secret).encode()
        for part in (stamp[:8], self.region, self.service, "aws4_request"):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()

    def headers(self, method, path, host, body=b"", more=(), when=None):
        """The fields of a request, Host and Authorization included; everything in `more` is signed."""
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(when))
        fields = {"host": host, "x-amz-date": stamp, **{name.lower(): value for name, value in dict(more).items()}}
        payload = fields.get("x-amz-content-sha256") or hashlib.sha256(body).hexdigest()
        signature = self._signature(method, path, "", fields, payload, stamp)
        fields["authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={self.key}/{self._scope(stamp)}, SignedHeaders={';'.join(sorted(fields))}, "
            f"Signature={signature}")
        return fields

    def presign(self, method, path, host, body=b"", expires=300, when=None):
        """The path with a query that holds the signature; whoever has it may send exactly this request."""
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(when))
        query = urlencode(sorted({
            "X-Amz-Algorithm": "AWS4-HMAC-SHA256", "X-Amz-Credential": f"{self.key}/{self._scope(stamp)}",
            "X-Amz-Date": stamp, "X-Amz-Expires": str(expires), "X-Amz-SignedHeaders": "host"}.items()), quote_via=quote, safe="-_.~")
        signature = self._signature(method, path, query, {"host": host}, hashlib.sha256(body).hexdigest(), stamp)
        return f"{path}?{query}&X-Amz-Signature={signature}"
