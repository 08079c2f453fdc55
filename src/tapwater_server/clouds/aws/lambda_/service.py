"""Lambda's door: which operation a request means."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

from tapwater_server.clouds.aws.asked import AwsAnswer, AwsAsked, AwsError, Service
from tapwater_server.clouds.aws.lambda_ import links
from tapwater_server.clouds.aws.lambda_.hasty import FUNCTIONS, INVOCATIONS
from tapwater_server.clouds.aws.lambda_.operations import functions, invoking
from tapwater_server.clouds.aws.lambda_.protocol import refusal, segments
from tapwater_server.clouds.aws.lambda_.refusals import refused
from tapwater_server.clouds.aws.lambda_.room import Room
from tapwater_server.clouds.aws.lambda_.routes import OPERATIONS

Operation = Callable[[Room, AwsAsked, Mapping[str, str]], Awaitable[AwsAnswer]]

_MAPPINGS = "/2015-03-31/event-source-mappings"


class LambdaService:
    """Keeps ``asked.Service``."""

    def __init__(self, *, room: Room, urls: "Callable[[AwsAsked], Awaitable[AwsAnswer]]") -> None:
        self._room, self._urls = room, urls
        self._table = table(OPERATIONS)

    @property
    def operations(self) -> frozenset[str]:
        """Name what it answers, by method and path; all else is refused."""
        return frozenset(OPERATIONS)

    @property
    def mappings(self) -> Service:
        """Give what answers for event source mappings."""
        return self._room.mappings()

    async def answer(self, asked: AwsAsked) -> AwsAnswer:
        path = asked.path
        if asked.service == "lambda-url":
            if asked.named == links.NAMED:
                return await functions.download(self._room, path.strip("/"))
            return await self._urls(asked)
        if not asked.caller.known:
            raise refused(
                "MissingAuthenticationTokenException", "Missing Authentication Token", 403
            )
        if asked.method == "POST" and path.startswith(FUNCTIONS) and path.endswith(INVOCATIONS):
            name = path[len(FUNCTIONS) : -len(INVOCATIONS)]
            if name.isidentifier():  # Nothing in it to decode.
                return await invoking.invoke(self._room, asked, {"FunctionName": name})
        if path.startswith(_MAPPINGS):
            return await self._room.mappings().answer(asked)
        operation, args = find(self._table, asked.method, segments(path))
        return await operation(self._room, asked, args)

    def refused(self, error: AwsError, asked: AwsAsked | None, *, id: str) -> AwsAnswer:
        return refusal(error)


Row = tuple[Sequence[str], Operation]
Table = Mapping[tuple[str, int], Sequence[Row]]


def table(operations: Mapping[str, Operation]) -> Table:
    """Sort operations by method and length of path."""
    rows: dict[tuple[str, int], list[Row]] = {}
    for said, operation in operations.items():
        method, _, path = said.partition(" ")
        pattern = path.strip("/").split("/")
        rows.setdefault((method, len(pattern)), []).append((pattern, operation))
    return rows


def find(rows: Table, method: str, path: Sequence[str]) -> tuple[Operation, Mapping[str, str]]:
    """Find the operation of a request, and what its path names.

    Raises:
        AwsError: there is none.
    """
    for pattern, operation in rows.get((method, len(path)), ()):
        args = {}
        for want, part in zip(pattern, path, strict=True):
            if want.startswith("{"):
                args[want[1:-1]] = part
            elif want != part:
                break
        else:
            return operation, args
    raise AwsError("UnknownOperationException", "There is no such operation.", 404)
