"""Permissions of functions and of layers' versions."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tapwater_server.clouds.aws.asked import AwsAnswer, AwsAsked
from tapwater_server.clouds.aws.lambda_ import records
from tapwater_server.clouds.aws.lambda_.names import LATEST, function_arn, read_qualified
from tapwater_server.clouds.aws.lambda_.operations.layers import check_there
from tapwater_server.clouds.aws.lambda_.policies import (
    POLICY_BYTES_MAX,
    Statement,
    document,
    make_statement,
)
from tapwater_server.clouds.aws.lambda_.protocol import answer, read_body
from tapwater_server.clouds.aws.lambda_.refusals import conflict, missing, refused, stale
from tapwater_server.clouds.aws.lambda_.room import Room
from tapwater_server.ports.facts import Drop, Fact, Put

Args = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Policy:
    """The policy of a function's version or alias, or of a layer's version."""

    kind: str
    key: str
    fact: Fact | None

    @property
    def statements(self) -> list[Statement]:
        return list(self.fact.value["statements"]) if self.fact is not None else []

    def check(self, revision: object) -> None:
        """See that the caller knows the newest state, if it says which it knows.

        Raises:
            AwsError: PreconditionFailedException.
        """
        if revision and (self.fact is None or self.fact.value["id"] != revision):
            raise stale()


async def add(room: Room, asked: AwsAsked, args: Args) -> AwsAnswer:
    body = await read_body(asked)
    policy = _of_function(room, asked, args)
    name, _, qualifier = policy.key.partition(":")
    plain = "" if qualifier == LATEST else qualifier
    statement = make_statement(body, resource=function_arn(asked.account, name, plain))
    policy.check(body.get("RevisionId"))
    await _add(room, asked, policy, statement)
    return answer({"Statement": _written(statement)}, status=201)


async def remove(room: Room, asked: AwsAsked, args: Args) -> AwsAnswer:
    return await _remove(room, asked, _of_function(room, asked, args), args["StatementId"])


async def show(room: Room, asked: AwsAsked, args: Args) -> AwsAnswer:
    return _show(_of_function(room, asked, args))


async def add_to_layer(room: Room, asked: AwsAsked, args: Args) -> AwsAnswer:
    body = await read_body(asked)
    policy = _of_layer(room, asked, args)
    resource = asked.account.arn("lambda", f"layer:{policy.key}")
    statement = make_statement(body, resource=resource)
    policy.check(asked.text("RevisionId"))
    id = await _add(room, asked, policy, statement)
    return answer({"Statement": _written(statement), "RevisionId": id}, status=201)


async def remove_from_layer(room: Room, asked: AwsAsked, args: Args) -> AwsAnswer:
    return await _remove(room, asked, _of_layer(room, asked, args), args["StatementId"])


async def show_of_layer(room: Room, asked: AwsAsked, args: Args) -> AwsAnswer:
    return _show(_of_layer(room, asked, args))


def _of_function(room: Room, asked: AwsAsked, args: Args) -> _Policy:
    reference = read_qualified(args["FunctionName"], asked.text("Qualifier"))
    function = room.store.function(asked.account, reference)
    room.store.check_qualifier(asked.account, function, reference.qualifier)
    key = records.key_of(function.name, reference.qualifier or LATEST)
    return _found(room, asked, records.POLICY, key)


def _of_layer(room: Room, asked: AwsAsked, args: Args) -> _Policy:
    return _found(room, asked, records.LAYER_POLICY, check_there(room, asked, args))


def _found(room: Room, asked: AwsAsked, kind: str, key: str) -> _Policy:
    fact = room.store.facts.get(asked.account.space, kind, key)
    return _Policy(kind=kind, key=key, fact=fact)


async def _add(room: Room, asked: AwsAsked, policy: _Policy, statement: Statement) -> str:
    """Add a statement; give the policy's new RevisionId."""
    sid, there = statement["Sid"], policy.statements
    if any(one["Sid"] == sid for one in there):
        raise conflict(
            f"The statement id ({sid}) provided already exists. Please provide a new statement "
            "id, or remove the existing statement."
        )
    there.append(statement)
    size = len(document(there))
    if size > POLICY_BYTES_MAX:
        raise refused(
            "PolicyLengthExceededException",
            f"The final policy size ({size}) is bigger than the limit ({POLICY_BYTES_MAX}).",
        )
    return await _keep(room, asked, policy, there)


async def _remove(room: Room, asked: AwsAsked, policy: _Policy, sid: str) -> AwsAnswer:
    left = [one for one in policy.statements if one["Sid"] != sid]
    if len(left) == len(policy.statements):
        raise missing(f"Statement {sid[:100]} is not found in resource policy.")
    policy.check(asked.text("RevisionId"))
    if left:
        await _keep(room, asked, policy, left)
    else:
        await room.store.change(asked.account, Drop(kind=policy.kind, key=policy.key))
    return answer(status=204)


async def _keep(
    room: Room, asked: AwsAsked, policy: _Policy, statements: Sequence[Statement]
) -> str:
    id = room.changing.fresh()
    version = 0 if policy.fact is None else policy.fact.version
    value = {"statements": statements, "id": id}
    put = Put(kind=policy.kind, key=policy.key, value=value, version=version)
    await room.store.change(asked.account, put)
    return id


def _show(policy: _Policy) -> AwsAnswer:
    if policy.fact is None:
        raise missing("The resource you requested does not exist.")
    return answer({"Policy": document(policy.statements), "RevisionId": policy.fact.value["id"]})


def _written(statement: Statement) -> str:
    return json.dumps(statement, separators=(",", ":"))
