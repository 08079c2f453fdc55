"""Parameters as they are kept: facts, and values of SecureString sealed with the app's secrets."""

from collections.abc import Mapping, Sequence
from typing import Any

from tapwater_server.clouds.aws.account import Account
from tapwater_server.clouds.aws.asked import AwsError
from tapwater_server.clouds.aws.shapes.tags import tags_in
from tapwater_server.clouds.aws.shapes.unique import unique_id
from tapwater_server.model.errors import Conflict
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.facts import Drop, Fact, Facts, Put
from tapwater_server.ports.secrets import Secrets

PARAMETER = "ssm/parameter"
SECURE = "SecureString"
VERSIONS_MAX = 100
PARAMETERS_MAX = 10_000
STANDARD_BYTES_MAX, ADVANCED_BYTES_MAX = 4 << 10, 8 << 10
Value = dict[str, Any]


class Parameters:
    """The parameters of accounts."""

    def __init__(self, *, facts: Facts, secrets: Secrets, clock: Clock) -> None:
        self._facts, self._secrets, self._clock = facts, secrets, clock

    def all(self, account: Account, prefix: str = "") -> Sequence[Fact]:
        return self._facts.list(account.space, PARAMETER, prefix=prefix)

    def find(self, account: Account, name: str) -> Fact:
        """Find one by its name.

        Raises:
            AwsError: ParameterNotFound.
        """
        fact = self._facts.get(account.space, PARAMETER, name)
        if fact is None:
            raise AwsError("ParameterNotFound", f"Parameter {name} not found.")
        return fact

    async def put(self, account: Account, name: str, wanted: Mapping[str, Any]) -> Value:
        """Make one, or a new version of it.

        Raises:
            AwsError: there is one and it is not to be overwritten; the value is too large.
        """
        fact = self._facts.get(account.space, PARAMETER, name)
        if fact is not None and not wanted.get("Overwrite", False):
            message = "The parameter already exists. To overwrite this value, set the overwrite"
            raise AwsError("ParameterAlreadyExists", f"{message} option in the request to true.")
        if fact is None and len(self.all(account)) >= PARAMETERS_MAX:
            raise AwsError("ParameterLimitExceeded", f"At most {PARAMETERS_MAX} parameters")
        value = _next(fact, wanted, at=self._clock.now())
        version, text = value["latest"], wanted["Value"]
        dropped = _trim(value)
        if value["type"] == SECURE:
            await self._secrets.put(account.home, _sealed(name, version), text)
        else:
            value["versions"][-1]["value"] = text
        held = 0 if fact is None else fact.version
        put = Put(kind=PARAMETER, key=name, value=value, version=held)
        try:
            await self._facts.change(account.space, [put])
        except Conflict:
            message = "There are concurrent updates for a resource"
            raise AwsError("TooManyUpdates", message) from None
        await self._forget(account, name, dropped)
        return value

    async def change(self, account: Account, fact: Fact, **changes: Any) -> None:
        """Change what is kept of one.

        Raises:
            AwsError: somebody else changes it too.
        """
        put = Put(
            kind=PARAMETER, key=fact.key, value={**fact.value, **changes}, version=fact.version
        )
        try:
            await self._facts.change(account.space, [put])
        except Conflict:
            message = "There are concurrent updates for a resource"
            raise AwsError("TooManyUpdates", message) from None

    async def remove(self, account: Account, name: str) -> None:
        fact = self.find(account, name)
        await self._facts.change(account.space, [Drop(kind=PARAMETER, key=name)])
        await self._forget(account, name, fact.value["versions"])

    def text(self, account: Account, fact: Fact, version: Mapping[str, Any], *, plain: bool) -> str:
        """Give a version's value; without ``plain``, of a sealed one what nobody can read."""
        if version["type"] != SECURE:
            return str(version["value"])
        name = _sealed(fact.key, version["version"])
        if not plain:
            return unique_id("AQICAH", name)
        return self._secrets.values(account.home, [name]).get(name, "")

    async def _forget(self, account: Account, name: str, versions: Sequence[Value]) -> None:
        for version in versions:
            if version["type"] == SECURE:
                await self._secrets.remove(account.home, _sealed(name, version["version"]))


def version_of(fact: Fact, selector: str) -> Mapping[str, Any]:
    """Find a version by its number or a label; "": the latest.

    Raises:
        AwsError: ParameterVersionNotFound.
    """
    versions: list[Value] = fact.value["versions"]
    if not selector:
        return versions[-1]
    for version in versions:
        if selector in (str(version["version"]), *version.get("labels", ())):
            return version
    message = f"Systems Manager could not find version {selector} of {fact.key}."
    raise AwsError("ParameterVersionNotFound", message)


def _next(fact: Fact | None, wanted: Mapping[str, Any], *, at: float) -> Value:
    known: Mapping[str, Any] = {} if fact is None else fact.value
    kind = wanted.get("Type") or known.get("type")
    if not kind:
        raise AwsError("ValidationException", "A parameter type is required for a new one.")
    number = int(known.get("latest", 0)) + 1
    tier = wanted.get("Tier") or known.get("tier") or "Standard"
    ceiling = STANDARD_BYTES_MAX if tier == "Standard" else ADVANCED_BYTES_MAX
    if len(wanted["Value"].encode()) > ceiling:
        message = f"{tier} tier parameters support a maximum parameter value of {ceiling} bytes."
        raise AwsError("ValidationException", message)
    return {
        "type": kind,
        "description": wanted.get("Description", known.get("description", "")),
        "tier": tier,
        "data_type": wanted.get("DataType", known.get("data_type", "text")),
        "tags": known.get("tags", tags_in(wanted.get("Tags"))),
        "latest": number,
        "versions": [*known.get("versions", ()), {"version": number, "type": kind, "at": at}],
    }


def _trim(value: Value) -> Sequence[Value]:
    """Let the oldest versions go; give them."""
    dropped: Sequence[Value] = value["versions"][:-VERSIONS_MAX]
    value["versions"] = value["versions"][-VERSIONS_MAX:]
    return dropped


def _sealed(name: str, version: int) -> str:
    return f"aws/ssm/{name.lstrip('/')}@{version}"
