"""The short way in: from the door to a service without a task, for requests that came whole.

It lets in only what is plainly good. Whatever else there is with a request (a policy to ask, a home
to make, a signature that does not fit) goes the usual way, which looks at it anew and says so.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from hashlib import sha256

from tapwater_server.clouds.aws.asked import AwsAnswer, AwsAsked, AwsError, Hasty, Known, Service
from tapwater_server.clouds.aws.front.canonical import UNSIGNED
from tapwater_server.clouds.aws.front.checking import Checker, Claim, Head
from tapwater_server.clouds.aws.front.choosing import choose_service, family_of
from tapwater_server.clouds.aws.front.counting import Counting, failed, step_name
from tapwater_server.clouds.aws.front.credentials import Credentials
from tapwater_server.clouds.aws.front.entering import Entrance
from tapwater_server.clouds.aws.front.homes import Homes
from tapwater_server.clouds.aws.front.permits import Permits
from tapwater_server.clouds.aws.front.reading import Seen, read_head, scope_service
from tapwater_server.clouds.aws.front.refusing import broken
from tapwater_server.clouds.aws.front.remembering import Key, Remembered, key_of, remember
from tapwater_server.clouds.aws.front.troubles import Troubled
from tapwater_server.clouds.aws.shapes.unique import as_uuid
from tapwater_server.model.invocation import Ending, Headers, Outcome, Usage
from tapwater_server.ports.ids import IdSource
from tapwater_server.ports.invoker import Call, Exchange, Resumed
from tapwater_server.ports.tracing import Step
from tapwater_server.web.asked import in_one
from tapwater_server.web.cloud import Whole

_log = logging.getLogger(__name__)
HELD_MAX = 1_024  # Heads; more than that is somebody trying.
_FINE = Outcome(ending=Ending.OK, usage=Usage())


class Hastening:
    """Checks what ``Entrance`` and ``Permits`` check, in the same way; then what it has seen before
    in a way of its own, see ``remembering.py``.
    """

    def __init__(
        self,
        *,
        checker: Checker,
        credentials: Credentials,
        entrance: Entrance,
        homes: Homes,
        permits: Permits,
        counting: Counting,
        ids: IdSource,
        domains: Sequence[str],
    ) -> None:
        self._checker, self._entrance, self._find = checker, entrance, credentials.find
        self._homes, self._permits, self._counting = homes, permits, counting
        self._fresh, self._domains = ids.fresh, tuple(domains)
        self._hasty: dict[str, tuple[Hasty, Service]] = {}
        self._held: dict[Key, Held] = {}

    def add(self, name: str, hasty: Hasty, service: Service) -> None:
        """Let requests to a service come this way; ``name``: the scope of their signatures."""
        self._hasty[name] = hasty, service

    def begin(self, whole: Whole) -> Call | None:
        """See ``web/cloud.py``."""
        for name, (hasty, service) in self._hasty.items():
            if hasty.wants(whole.method, whole.url):
                try:
                    return self._begin(whole, name, hasty, service)
                except (Troubled, AwsError):
                    return None
        return None

    def _begin(self, whole: Whole, name: str, hasty: Hasty, service: Service) -> Call | None:
        headers = dict(whole.headers)
        if len(headers) != len(whole.headers):
            return None  # Some come twice.
        key = key_of(whole.url, headers)
        held = self._held.get(key)
        if held is not None:
            call = self._begin_held(whole, headers, held, service)
            if call is not None:
                return call
        asked = self._admit(whole, name, hasty, key)
        if asked is None:
            return None
        step = self._counting.begin(asked)
        call = Answering(whole.exchange, asked, step, service, self._counting)
        return call if hasty.hasten(asked, call.told) else None

    def _begin_held(
        self, whole: Whole, headers: Mapping[bytes, bytes], held: "Held", service: Service
    ) -> Call | None:
        """The head is known: see that time and signature are right, and that who asks still may.

        Raises:
            AwsError: nothing has begun.
        """
        head, counting = held.head, self._counting
        caller, home = head.caller, head.caller.account.home
        found = self._find(head.access_key, head.token(headers))
        if found is not head.credential and found != head.credential:
            return None
        if not head.fits(headers, whole.body, self._checker.now()):
            return None
        if not self._homes.there(caller.account) or self._permits.held(caller) is not None:
            return None
        step = counting.begin_known(held.name, home)
        call = Answering(whole.exchange, held.asked, step, service, counting)
        call.id = as_uuid(self._fresh())
        held.known(
            caller.account,
            whole.body,
            call.told,
            id=call.id,
            trace=step.traceparent,
            client=whole.client,
        )
        return call

    def _admit(self, whole: Whole, name: str, hasty: Hasty, key: Key) -> AwsAsked | None:
        """Check who asks; None: that needs more than a look.

        Raises:
            Troubled: the signature is not good.
            AwsError: the request cannot be read.
        """
        path, _, query = whole.url.partition(b"?")
        seen = read_head(whole.method.decode("ascii"), path, query, whole.headers, self._domains)
        head = seen.head
        claim = self._entrance.claim(seen, name) if _service_of(seen) == name else None
        if claim is None or head.presigned:
            return None
        caller = claim.credential.caller_in(claim.signature.scoped.region)
        if not self._homes.there(caller.account) or self._permits.held(caller) is not None:
            return None
        said = head.headers.get("x-amz-content-sha256")
        payload = UNSIGNED if said == UNSIGNED else sha256(whole.body).hexdigest()
        self._checker.compare(claim, head, payload)
        asked = AwsAsked(
            caller=caller,
            service=name,
            id=as_uuid(self._fresh()),
            method=head.method,
            path=seen.path,
            query=head.query,
            headers=head.headers,
            body=partial(in_one, whole.body),
            whole=whole.body,
            host=seen.host,
            scheme=whole.scheme,
            client=whole.client,
            size=len(whole.body),
            named=seen.place.named,
            raw_query=head.raw_query,
        )
        self._remember(key, asked, claim, head, hasty.known(asked))
        return asked

    def _remember(
        self, key: Key, asked: AwsAsked, claim: Claim, head: Head, known: Known | None
    ) -> None:
        """Keep what the next request like this one will have in common with it."""
        signing = self._checker.key(claim) if claim.credential.secret else b""
        kept = remember(head, claim, asked.caller, signing)
        if kept is None or known is None:
            return
        if len(self._held) >= HELD_MAX:
            self._held.clear()
        # Of the request itself only what a refusal of it needs.
        bare = replace(asked, whole=b"", body=partial(in_one, b""), headers={}, size=0)
        self._held[key] = Held(head=kept, known=known, name=step_name(asked), asked=bare)


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A head that was let in, and what it led to."""

    head: Remembered
    known: Known
    name: str  # of the step
    asked: AwsAsked  # of whichever request was the first; nothing is counted in it


