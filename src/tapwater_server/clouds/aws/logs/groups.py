"""Log groups: one for each Lambda function, and those that somebody made."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tapwater_server.clouds.aws.account import Account
from tapwater_server.clouds.aws.asked import AwsError
from tapwater_server.model.errors import Conflict
from tapwater_server.model.ids import AppId
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.facts import Drop, Facts, Put
from tapwater_server.ports.meter import Asked

GROUP, STREAM, CUT = "logs/group", "logs/stream", "logs/cut"
FUNCTION = "lambda/function"
OF_FUNCTIONS = "/aws/lambda/"
GROUPS_MAX = 10_000
FIELD_GROUP, FIELD_STREAM = "logGroup", "logStream"


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """One log group. ``app``: of the function whose lines these are; "": a group of one's own."""

    name: str
    created: float
    since: float = 0.0  # what is older was deleted
    app: str = ""
    stream: str = ""  # the one that a function's lines are in
    facts: Mapping[str, Any] = field(default_factory=dict)

    def asked(self, account: Account, **more: Any) -> Asked:
        """Say which lines of the platform's log are this group's."""
        if self.app:
            return Asked(app=AppId(self.app), **more)
        fields = {FIELD_GROUP: self.name, **more.pop("fields", {})}
        return Asked(app=account.home, fields=fields, **more)


class Groups:
    """What is known of groups and streams."""

    def __init__(self, *, facts: Facts, clock: Clock) -> None:
        self._facts, self._clock = facts, clock

    def all(self, account: Account, prefix: str = "") -> Sequence[Group]:
        """List an account's groups by name."""
        names = {fact.key for fact in self._facts.list(account.space, GROUP, prefix=prefix)}
        functions = self._facts.list(account.space, FUNCTION)
        names |= {f"{OF_FUNCTIONS}{fact.key}" for fact in functions}
        found = (self.find(account, name) for name in sorted(names) if name.startswith(prefix))
        return [group for group in found if group is not None]

    def find(self, account: Account, name: str) -> Group | None:
        """Find one."""
        made = self._facts.get(account.space, GROUP, name)
        cut = self._facts.get(account.space, CUT, name)
        function = None
        if name.startswith(OF_FUNCTIONS):
            function = self._facts.get(account.space, FUNCTION, name[len(OF_FUNCTIONS) :])
        if made is None and function is None:
            return None
        latest = {} if function is None else function.value["latest"]
        return Group(
            name=name,
            created=made.value["created"] if made is not None else latest["modified_at"],
            since=0.0 if cut is None else cut.value["at"],
            app="" if function is None else str(function.value["app"]),
            stream="" if function is None else stream_of(latest),
            facts={} if made is None else made.value,
        )

    def need(self, account: Account, name: str) -> Group:
        """Find one.

        Raises:
            AwsError: ResourceNotFoundException.
        """
        found = self.find(account, name)
        if found is None:
            raise missing("log group")
        return found

    async def create(self, account: Account, name: str, tags: Mapping[str, str], kind: str) -> None:
        """Make one.

        Raises:
            AwsError: there is one already, or there are too many.
        """
        if len(self._facts.list(account.space, GROUP)) >= GROUPS_MAX:
            raise AwsError("LimitExceededException", f"At most {GROUPS_MAX} log groups")
        value = {"created": self._clock.now(), "tags": dict(tags), "class": kind}
        await self._put(account, GROUP, name, value, "log group")

    async def change(self, account: Account, name: str, **changes: Any) -> None:
        """Change what is kept of a group; None forgets it."""
        group = self.need(account, name)
        merged = {"created": group.created, **group.facts, **changes}
        value = {key: said for key, said in merged.items() if said is not None}
        await self._facts.change(account.space, [Put(kind=GROUP, key=name, value=value)])

    async def delete(self, account: Account, name: str) -> None:
        """Forget a group; what a function logged until now is not shown any more."""
        self.need(account, name)
        streams = [
            Drop(kind=STREAM, key=fact.key)
            for fact in self._facts.list(account.space, STREAM, prefix=f"{name}:")
        ]
        cut = Put(kind=CUT, key=name, value={"at": self._clock.now()})
        await self._facts.change(account.space, [Drop(kind=GROUP, key=name), cut, *streams[:990]])

    def streams(self, account: Account, group: Group, prefix: str = "") -> Mapping[str, float]:
        """Name the streams of a group, and when each was made."""
        start = f"{group.name}:"
        found = {
            fact.key[len(start) :]: float(fact.value["created"])
            for fact in self._facts.list(account.space, STREAM, prefix=start + prefix)
        }
        if group.stream and group.stream.startswith(prefix):
            found.setdefault(group.stream, group.created)
        return dict(sorted(found.items()))

    async def create_stream(self, account: Account, group: str, name: str) -> None:
        """Make a stream.

        Raises:
            AwsError: there is no such group, or there is such a stream.
        """
        self.need(account, group)
        value = {"created": self._clock.now()}
        await self._put(account, STREAM, f"{group}:{name}", value, "log stream")

    def need_stream(self, account: Account, group: Group, name: str) -> None:
        """See that a stream is there.

        Raises:
            AwsError: ResourceNotFoundException.
        """
        known = self._facts.get(account.space, STREAM, f"{group.name}:{name}")
        if known is None and not (group.stream and name == group.stream):
            raise missing("log stream")

    async def _put(
        self, account: Account, kind: str, key: str, value: Mapping[str, Any], what: str
    ) -> None:
        try:
            await self._facts.change(
                account.space, [Put(kind=kind, key=key, value=value, version=0)]
            )
        except Conflict:
            message = f"The specified {what} already exists"
            raise AwsError("ResourceAlreadyExistsException", message) from None


def missing(what: str) -> AwsError:
    return AwsError("ResourceNotFoundException", f"The specified {what} does not exist.")


def stream_of(latest: Mapping[str, Any]) -> str:
    """Name the stream of a function as its own context names it: all its instances share it."""
    day = datetime.fromtimestamp(latest["modified_at"], UTC)
    return f"{day:%Y/%m/%d}/[{latest['number']}]{str(latest['id']).replace('-', '')}"


def arn_of(account: Account, name: str) -> str:
    return account.arn("logs", f"log-group:{name}")
