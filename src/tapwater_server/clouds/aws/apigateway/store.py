"""What is known of APIs, as facts: an API with all its parts, and copies of them as deployed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tapwater_server.clouds.aws.account import Account
from tapwater_server.clouds.aws.asked import AwsError
from tapwater_server.clouds.aws.shapes.unique import short_id
from tapwater_server.model.errors import Conflict, TooLarge
from tapwater_server.model.ids import AppId
from tapwater_server.ports.facts import Drop, Fact, Facts, Put, Step
from tapwater_server.ports.ids import IdSource

HTTP_API, HTTP_DEPLOYMENT = "apigatewayv2/api", "apigatewayv2/deployment"
REST_API, REST_DEPLOYMENT = "apigateway/restapi", "apigateway/deployment"
APIS_MAX = 1_000  # Of an account.
DEPLOYMENTS_MAX = 300  # Of an API; of those that no stage uses the oldest go.
ID_LENGTH = 10
Values = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Located:
    """An API, whose it is and of which sort."""

    account: Account
    kind: str
    fact: Fact


class Store:
    """Reads and writes APIs of one sort."""

    def __init__(self, *, facts: Facts, ids: IdSource, kind: str, deployment: str) -> None:
        self._facts, self._ids = facts, ids
        self._kind, self._deployment = kind, deployment

    def fresh(self) -> str:
        """Make an id as they look there: ten letters and digits."""
        return short_id(self._ids.fresh(), ID_LENGTH)

    def all(self, account: Account) -> list[Fact]:
        return list(self._facts.list(account.space, self._kind))

    def find(self, account: Account, id: str) -> Fact:
        """Find an API.

        Raises:
            AwsError: NotFoundException.
        """
        fact = self._facts.get(account.space, self._kind, id)
        if fact is None:
            raise AwsError("NotFoundException", f"Invalid API identifier specified {id}", 404)
        return fact

    async def add(self, account: Account, id: str, value: Values) -> None:
        """Keep a new API.

        Raises:
            AwsError: there are too many.
        """
        if len(self.all(account)) >= APIS_MAX:
            raise AwsError("TooManyRequestsException", f"Limit of {APIS_MAX} APIs exceeded", 429)
        owner = {"id": account.id, "home": str(account.home), "region": account.region}
        await self._write(account, [Put(kind=self._kind, key=id, value=value | {"owner": owner})])

    async def change(self, account: Account, fact: Fact, value: Values, *more: Step) -> None:
        """Keep a changed API; refused if somebody else has changed it meanwhile.

        Raises:
            AwsError: ConflictException.
        """
        put = Put(kind=self._kind, key=fact.key, value=value, version=fact.version)
        await self._write(account, [put, *more])

    async def drop(self, account: Account, id: str) -> None:
        """Forget an API with its deployments."""
        self.find(account, id)
        await self._write(account, [Drop(kind=self._kind, key=id), *self._drops(account, id)])

    def _drops(self, account: Account, id: str) -> list[Step]:
        found = self._facts.list(account.space, self._deployment, prefix=f"{id}/")
        return [Drop(kind=self._deployment, key=fact.key) for fact in found]

    def deployments(self, account: Account, id: str) -> list[Fact]:
        """Give an API's deployments, the oldest first."""
        found = self._facts.list(account.space, self._deployment, prefix=f"{id}/")
        return sorted(found, key=lambda fact: float(fact.value["created"]))

    def deployment(self, account: Account, id: str, which: str) -> Fact:
        """Find a deployment.

        Raises:
            AwsError: NotFoundException.
        """
        fact = self._facts.get(account.space, self._deployment, f"{id}/{which}")
        if fact is None:
            raise AwsError("NotFoundException", "Invalid Deployment identifier specified", 404)
        return fact

    def put_deployment(self, id: str, which: str, value: Mapping[str, Any]) -> Put:
        return Put(kind=self._deployment, key=f"{id}/{which}", value=value)

    def drop_deployment(self, id: str, which: str) -> Drop:
        return Drop(kind=self._deployment, key=f"{id}/{which}")

    def old_deployments(self, account: Account, id: str, used: Sequence[str]) -> list[Step]:
        """Steps that forget the oldest ones which no stage uses, once there are too many."""
        free = [f for f in self.deployments(account, id) if f.key.rpartition("/")[2] not in used]
        count = len(free) - DEPLOYMENTS_MAX
        return [Drop(kind=self._deployment, key=fact.key) for fact in free[: max(count, 0)]]

    async def _write(self, account: Account, steps: Sequence[Step]) -> None:
        try:
            await self._facts.change(account.space, steps)
        except Conflict as error:
            message = (
                "Unable to complete operation due to concurrent modification. Please try again."
            )
            raise AwsError("ConflictException", message, 409) from error
        except TooLarge as error:
            raise AwsError("BadRequestException", "The API is too large.", 400) from error


class Locator:
    """Finds APIs of all accounts by their id: what a host name tells."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._known: dict[str, tuple[str, str]] = {}  # id -> space, kind

    def find(self, id: str) -> Located | None:
        """Find an API; one that is known costs no more than to see that it is still there."""
        known = self._known.get(id)
        fact = self._facts.get(*known, id) if known is not None else None
        if known is None or fact is None:
            self._known.pop(id, None)
            return self._search(id)
        return _located(known[1], fact)

    def _search(self, id: str) -> Located | None:
        for space in self._facts.spaces():
            for kind in (HTTP_API, REST_API):
                fact = self._facts.get(space, kind, id)
                if fact is not None:
                    self._known[id] = space, kind
                    return _located(kind, fact)
        return None


def _located(kind: str, fact: Fact) -> Located:
    owner = fact.value["owner"]
    account = Account(id=owner["id"], home=AppId(owner["home"]), region=owner["region"])
    return Located(account=account, kind=kind, fact=fact)
