"""One POST to another system, signed after the Standard Webhooks specification 1.0.0. No database here.

What comes back is a value: the other side's troubles are no mistakes of ours.
"""

import hmac
import json
import ssl
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any

import httpx2
from standardwebhooks import Webhook

from core.egress import way_to
from core.errors import NotAllowed
from core.keys import keys

SECONDS = 5.0


@dataclass(frozen=True)
class Answer:
    """What became of one attempt. `final`: trying again makes no sense. `words` is kept for people."""

    heard: bool
    words: str
    final: bool = False


def secret(name: str) -> str:
    """The secret that the receiver checks signatures with; the same as long as key file and name are."""
    return "whsec_" + b64encode(hmac.digest(keys().webhook, f"target:{name}".encode(), "sha256")).decode()


def post(
    *,
    url: str,
    name: str,
    key: str,
    payload: Mapping[str, Any],
    now: datetime,
    loopback: bool,
    trust: ssl.SSLContext | bool = True,
) -> Answer:
    """Send a payload once. `key` is its identity: a receiver that saw it before may drop it.

    Only 2xx counts as heard. Redirects are not followed and the answer's body is not read, so neither can lead or fill
    anything. `trust` is what TLS certificates are checked against.
    """
    body = json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
    try:
        way = way_to(url, loopback=loopback)
        status = _send(
            way.url, headers=_headers(way.host_header, name, key, body, now), body=body, sni=way.host, trust=trust
        )
    except NotAllowed as error:
        return Answer(heard=False, words=str(error))
    except OSError as error:
        return Answer(heard=False, words=f"The name cannot be resolved: {error}."[:300])
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        return Answer(heard=False, words=f"{type(error).__name__}: {error}"[:300])
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return Answer(heard=True, words=f"HTTP {status}")
    if status == HTTPStatus.GONE:
        return Answer(heard=False, words="HTTP 410: the target wants no more messages.", final=True)
    moved = " (redirects are not followed)" if status < HTTPStatus.BAD_REQUEST else ""
    return Answer(heard=False, words=f"HTTP {status}{moved}")


def _headers(host: str, name: str, key: str, body: str, now: datetime) -> dict[str, str]:
    return {
        "Host": host,
        "Content-Type": "application/json",
        "User-Agent": "Crusoe",
        "webhook-id": key,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret(name)).sign(key, now, body),
    }


def _send(url: str, *, headers: Mapping[str, str], body: str, sni: str, trust: ssl.SSLContext | bool) -> int:
    with (
        httpx2.Client(trust_env=False, follow_redirects=False, timeout=SECONDS, verify=trust) as client,
        client.stream(
            "POST", url, headers=dict(headers), content=body.encode(), extensions={"sni_hostname": sni}
        ) as response,
    ):
        return int(response.status_code)
