"""The door of S3: reads which operation is asked for, lets it be done, writes errors as XML."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import replace

from tapwater_server.clouds.aws.asked import AwsAnswer, AwsAsked, AwsError
from tapwater_server.clouds.aws.s3.addressing import place_of
from tapwater_server.clouds.aws.s3.call import Call
from tapwater_server.clouds.aws.s3.cors import Cors
from tapwater_server.clouds.aws.s3.errors import refuse, write_error
from tapwater_server.clouds.aws.s3.operations import operation_of
from tapwater_server.clouds.aws.s3.people import People
from tapwater_server.model.errors import (
    Invalid,
    NotAllowed,
    NotFound,
    Overloaded,
    PreconditionFailed,
    StorageFull,
    TapwaterError,
    TooLarge,
)

Handler = Callable[[Call], Awaitable[AwsAnswer]]
_XML = ("content-type", "application/xml")
# What our blobs refuse, as S3 says it.
_ERRORS: Mapping[type[TapwaterError], str] = {
    Invalid: "InvalidArgument",
    NotAllowed: "AccessDenied",
    NotFound: "NoSuchKey",
    Overloaded: "SlowDown",
    PreconditionFailed: "PreconditionFailed",
    StorageFull: "SlowDown",
    TooLarge: "EntityTooLarge",
}


class S3:
    """Keeps ``clouds/aws/asked.py``'s ``Service``."""

    def __init__(self, *, handlers: Mapping[str, Handler], people: People, cors: Cors) -> None:
        self._handlers, self._people, self._cors = handlers, people, cors

    @property
    def operations(self) -> frozenset[str]:
        """Name what it answers; all else is refused."""
        return frozenset(self._handlers)

    async def answer(self, asked: AwsAsked) -> AwsAnswer:
        call = self._read(asked)
        handler = self._handlers.get(call.operation.name)
        if handler is None:
            raise refuse("NotImplemented", f"{call.operation.name} is not here")
        if call.bucket and call.headers.get("x-amz-expected-bucket-owner", call.account.id) != (
            call.account.id
        ):
            raise refuse("AccessDenied")
        try:
            answer = await handler(call)
        except TapwaterError as error:
            raise _told(error) from error
        more = self._cors.headers(call) if call.operation.name != "Preflight" else []
        return replace(answer, headers=[*answer.headers, *more]) if more else answer

    def refused(self, error: AwsError, asked: AwsAsked | None, *, id: str) -> AwsAnswer:
        headers = [*error.headers]
        if asked is not None and asked.method != "OPTIONS" and asked.headers.get("origin"):
            with suppress(AwsError):  # What cannot be read is no bucket's.
                headers += self._cors.headers(self._read(asked))
        if error.status == 304 or (asked is not None and asked.method == "HEAD"):
            return AwsAnswer(status=error.status, headers=headers)
        resource = asked.path if asked is not None else "/"
        body = write_error(error, resource=resource, id=id)
        return AwsAnswer(status=error.status, headers=[_XML, *headers], body=body)

    def _read(self, asked: AwsAsked) -> Call:
        bucket, key = place_of(asked.path, asked.named)
        query: dict[str, str] = {}
        for name, value in asked.query:
            query.setdefault(name, value)
        operation = operation_of(asked.method, bucket, key, query, asked.headers)
        return Call(
            asked=asked,
            operation=operation,
            bucket=bucket,
            key=key,
            who=self._people.of(asked.caller),
            query=query,
        )


def _told(error: TapwaterError) -> AwsError:
    """Say in S3's words what our blobs refuse."""
    for kind, code in _ERRORS.items():
        if isinstance(error, kind):
            if isinstance(error, Invalid) and "a key has" in error.message:
                return refuse("KeyTooLongError")
            return refuse(code, error.message)
    raise error
