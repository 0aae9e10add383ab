"""Fetching the policy file of MTA-STS over HTTPS (RFC 8461, 3.3): only from public addresses, and never for long."""

import ssl
from collections.abc import Sequence
from http import HTTPStatus
from time import monotonic

import httpx2

from core.egress import way_to
from core.errors import NotAllowed
from core.sentences import say
from delivery.doctor.answers import ABSENT, Answer, State

# A question to the doctor's resolver besides the types of records.
POLICY_FILE = "mta-sts.txt"
LARGEST = 64 * 1024
MEDIA_TYPE = "text/plain"


def fetch_policy(
    host: str,
    *,
    addresses: Sequence[str],
    seconds: float,
    port: int = 443,
    loopback: bool = False,
    trust: ssl.SSLContext | bool = True,
) -> Answer:
    """The file as one record; absent when the server has none. Redirects are not followed, as section 3.3 demands."""
    try:
        url = f"https://{host}:{port}/.well-known/mta-sts.txt"
        way = way_to(url, loopback=loopback, known=addresses)
        with (
            httpx2.Client(trust_env=False, follow_redirects=False, timeout=seconds, verify=trust) as client,
            client.stream(
                "GET",
                way.url,
                headers={"Host": way.host_header, "User-Agent": "Crusoe", "Accept-Encoding": "identity"},
                extensions={"sni_hostname": way.host},
            ) as response,
        ):
            return _answer(response, until=monotonic() + seconds)
    except NotAllowed:
        return Answer(State.NOT_ANSWERED, why=say("its address is no public one"))
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
        return Answer(State.NOT_ANSWERED, why=f"{type(error).__name__}: {error}"[:200])


def _answer(response: httpx2.Response, *, until: float) -> Answer:
    if response.status_code in {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}:
        return ABSENT
    if response.status_code != HTTPStatus.OK:
        return Answer(State.NOT_ANSWERED, why=f"HTTP {response.status_code}")
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != MEDIA_TYPE:
        return Answer(State.NOT_ANSWERED, why=say("it is sent as %(kind)s and not as text/plain", kind=repr(kind[:60])))
    content = b""
    # As it comes: what is packed may become a thousand times as large.
    for piece in response.iter_raw():
        content += piece
        if len(content) > LARGEST or monotonic() > until:
            return Answer(State.NOT_ANSWERED, why=say("it is larger than 64 kB, or comes too slowly"))
    return Answer(State.FOUND, (content.decode("utf-8", "replace"),))