class Answering:
    """Takes the end of a request, and writes it. To the gateway it is a call: one that goes on when
    the client has gone, as Lambda's do.
    """

    __slots__ = ("_asked", "_counting", "_exchange", "_service", "_step", "id")

    def __init__(
        self,
        exchange: Exchange,
        asked: AwsAsked,
        step: Step | None,
        service: Service,
        counting: Counting,
    ) -> None:
        self._exchange, self._asked, self._step = exchange, asked, step
        self._service, self._counting = service, counting
        self.id = asked.id

    def told(self, read: Callable[[], AwsAnswer]) -> None:
        """Answer; of a refusal the service says how. Somebody waits for the answer: what is written
        down of it comes after it.
        """
        asked, exchange = self._asked, self._exchange
        cause: Exception | None = None
        try:
            answer = read()
        except AwsError as error:
            answer, cause = self._service.refused(error, asked, id=self.id), error
        except Exception as error:
            # A border: a bug of ours, told to the log.
            said = {"service": asked.service, "request": self.id}
            _log.exception("a service of AWS failed", extra=said)
            known = broken(family_of(asked.service, asked.headers))
            answer, cause = self._service.refused(known, asked, id=self.id), error
        exchange.answered(answer.status, _headers(answer, self.id), answer.body)
        self._note(answer, cause)
        exchange.ended(_FINE)

    def _note(self, answer: AwsAnswer, cause: Exception | None) -> None:
        step, asked = self._step, self._asked
        if step is not None and cause is None:
            step.end(ok=answer.status < 500)
        elif step is not None and cause is not None:
            failed(step, cause)
        if answer.body:
            self._counting.sent(asked.account.home, asked.service, len(answer.body))

    # See ports.invoker.Call. The request is here, and the answer comes in one piece.

    def feed(self, data: bytes, *, last: bool) -> bool:
        return True

    def send(self, message: str | bytes) -> bool:
        return True

    def when_writable(self, resumed: Resumed) -> None: ...

    def resume(self) -> None: ...

    def cancel(self, reason: str) -> None: ...


def _service_of(seen: Seen) -> str:
    return choose_service(
        place=seen.place,
        scope=scope_service(seen),
        headers=seen.head.headers,
        path=seen.path,
        paths={},
    )


def _headers(answer: AwsAnswer, id: str) -> Headers:
    headers = [_header(name, value) for name, value in answer.headers]
    if all(name != b"x-amzn-requestid" for name, _ in headers):
        headers.append((b"x-amzn-requestid", id.encode()))
    return headers


@lru_cache(maxsize=256)
def _header(name: str, value: str) -> tuple[bytes, bytes]:
    return name.lower().encode("latin-1"), value.encode("latin-1", "replace")
