"""The schedules and groups of accounts: read from memory, written down, watched."""

from collections.abc import Callable, Sequence

from tapwater_server.clouds.aws.account import Account
from tapwater_server.clouds.aws.asked import AwsError
from tapwater_server.clouds.aws.scheduler.records import (
    DEFAULT,
    GROUP,
    SCHEDULE,
    Group,
    Planned,
    group_value,
    place_of,
    planned_value,
    read_group,
    read_planned,
)
from tapwater_server.ports.facts import Drop, Facts, Put, Step

DROPS_MAX = 500  # Schedules of a group that go in one write.


class Store:
    """Reads and writes; decides nothing."""

    def __init__(self, *, facts: Facts) -> None:
        self._facts = facts
        self._watching: list[Callable[[str, str], None]] = []

    def watch(self, told: Callable[[str, str], None]) -> None:
        """Be told the space and place of a schedule that came, went or changed."""
        self._watching.append(told)

    def spaces(self) -> Sequence[str]:
        return self._facts.spaces()

    def planned(self, space: str, place: str) -> Planned | None:
        fact = self._facts.get(space, SCHEDULE, place)
        return None if fact is None else read_planned(fact.value)

    def find(self, account: Account, group: str, name: str) -> Planned:
        """Find a schedule.

        Raises:
            AwsError: there is none of that name, or no such group.
        """
        self.group(account, group)
        found = self.planned(account.space, place_of(group, name))
        if found is None:
            raise missing(f"Schedule {name} does not exist.")
        return found

    def all(self, space: str, group: str = "") -> Sequence[Planned]:
        prefix = f"{group}/" if group else ""
        return [read_planned(one.value) for one in self._facts.list(space, SCHEDULE, prefix=prefix)]

    def group(self, account: Account, name: str) -> Group:
        """Find a group.

        Raises:
            AwsError: there is none of that name.
        """
        fact = self._facts.get(account.space, GROUP, name)
        if fact is not None:
            return read_group(fact.value)
        if name == DEFAULT:
            return Group(name=DEFAULT)
        raise missing(f"Schedule group {name} does not exist.")

    def groups(self, account: Account) -> Sequence[Group]:
        found = {one.key: read_group(one.value) for one in self._facts.list(account.space, GROUP)}
        found.setdefault(DEFAULT, Group(name=DEFAULT))
        return [found[name] for name in sorted(found)]

    async def put(self, space: str, planned: Planned) -> None:
        put = Put(kind=SCHEDULE, key=planned.place, value=planned_value(planned))
        await self._change(space, [put], [planned.place])

    async def drop(self, space: str, planned: Planned) -> None:
        await self._change(space, [Drop(kind=SCHEDULE, key=planned.place)], [planned.place])

    async def put_group(self, account: Account, group: Group) -> None:
        put = Put(kind=GROUP, key=group.name, value=group_value(group))
        await self._facts.change(account.space, [put])

    async def drop_group(self, account: Account, name: str) -> None:
        """Remove a group with its schedules; the group goes last."""
        while found := self.all(account.space, name)[:DROPS_MAX]:
            places = [one.place for one in found]
            steps = [Drop(kind=SCHEDULE, key=place) for place in places]
            await self._change(account.space, steps, places)
        await self._facts.change(account.space, [Drop(kind=GROUP, key=name)])

    async def _change(self, space: str, steps: Sequence[Step], places: Sequence[str]) -> None:
        await self._facts.change(space, steps)
        for place in places:
            for told in self._watching:
                told(space, place)


def missing(message: str) -> AwsError:
    """There is no such thing."""
    return AwsError("ResourceNotFoundException", message, 404)
