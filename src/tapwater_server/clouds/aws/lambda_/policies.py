"""Resource policies of functions and layers: statements made, and asked what they allow. Pure."""

import json
import re
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from tapwater_server.clouds.aws.account import Caller
from tapwater_server.clouds.aws.lambda_.refusals import invalid, violated

POLICY_BYTES_MAX = 20_480
URL_ACTION, INVOKE_ACTION = "lambda:InvokeFunctionUrl", "lambda:InvokeFunction"
_SID = re.compile(r"[a-zA-Z0-9_-]{1,100}")
_ACTION = re.compile(r"lambda:\*|lambda:[a-zA-Z]+|\*")
_SERVICE = re.compile(r"[a-z0-9.-]+\.(amazonaws\.com|aws|internal)")
_ACCOUNT = re.compile(r"[0-9]{12}")

Statement = Mapping[str, Any]
_SAYS = {
    "SourceAccount": ("StringEquals", "AWS:SourceAccount"),
    "SourceArn": ("ArnLike", "AWS:SourceArn"),
    "EventSourceToken": ("StringEquals", "lambda:EventSourceToken"),
    "PrincipalOrgID": ("StringEquals", "aws:PrincipalOrgID"),
    "OrganizationId": ("StringEquals", "aws:PrincipalOrgID"),
    "FunctionUrlAuthType": ("StringEquals", "lambda:FunctionUrlAuthType"),
    "InvokedViaFunctionUrl": ("Bool", "lambda:InvokedViaFunctionUrl"),
}


def make_statement(body: Mapping[str, Any], *, resource: str) -> Statement:
    """Make the statement that a permission is.

    Raises:
        AwsError: it says what cannot be.
    """
    sid, action = str(body.get("StatementId") or ""), str(body.get("Action") or "")
    principal = str(body.get("Principal") or "")
    problems: list[tuple[object, str, str]] = []
    if not _SID.fullmatch(sid):
        must = "Member must satisfy regular expression pattern: ([a-zA-Z0-9-_]+)"
        problems.append((sid[:200], "statementId", must))
    if not _ACTION.fullmatch(action):
        must = "Member must satisfy regular expression pattern: (lambda:[*]|lambda:[a-zA-Z]+|[*])"
        problems.append((action[:200], "action", must))
    if not re.fullmatch(r"\S+", principal):
        must = r"Member must satisfy regular expression pattern: [^\s]+"
        problems.append((principal[:200], "principal", must))
    if problems:
        raise violated(problems)
    statement: dict[str, Any] = {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": _principal(principal),
        "Action": action,
        "Resource": resource,
    }
    conditions: dict[str, dict[str, str]] = {}
    for name, (operator, key) in _SAYS.items():
        value = body.get(name)
        if value is not None and value != "":
            text = str(value).lower() if isinstance(value, bool) else str(value)
            conditions.setdefault(operator, {})[key] = text
    if conditions:
        statement["Condition"] = conditions
    return statement


def _principal(said: str) -> str | Mapping[str, str]:
    if said == "*":
        return "*"
    if _SERVICE.fullmatch(said):
        return {"Service": said}
    if _ACCOUNT.fullmatch(said):
        return {"AWS": f"arn:aws:iam::{said}:root"}
    if said.startswith("arn:"):
        return {"AWS": said}
    raise invalid("The provided principal was invalid. Please check the principal and try again.")


def document(statements: Sequence[Statement]) -> str:
    """Write a policy, as GetPolicy shows it."""
    policy = {"Version": "2012-10-17", "Id": "default", "Statement": list(statements)}
    return json.dumps(policy, separators=(",", ":"))


def allows(
    statements: Sequence[Statement], caller: Caller, action: str, context: Mapping[str, str]
) -> bool:
    """Say whether a policy lets somebody do something; a denial goes before all else.

    What no statement is about is not allowed.
    """
    verdicts = [
        statement["Effect"]
        for statement in statements
        if _acts(statement, action)
        and _means(statement.get("Principal"), caller)
        and _holds(statement.get("Condition") or {}, context)
    ]
    return "Allow" in verdicts and "Deny" not in verdicts


def _acts(statement: Statement, action: str) -> bool:
    said = statement.get("Action", ())
    actions = [said] if isinstance(said, str) else said
    return any(fnmatchcase(action.lower(), str(one).lower()) for one in actions)


def _means(principal: Any, caller: Caller) -> bool:
    if principal == "*":
        return True
    named = principal.get("AWS", ()) if isinstance(principal, dict) else ()
    for one in [named] if isinstance(named, str) else named:
        if one == "*" or (caller.known and one in _names(caller)):
            return True
    return False


def _names(caller: Caller) -> tuple[str, ...]:
    return (caller.arn, caller.account.id, f"arn:aws:iam::{caller.account.id}:root")


def _holds(conditions: Mapping[str, Any], context: Mapping[str, str]) -> bool:
    """Say whether all conditions hold; one that is not known does not."""
    known = {name.lower(): value for name, value in context.items()}
    for operator, wanted in conditions.items():
        for key, value in wanted.items():
            have = known.get(str(key).lower())
            values = [value] if isinstance(value, str | bool) else value
            texts = [str(one).lower() if isinstance(one, bool) else str(one) for one in values]
            if have is None or not any(_fits(operator, have, text) for text in texts):
                return False
    return True


def _fits(operator: str, have: str, wanted: str) -> bool:
    if operator in ("StringEquals", "ArnEquals", "Bool"):
        return have == wanted
    if operator == "StringEqualsIgnoreCase":
        return have.lower() == wanted.lower()
    if operator in ("StringLike", "ArnLike"):
        return fnmatchcase(have, wanted)
    return False
