"""The buses and rules of accounts: read from memory, written down, watched."""

from collections.abc import Callable, Sequence

from tapwater_server.clouds.aws.account import Account
from tapwater_server.clouds.aws.asked import AwsError
from tapwater_server.clouds.aws.events.records import (
    BUS,
    DEFAULT,
    RULE,
    Bus,
    Rule,
    bus_value,
    read_bus,
    read_rule,
    rule_key,
    rule_value,
)
from tapwater_server.ports.facts import Drop, Facts, Put, Step


class Store:
    """Reads and writes; decides nothing."""

    def __init__(self, *, facts: Facts) -> None:
        self._facts = facts
        self._watching: list[Callable[[str, str], None]] = []

    def watch(self, told: Callable[[str, str], None]) -> None:
        """Be told the space and key of a rule that came, went or changed."""
        self._watching.append(told)

    def spaces(self) -> Sequence[str]:
        return self._facts.spaces()

    def find_bus(self, account: Account, name: str) -> Bus:
        """Find a bus.

        Raises:
            AwsError: there is none of that name.
        """
        fact = self._facts.get(account.space, BUS, name)
        if fact is not None:
            return read_bus(fact.value)
        if name == DEFAULT:
            return Bus(name=DEFAULT)
        raise AwsError("ResourceNotFoundException", f"Event bus {name} does not exist.", 400)

    def buses(self, account: Account) -> Sequence[Bus]:
        found = {one.key: read_bus(one.value) for one in self._facts.list(account.space, BUS)}
        found.setdefault(DEFAULT, Bus(name=DEFAULT))
        return [found[name] for name in sorted(found)]

    def rule(self, space: str, bus: str, name: str) -> Rule | None:
        fact = self._facts.get(space, RULE, rule_key(bus, name))
        return None if fact is None else read_rule(fact.value)

    def find_rule(self, account: Account, bus: str, name: str) -> Rule:
        """Find a rule.

        Raises:
            AwsError: there is none of that name, or no such bus.
        """
        self.find_bus(account, bus)
        found = self.rule(account.space, bus, name)
        if found is None:
            raise AwsError(
                "ResourceNotFoundException",
                f"Rule {name} does not exist on EventBus {bus}.",
                400,
            )
        return found

    def rules(self, space: str, bus: str = "") -> Sequence[Rule]:
        """List the rules of a bus by name, or all."""
        prefix = f"{bus}/" if bus else ""
        return [read_rule(one.value) for one in self._facts.list(space, RULE, prefix=prefix)]

    async def put_bus(self, account: Account, bus: Bus) -> None:
        await self._facts.change(account.space, [Put(kind=BUS, key=bus.name, value=bus_value(bus))])

    async def drop_bus(self, account: Account, name: str) -> None:
        await self._facts.change(account.space, [Drop(kind=BUS, key=name)])

    async def put_rule(self, account: Account, rule: Rule) -> None:
        step = Put(kind=RULE, key=rule.key, value=rule_value(rule))
        await self._change(account.space, step, rule.key)

    async def drop_rule(self, account: Account, rule: Rule) -> None:
        await self._change(account.space, Drop(kind=RULE, key=rule.key), rule.key)

    async def _change(self, space: str, step: Step, key: str) -> None:
        await self._facts.change(space, [step])
        for told in self._watching:
            told(space, key)
