"""Policies of IAM and of buckets: who may do what to what, and when. Pure.

    verdict = evaluate([parse_policy(text)], Question(action="s3:GetObject", resource=arn, …))

An explicit Deny wins, then an Allow; None: nothing is said, and whoever asks decides what that
means (for an identity: no). For a policy of a resource (a bucket, a role's trust) ``principal`` is
who asks, and statements hold only for whom they name; for policies of an identity leave it None.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import Any

import msgspec

from tapwater_server.clouds.aws.policies.conditions import Condition, holds, read_conditions
from tapwater_server.clouds.aws.policies.patterns import fits, readied

POLICY_BYTES_MAX = 20 << 10
STATEMENTS_MAX = 200


class Effect(StrEnum):
    """What a statement does."""

    ALLOW = "Allow"
    DENY = "Deny"


class PolicyError(ValueError):
    """A policy that cannot be read; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who asks. ``arn`` is empty for who did not sign. ``service``: "lambda.amazonaws.com"."""

    arn: str = ""
    account: str = ""
    service: str = ""
    also: Sequence[str] = ()  # other names of the same: the role's ARN of an assumed one


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """May this be done? ``context``: keys in lower case ("aws:sourceip") and their values."""

    action: str  # "s3:GetObject"
    resource: str  # ARN; "*": of nothing in particular
    principal: Principal | None = None
    context: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One of a policy's statements. ``not_…``: the list says what it is not about."""

    effect: Effect
    actions: Sequence[str]
    not_actions: bool = False
    resources: Sequence[str] = ()
    not_resources: bool = False
    principals: Mapping[str, Sequence[str]] | None = None  # kind → names; None: it names nobody
    not_principals: bool = False
    conditions: Sequence[Condition] = ()
    sid: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A policy that has been read."""

    statements: Sequence[Statement]


def evaluate(policies: Sequence[Policy], question: Question) -> Effect | None:
    """Say what policies say, all of them together.

    >>> text = '{"Statement": {"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}}'
    >>> evaluate([parse_policy(text)], Question(action="s3:GetObject", resource="arn:aws:s3:::a/b"))
    <Effect.ALLOW: 'Allow'>
    """
    verdict: Effect | None = None
    for policy in policies:
        for statement in policy.statements:
            if applies(statement, question):
                if statement.effect is Effect.DENY:
                    return Effect.DENY
                verdict = Effect.ALLOW
    return verdict


def applies(statement: Statement, question: Question) -> bool:
    """Say whether a statement is about what is asked."""
    action = question.action.lower()
    if any(fits(readied(each, {}), action) for each in statement.actions) is statement.not_actions:
        return False
    if statement.resources:
        found = any(
            fits(readied(each, question.context), question.resource) for each in statement.resources
        )
        if found is statement.not_resources:
            return False
    if question.principal is not None and not _concerns(statement, question.principal):
        return False
    return all(holds(condition, question.context) for condition in statement.conditions)


@lru_cache(maxsize=1_024)
def parse_policy(text: str) -> Policy:
    """Read a policy document.

    Raises:
        PolicyError: it is none.
    """
    if len(text) > POLICY_BYTES_MAX:
        raise PolicyError(f"A policy has at most {POLICY_BYTES_MAX} bytes")
    try:
        said = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        raise PolicyError("Policies must be valid JSON") from None
    return read_policy(said)


def read_policy(said: Any) -> Policy:
    """Read a policy document that is no text any more.

    Raises:
        PolicyError: it is none.
    """
    if not isinstance(said, dict) or "Statement" not in said:
        raise PolicyError("Syntax errors in policy: it has no Statement")
    raw = said["Statement"]
    statements = raw if isinstance(raw, list) else [raw]
    if len(statements) > STATEMENTS_MAX:
        raise PolicyError(f"A policy has at most {STATEMENTS_MAX} statements")
    return Policy(statements=tuple(_statement(each) for each in statements))


def _statement(said: Any) -> Statement:
    if not isinstance(said, dict):
        raise PolicyError("Syntax errors in policy: a Statement is an object")
    if said.get("Effect") not in ("Allow", "Deny"):
        raise PolicyError("Effect must be Allow or Deny")
    if ("Action" in said) == ("NotAction" in said):
        raise PolicyError("A statement needs either Action or NotAction")
    actions = _texts(said.get("Action", said.get("NotAction")), "Action")
    principals = said.get("Principal", said.get("NotPrincipal"))
    return Statement(
        effect=Effect(said["Effect"]),
        actions=tuple(action.lower() for action in actions),
        not_actions="NotAction" in said,
        resources=_texts(said.get("Resource", said.get("NotResource", [])), "Resource"),
        not_resources="NotResource" in said,
        principals=None if principals is None else _principals(principals),
        not_principals="NotPrincipal" in said,
        conditions=_conditions(said.get("Condition", {})),
        sid=str(said.get("Sid", "")),
    )


def _conditions(said: Any) -> Sequence[Condition]:
    try:
        return read_conditions(said)
    except ValueError as error:
        raise PolicyError(str(error)) from None


def _principals(said: Any) -> Mapping[str, Sequence[str]]:
    if said == "*":
        return {"*": ("*",)}
    if not isinstance(said, dict):
        raise PolicyError("Invalid principal in policy")
    return {str(kind): _texts(names, "Principal") for kind, names in said.items()}


def _concerns(statement: Statement, who: Principal) -> bool:
    if statement.principals is None:
        return False
    return _named(statement.principals, who) is not statement.not_principals


def _named(principals: Mapping[str, Sequence[str]], who: Principal) -> bool:
    if "*" in principals or "*" in principals.get("AWS", ()):
        return True
    if who.service:
        return who.service in principals.get("Service", ())
    if not who.arn:
        return False
    names = {who.arn, *who.also, who.account, f"arn:aws:iam::{who.account}:root"}
    return any(name in names for name in principals.get("AWS", ()))


def _texts(said: Any, what: str) -> Sequence[str]:
    found = said if isinstance(said, list) else [said]
    if not all(isinstance(each, str) and each for each in found):
        raise PolicyError(f"Syntax errors in policy: {what} is text or a list of it")
    return tuple(found)
