"""Handing mails over to a provider: a few requests at once, each the last word about its mail.

What was asked is never asked again: an answer that does not come leaves the mail `Unknown`, because the provider may
have taken it. Only what certainly never left, or was certainly refused, may be tried again.
"""

import ssl
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from functools import cache
from time import monotonic

import httpx2

from core import clock
from delivery.providers.answers import judged
from delivery.providers.protocol import Account, Answer, Provider
from delivery.smtp import Deferred, NotAttempted, Outcome, Parcel, Phase, Post, Refused, Unknown
from delivery.smtp.outcome import readable
from delivery.ways import Away

SLICE = 1.0
LARGEST_ANSWER = 64 * 1024
MANY = 429
BROKEN = 500
REQUESTS = 8


class HttpWay:
    """An account with a provider, and connections to it that are kept between batches."""

    def __init__(
        self, provider: Provider, account: Account, *, requests: int = REQUESTS, timeout: httpx2.Timeout | None = None
    ) -> None:
        self.away: Away | None = None
        self._provider = provider
        self._account = account
        self._requests = requests
        # Connections are dropped early: one that the provider closes just as we write would leave a mail in doubt.
        self._client = httpx2.Client(
            timeout=timeout or httpx2.Timeout(connect=10, write=30, read=60, pool=5),
            limits=httpx2.Limits(max_connections=requests, keepalive_expiry=2.0),
            follow_redirects=False,
            trust_env=False,
            verify=_trust(),
        )

    def __str__(self) -> str:
        return f"{self._provider.name} {self._client_host()}".strip()

    def _client_host(self) -> str:
        return httpx2.URL(self._account.url).host

    def is_ready(self) -> bool:
        """Whether it may be asked; whether it answers is known only afterwards."""
        return self.away is None

    def begin(self) -> None:
        """Forget why it was away: a new batch finds out."""
        self.away = None

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def run(self, post: Post) -> None:
        """Hand over until nothing is left to draw, or the provider wants no more."""
        under_way: dict[Future[Outcome], Parcel] = {}
        waited = monotonic()
        news = False
        with ThreadPoolExecutor(max_workers=self._requests) as threads:
            while True:
                begun = self._drawn(post, room=self._requests - len(under_way))
                if begun or news:
                    self._send(post, begun, under_way, threads)
                if not under_way:
                    return
                news = self._heard(post, under_way)
                if monotonic() - waited >= SLICE:
                    waited = monotonic()
                    post.waiting()

    def _drawn(self, post: Post, *, room: int) -> list[Parcel]:
        found: list[Parcel] = []
        while len(found) < room and self.away is None and (parcel := post.draw()) is not None:
            found.append(parcel)
        return found

    def _send(
        self, post: Post, begun: Sequence[Parcel], under_way: dict[Future[Outcome], Parcel], threads: ThreadPoolExecutor
    ) -> None:
        """Note what begins, then let it go; what cannot be noted does not leave."""
        if post.note(begun):
            under_way.update({threads.submit(self._ask, parcel): parcel for parcel in begun})
        else:
            for parcel in begun:
                post.end(parcel, NotAttempted(Phase.DATA, None, "taken back before the body"))

    def _heard(self, post: Post, under_way: dict[Future[Outcome], Parcel]) -> bool:
        done, _ = wait(under_way, timeout=SLICE, return_when=FIRST_COMPLETED)
        for future in done:
            outcome = future.result()
            self._learn(outcome)
            post.end(under_way.pop(future), outcome)
        return bool(done)

    def _learn(self, outcome: Outcome) -> None:
        """Leave a provider alone that turns everything away, whoever the mail is for."""
        match outcome:
            case NotAttempted():
                self.away = Away(f"{self}: {outcome.code or ''} {outcome.text}".strip())
            case Deferred(code=code) if code is not None and (code == MANY or code >= BROKEN or outcome.after):
                self.away = Away(f"{self}: {code} {outcome.text}", outcome.after)

    def _ask(self, parcel: Parcel) -> Outcome:
        """One request. Runs in a thread of its own, and touches nothing but the connection."""
        try:
            ask = self._provider.ask(self._account, parcel.mail, clock.now())
        except (ValueError, LookupError) as error:
            # Nothing was sent: this mail cannot be said in the provider's words, and none after it is worse for it.
            return Refused(Phase.BODY, None, _words(error))
        try:
            with self._client.stream("POST", ask.url, headers=dict(ask.headers), content=ask.body) as response:
                answer = Answer(response.status_code, _lower(response.headers), _body(response))
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.UnsupportedProtocol) as error:
            return NotAttempted(Phase.CONNECT, None, _words(error))
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            return Unknown(Phase.DOT, None, _words(error))
        return self._provider.judge(answer) or judged(answer)


@cache
def _trust() -> ssl.SSLContext:
    """The certificates that are trusted, read once: that takes longer than everything else about a client."""
    return httpx2.create_ssl_context(trust_env=False)


def _body(response: httpx2.Response) -> bytes:
    """The beginning of the body; more than that tells nothing."""
    found = b""
    for piece in response.iter_bytes():
        found += piece
        if len(found) > LARGEST_ANSWER:
            break
    return found[:LARGEST_ANSWER]


def _lower(headers: httpx2.Headers) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _words(error: Exception) -> str:
    return readable(f"{type(error).__name__}: {error}".encode())
