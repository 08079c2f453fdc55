"""Policies: who may do what, when; and policies that cannot be read."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapwater_server.clouds.aws.policies.judging import (
    Effect,
    PolicyError,
    Principal,
    Question,
    evaluate,
    parse_policy,
)
from tapwater_server.clouds.aws.policies.patterns import fits, readied

ALLOW, DENY = Effect.ALLOW, Effect.DENY


def said(
    *statements: Mapping[str, Any],
    action: str = "s3:GetObject",
    resource: str = "arn:aws:s3:::photos/a",
    context: Mapping[str, Sequence[str]] | None = None,
    principal: Principal | None = None,
) -> Effect | None:
    text = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    question = Question(
        action=action, resource=resource, context=context or {}, principal=principal
    )
    return evaluate([parse_policy(text)], question)


def allow(**more: Any) -> dict[str, Any]:
    base: dict[str, Any] = {"Effect": "Allow", "Resource": "*"}
    if "NotAction" not in more:
        base["Action"] = "*"
    return {**base, **more}


def test_a_deny_wins_whatever_its_place() -> None:
    deny = {"Effect": "Deny", "Action": "s3:*", "Resource": "*"}
    assert said(allow()) is ALLOW
    assert said(allow(), deny) is said(deny, allow()) is DENY
    assert said() is None


@pytest.mark.parametrize(
    ("statement", "verdict"),
    [
        ({"Action": "s3:Get*"}, ALLOW),
        ({"Action": "S3:getobject"}, ALLOW),  # The case of actions does not count.
        ({"Action": ["sqs:*", "s3:Put?bject"]}, None),
        ({"NotAction": "s3:Put*"}, ALLOW),
        ({"NotAction": "s3:*"}, None),
        ({"Resource": "arn:aws:s3:::photos/*"}, ALLOW),
        ({"Resource": "arn:aws:s3:::PHOTOS/*"}, None),  # That of resources does.
        ({"Resource": "arn:aws:s3:::photos"}, None),
        ({"Resource": "arn:aws:s3:::${aws:username}/*"}, None),
    ],
)
def test_actions_and_resources(statement: Mapping[str, Any], verdict: Effect | None) -> None:
    assert said(allow(**statement)) is verdict


def test_variables() -> None:
    own = allow(Resource="arn:aws:s3:::home/${aws:username}/*")
    ann = {"aws:username": ["ann"]}
    assert said(own, resource="arn:aws:s3:::home/ann/x", context=ann) is ALLOW
    assert said(own, resource="arn:aws:s3:::home/bob/x", context=ann) is None
    star = {"aws:username": ["*"]}
    assert said(own, resource="arn:aws:s3:::home/bob/x", context=star) is None


@pytest.mark.parametrize(
    ("operator", "key", "value", "context", "holds"),
    [
        ("StringEquals", "s3:prefix", ["a", "b"], {"s3:prefix": ["b"]}, True),
        ("StringEquals", "s3:prefix", "a", {}, False),
        ("StringNotEquals", "s3:prefix", "a", {}, True),
        ("StringNotEquals", "s3:prefix", ["a", "b"], {"s3:prefix": ["b"]}, False),
        ("StringEqualsIfExists", "s3:prefix", "a", {}, True),
        ("StringEqualsIgnoreCase", "s3:prefix", "A", {"s3:prefix": ["a"]}, True),
        ("StringLike", "s3:prefix", "h*/?", {"s3:prefix": ["home/a"]}, True),
        ("StringNotLike", "s3:prefix", "h*", {"s3:prefix": ["home/a"]}, False),
        ("NumericLessThan", "s3:max-keys", "10", {"s3:max-keys": ["9"]}, True),
        ("NumericLessThan", "s3:max-keys", "10", {"s3:max-keys": ["x"]}, False),
        ("DateLessThan", "aws:CurrentTime", "2026-01-01T00:00:00Z",
         {"aws:currenttime": ["2025-12-31T23:59:59Z"]}, True),
        ("Bool", "aws:SecureTransport", "true", {"aws:securetransport": ["false"]}, False),
        ("Bool", "aws:SecureTransport", True, {"aws:securetransport": ["true"]}, True),
        ("IpAddress", "aws:SourceIp", "10.0.0.0/8", {"aws:sourceip": ["10.1.2.3"]}, True),
        ("NotIpAddress", "aws:SourceIp", "10.0.0.0/8", {"aws:sourceip": ["10.1.2.3"]}, False),
        ("ArnLike", "aws:SourceArn", "arn:aws:s3:*:*:a*", {"aws:sourcearn": ["arn:aws:s3:::ab"]},
         True),
        ("ArnEquals", "aws:SourceArn", "arn:aws:s3:::a", {"aws:sourcearn": ["arn:aws:sqs:::a"]},
         False),
        ("Null", "aws:TokenIssueTime", "true", {}, True),
        ("Null", "aws:TokenIssueTime", "true", {"aws:tokenissuetime": ["1"]}, False),
        ("ForAllValues:StringEquals", "aws:TagKeys", ["a", "b"], {"aws:tagkeys": ["a"]}, True),
        ("ForAllValues:StringEquals", "aws:TagKeys", ["a"], {"aws:tagkeys": ["a", "c"]}, False),
        ("ForAllValues:StringEquals", "aws:TagKeys", ["a"], {}, True),
        ("ForAnyValue:StringEquals", "aws:TagKeys", ["a"], {"aws:tagkeys": ["a", "c"]}, True),
        ("ForAnyValue:StringEquals", "aws:TagKeys", ["a"], {}, False),
    ],
)  # fmt: skip
def test_conditions(
    operator: str, key: str, value: Any, context: Mapping[str, Sequence[str]], *, holds: bool
) -> None:
    statement = allow(Condition={operator: {key: value}})
    assert said(statement, context=context) is (ALLOW if holds else None)


@pytest.mark.parametrize(
    ("principal", "who", "verdict"),
    [
        ("*", Principal(), ALLOW),
        ({"AWS": "*"}, Principal(), ALLOW),
        ({"AWS": "000000000000"}, Principal(arn="a", account="000000000000"), ALLOW),
        ({"AWS": "arn:aws:iam::000000000000:root"}, Principal(arn="a", account="1"), None),
        ({"AWS": ["arn:aws:iam::1:user/ann"]},
         Principal(arn="arn:aws:iam::1:user/ann", account="1"), ALLOW),
        ({"Service": "lambda.amazonaws.com"}, Principal(service="lambda.amazonaws.com"), ALLOW),
        ({"Service": "lambda.amazonaws.com"}, Principal(arn="a", account="1"), None),
        ({"AWS": "r"}, Principal(arn="s", account="1", also=("r",)), ALLOW),
    ],
)  # fmt: skip
def test_principals(principal: Any, who: Principal, verdict: Effect | None) -> None:
    assert said(allow(Principal=principal), principal=who) is verdict
    assert said(allow(), principal=who) is None  # Of nobody in particular is of nobody.


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "{}", "x", '{"Statement": 5}', '{"Statement": {}}', "[" * 100_000,
        '{"Statement": {"Effect": "Maybe", "Action": "*", "Resource": "*"}}',
        '{"Statement": {"Effect": "Allow", "Resource": "*"}}',
        '{"Statement": {"Effect": "Allow", "Action": 5, "Resource": "*"}}',
        '{"Statement": {"Effect": "Allow", "Action": "*", "Condition": {"Foo": {"a": "b"}}}}',
        '{"Statement": {"Effect": "Allow", "Action": "*", "Condition": []}}',
    ],
)  # fmt: skip
def test_what_cannot_be_read(text: str) -> None:
    with pytest.raises(PolicyError):
        parse_policy(text)


@given(st.text(alphabet="ab*?", max_size=12), st.text(alphabet="ab", max_size=12))
def test_patterns_are_those_of_a_shell(pattern: str, text: str) -> None:
    from fnmatch import fnmatchcase

    assert fits(readied(pattern, {}), text) == fnmatchcase(text, pattern)


def test_a_pattern_made_to_be_slow_is_not() -> None:
    assert not fits(readied("a*" * 500 + "b", {}), "a" * 2_000)
