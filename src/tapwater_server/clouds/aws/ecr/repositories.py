"""Repositories as they are kept: facts. None of them ever holds an image."""

from collections.abc import Mapping, Sequence
from typing import Any

from tapwater_server.clouds.aws.account import Account
from tapwater_server.clouds.aws.asked import AwsError
from tapwater_server.model.errors import Conflict
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.facts import Drop, Fact, Facts, Put

REPOSITORY = "ecr/repository"
REPOSITORIES_MAX = 1_000


class Repositories:
    """The repositories of accounts."""

    def __init__(self, *, facts: Facts, clock: Clock) -> None:
        self._facts, self._clock = facts, clock

    def all(self, account: Account) -> Sequence[Fact]:
        return self._facts.list(account.space, REPOSITORY)

    def find(self, account: Account, name: str) -> Fact:
        """Find one by its name.

        Raises:
            AwsError: RepositoryNotFoundException.
        """
        fact = self._facts.get(account.space, REPOSITORY, name)
        if fact is None:
            message = (
                f"The repository with name '{name}' does not exist in the registry with id "
                f"'{account.id}'"
            )
            raise AwsError("RepositoryNotFoundException", message)
        return fact

    async def create(self, account: Account, name: str, value: Mapping[str, Any]) -> Fact:
        """Make one.

        Raises:
            AwsError: there is one of this name, or there are too many.
        """
        if len(self.all(account)) >= REPOSITORIES_MAX:
            raise AwsError("LimitExceededException", f"At most {REPOSITORIES_MAX} repositories")
        made = {"created": self._clock.now(), **value}
        try:
            put = Put(kind=REPOSITORY, key=name, value=made, version=0)
            await self._facts.change(account.space, [put])
        except Conflict:
            message = f"The repository with name '{name}' already exists"
            raise AwsError("RepositoryAlreadyExistsException", message) from None
        return self.find(account, name)

    async def change(self, account: Account, name: str, **changes: Any) -> None:
        """Change what is kept of one; None forgets it."""
        merged = {**self.find(account, name).value, **changes}
        value = {key: said for key, said in merged.items() if said is not None}
        await self._facts.change(account.space, [Put(kind=REPOSITORY, key=name, value=value)])

    async def remove(self, account: Account, name: str) -> Fact:
        """Forget one, and give what it was."""
        gone = self.find(account, name)
        await self._facts.change(account.space, [Drop(kind=REPOSITORY, key=name)])
        return gone
