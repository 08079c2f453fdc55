"""The front: one port for all services. Reads the head, checks who asks, hands on, writes."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote

from tapwater_server.clouds.aws.asked import AwsAnswer, AwsAsked, AwsError, Service
from tapwater_server.clouds.aws.front.choosing import choose_service, family_of
from tapwater_server.clouds.aws.front.counting import Counting
from tapwater_server.clouds.aws.front.entering import Entrance
from tapwater_server.clouds.aws.front.hastening import Hastening
from tapwater_server.clouds.aws.front.hosts import read_host
from tapwater_server.clouds.aws.front.permits import Permits
from tapwater_server.clouds.aws.front.reading import OWN, Seen, read_scope, scope_service
from tapwater_server.clouds.aws.front.refusing import broken, write_refusal
from tapwater_server.clouds.aws.front.sending import send_answer
from tapwater_server.clouds.aws.front.troubles import Family, Troubled, error_of
from tapwater_server.clouds.aws.shapes.unique import as_uuid
from tapwater_server.ports.ids import IdSource
from tapwater_server.web.scope import Receive, Scope, Send

_log = logging.getLogger(__name__)
_OWN = OWN.encode()
_FORM = "application/x-www-form-urlencoded"


@dataclass(slots=True, kw_only=True)
class Directory:
    """The services by the scopes of signatures, and by beginnings of paths."""

    services: dict[str, Service] = field(default_factory=dict)
    paths: dict[str, str] = field(default_factory=dict)

    def add(self, names: Sequence[str], service: Service, paths: Sequence[str]) -> None:
        self.services.update(dict.fromkeys(names, service))
        self.paths.update(dict.fromkeys(paths, names[0]))


class Front:
    """Keeps ``web/cloud.py``'s ``Cloud``."""

    def __init__(
        self,
        *,
        directory: Directory,
        entrance: Entrance,
        permits: Permits,
        counting: Counting,
        hastening: Hastening,
        ids: IdSource,
        domains: Sequence[str],
        holds: Callable[[str], bool],  # whether S3 has a bucket of that name
    ) -> None:
        self._directory, self._entrance, self._counting = directory, entrance, counting
        self._permits, self._holds = permits, holds
        self.services = directory.services
        self.hasten = hastening.begin
        self._ids, self._domains = ids, tuple(domains)

    def owns(self, host: str) -> bool:
        return read_host(host, self._domains) is not None

    def claims(self, url: bytes, seen: Mapping[bytes, bytes]) -> bool:
        if url.startswith(_OWN):  # Whatever authorization there is may be the function's.
            return True
        said = seen.get(b"authorization")
        if said is not None:
            return said[:4] in (b"AWS4", b"AWS ")
        if b"x-amz-target" in seen:
            return True
        return b"?" in url and (b"X-Amz-Signature=" in url or b"AWSAccessKeyId=" in url)

    def answers(self, url: bytes) -> bool:
        path = url.partition(b"?")[0].decode("latin-1")
        if path.startswith(tuple(self._directory.paths)):
            return True
        return self._holds(unquote(path[1:].partition("/")[0]))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        id = as_uuid(self._ids.fresh())
        try:
            seen = read_scope(scope, self._domains)
        except AwsError as error:
            await send_answer(scope, send, write_refusal(error, Family.S3, id=id), id=id)
            return
        name = self._choose(seen)
        family = family_of(name, seen.head.headers)
        answer = await self._answer(seen, name, scope, receive, family=family, id=id)
        await send_answer(scope, send, answer, id=id, s3=family is Family.S3)

    def _choose(self, seen: Seen) -> str:
        """Name the service; what nothing else claims is somebody's download from S3."""
        name = choose_service(
            place=seen.place,
            scope=scope_service(seen),
            headers=seen.head.headers,
            path=seen.path,
            paths=self._directory.paths,
        )
        form = seen.head.headers.get("content-type", "").startswith(_FORM)
        return name or ("sts" if form and seen.head.method == "POST" and seen.path == "/" else "s3")

    async def _answer(
        self, seen: Seen, name: str, scope: Scope, receive: Receive, *, family: Family, id: str
    ) -> AwsAnswer:
        service, asked = self._directory.services.get(name), None
        try:
            if service is None:
                return write_refusal(_missing(name), family, id=id)
            asked = await self._entrance.admit(seen, name, scope, receive, id=id)
            await self._permits.check(asked, family)
            answer = await self._counting.followed(service, asked)
        except Troubled as troubled:
            answer = _refused(error_of(troubled, family), family, service, asked, id)
        except AwsError as error:
            answer = _refused(error, family, service, asked, id)
        except (ConnectionResetError, asyncio.CancelledError):
            if asked is not None:
                self._counting.take(asked)  # The client has gone; what was done is done.
            raise
        except Exception:
            # A border: a bug of ours, told to the log.
            _log.exception("a service of AWS failed", extra={"service": name, "request": id})
            answer = _refused(broken(family), family, service, asked, id)
        return answer if asked is None else self._counting.counted(asked, answer)


def _refused(
    error: AwsError, family: Family, service: Service | None, asked: AwsAsked | None, id: str
) -> AwsAnswer:
    if service is None:
        return write_refusal(error, family, id=id)
    return service.refused(error, asked, id=id)


def _missing(name: str) -> AwsError:
    return AwsError("NotImplemented", f"The service {name[:60]!r} is not available here.", 501)
