"""What an account has of functions, read from its facts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tapwater_server.clouds.aws.account import Account
from tapwater_server.clouds.aws.lambda_ import records
from tapwater_server.clouds.aws.lambda_.names import (
    LATEST,
    Reference,
    is_version,
    no_function,
    read_layer,
)
from tapwater_server.clouds.aws.lambda_.records import Alias, Function, Version
from tapwater_server.clouds.aws.lambda_.refusals import invalid
from tapwater_server.ports.facts import Drop, Facts, Put, Step

_ROLE = "iam/role"


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """Reads and writes; decides nothing."""

    facts: Facts

    def find(self, account: Account, name: str) -> Function | None:
        fact = self.facts.get(account.space, records.FUNCTION, name)
        return None if fact is None else records.read_function_value(fact.value)

    def function(self, account: Account, reference: Reference) -> Function:
        """Look a function up.

        Raises:
            AwsError: there is none of that name in the account.
        """
        mine = reference.account in ("", account.id)
        found = self.find(account, reference.name) if mine else None
        if found is None:
            raise no_function(account, reference.name, reference.qualifier)
        return found

    def functions(self, account: Account) -> Sequence[Function]:
        found = self.facts.list(account.space, records.FUNCTION)
        return [records.read_function_value(fact.value) for fact in found]

    def role_warning(self, account: Account, config: Mapping[str, Any]) -> str:
        """Say so if nothing holds a function to policies: IAM does not know its role."""
        arn = str(config.get("Role", ""))
        known = self.facts.get(account.space, _ROLE, arn.rpartition("/")[2])
        if known is not None and known.value.get("Arn") == arn:
            return ""
        return f"{arn} is not a role here: the function may do everything in its account"

    def apps(self) -> set[str]:
        """Name the apps of all functions of all accounts."""
        return {
            str(fact.value["app"])
            for space in self.facts.spaces()
            for fact in self.facts.list(space, records.FUNCTION)
        }

    def version(self, account: Account, function: Function, number: str) -> Version | None:
        """Look a version up; ``$LATEST`` is one."""
        if number == LATEST:
            return function.latest
        key = records.key_of(function.name, number)
        fact = self.facts.get(account.space, records.VERSION, key)
        return None if fact is None else records.read_version_value(fact.value)

    def versions(self, account: Account, name: str) -> Sequence[Version]:
        """List the published ones by rising number."""
        found = self.facts.list(account.space, records.VERSION, prefix=f"{name}:")
        read = [records.read_version_value(fact.value) for fact in found]
        return sorted(read, key=lambda one: int(one.number))

    def alias(self, account: Account, name: str, alias: str) -> Alias | None:
        fact = self.facts.get(account.space, records.ALIAS, records.key_of(name, alias))
        return None if fact is None else records.read_alias_value(fact.value)

    def aliases(self, account: Account, name: str) -> Sequence[Alias]:
        found = self.facts.list(account.space, records.ALIAS, prefix=f"{name}:")
        return [records.read_alias_value(fact.value) for fact in found]

    def qualified(self, account: Account, reference: Reference) -> tuple[Function, Version]:
        """Look up what a reference means; of an alias, the version with the most traffic.

        Raises:
            AwsError: there is no such function, version or alias.
        """
        function = self.function(account, reference)
        qualifier = reference.qualifier or LATEST
        alias = self.alias(account, function.name, qualifier)
        number = alias.version if alias is not None else qualifier
        version = self.version(account, function, number)
        if version is None:
            raise no_function(account, function.name, qualifier)
        return function, version

    def check_qualifier(
        self, account: Account, function: Function, qualifier: str, *, latest: bool = True
    ) -> None:
        """See that a version or alias is there.

        Raises:
            AwsError: it is not, or ``$LATEST`` is not allowed here.
        """
        if qualifier == LATEST and not latest:
            raise invalid("This operation is not permitted on $LATEST.")
        if qualifier in ("", LATEST):
            return
        known = (
            self.version(account, function, qualifier)
            if is_version(qualifier)
            else self.alias(account, function.name, qualifier)
        )
        if known is None:
            raise no_function(account, function.name, qualifier)

    async def change(self, account: Account, *steps: Step) -> None:
        await self.facts.change(account.space, steps)

    def put(self, function: Function, *, version: int | None = None) -> Put:
        """Give the step that writes a function."""
        value = records.function_value(function)
        return Put(kind=records.FUNCTION, key=function.name, value=value, version=version)

    def put_version(self, name: str, version: Version) -> Put:
        key = records.key_of(name, version.number)
        return Put(kind=records.VERSION, key=key, value=records.version_value(version))

    def drop_version(self, name: str, number: str) -> Drop:
        return Drop(kind=records.VERSION, key=records.key_of(name, number))

    def layer_zips(
        self, account: Account, config: Mapping[str, Any], *, had: Sequence[str] = ()
    ) -> Sequence[str]:
        """Find the zip files of a configuration's layers, the lowest first. ``had``: those that it
        may keep though they have been deleted.

        Raises:
            AwsError: one of the layers is not there.
        """
        found = []
        for arn in config.get("Layers") or ():
            reference = read_layer(str(arn))
            key = records.key_of(reference.name, str(reference.version))
            fact = self.facts.get(account.space, records.LAYER, key)
            gone = fact is None or (fact.value.get("deleted") and arn not in had)
            if fact is None or gone or reference.account not in ("", account.id):
                raise invalid(f"Layer version {str(arn)[:300]} does not exist.")
            found.append(str(fact.value["zip"]))
        return found

    def signing(self, account: Account, arn: str) -> Mapping[str, Any] | None:
        """Look a code signing config up; None: none was meant.

        Raises:
            AwsError: it is not there.
        """
        if not arn:
            return None
        fact = self.facts.get(account.space, records.SIGNING, arn.rpartition(":")[2])
        if fact is None:
            raise invalid(f"The code signing configuration {arn[:200]} cannot be found.")
        return fact.value

    def layer_size(self, account: Account, arn: str) -> int:
        """Say how large a layer's zip file is; 0: it is gone."""
        reference = read_layer(arn)
        key = records.key_of(reference.name, str(reference.version))
        fact = self.facts.get(account.space, records.LAYER, key)
        return 0 if fact is None else int(fact.value["size"])

    def drop_all(self, account: Account, name: str) -> Sequence[Step]:
        """Give the steps that forget a function and all that belongs to it."""
        steps: list[Step] = [Drop(kind=records.FUNCTION, key=name)]
        kinds = (
            records.VERSION,
            records.ALIAS,
            records.URL,
            records.POLICY,
            records.EVENT_CONFIG,
            records.PROVISIONED,
        )
        for kind in kinds:
            found = self.facts.list(account.space, kind, prefix=f"{name}:")
            steps += [Drop(kind=kind, key=fact.key) for fact in found]
        return steps

    def drop_qualified(self, account: Account, name: str, qualifier: str) -> Sequence[Step]:
        """Give the steps that forget what belongs to a version or alias."""
        key = records.key_of(name, qualifier)
        kinds = (records.URL, records.POLICY, records.EVENT_CONFIG, records.PROVISIONED)
        return [
            Drop(kind=kind, key=key)
            for kind in kinds
            if self.facts.get(account.space, kind, key) is not None
        ]
