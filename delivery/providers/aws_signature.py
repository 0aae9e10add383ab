"""Signature Version 4 of Amazon Web Services for a POST without a query. Pure.

Source: docs.aws.amazon.com, "Create a signed AWS API request".
"""

import hmac
from datetime import UTC, datetime
from hashlib import sha256
from urllib.parse import urlsplit


def signed_headers(
    *, url: str, body: bytes, key_id: str, secret: str, region: str, service: str, at: datetime
) -> dict[str, str]:
    """The headers that sign this request; send it with exactly these, and with this body."""
    moment = at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    parts = urlsplit(url)
    headers = {"host": parts.netloc, "x-amz-date": moment}
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    request = "\n".join(("POST", parts.path or "/", "", lines, names, sha256(body).hexdigest()))
    scope = f"{moment[:8]}/{region}/{service}/aws4_request"
    to_sign = "\n".join(("AWS4-HMAC-SHA256", moment, scope, sha256(request.encode()).hexdigest()))
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
    return {
        "Host": headers["host"],
        "X-Amz-Date": moment,
        "Authorization": f"AWS4-HMAC-SHA256 Credential={key_id}/{scope}, SignedHeaders={names}, Signature={signature}",
    }
