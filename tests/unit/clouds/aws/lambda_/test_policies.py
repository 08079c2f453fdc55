"""Resource policies, and pages of other origins."""

import json
from collections.abc import Mapping

import pytest

from tapwater_server.clouds.aws.account import Account, Caller
from tapwater_server.clouds.aws.asked import AwsError
from tapwater_server.clouds.aws.lambda_.cors import answered, check_cors, preflight
from tapwater_server.clouds.aws.lambda_.policies import (
    URL_ACTION,
    allows,
    document,
    make_statement,
)
from tapwater_server.model.ids import AppId

ACCOUNT = Account(id="123456789012", home=AppId("other"))
NOBODY = Caller(account=ACCOUNT)
USER = Caller(
    account=ACCOUNT, name="me", arn="arn:aws:iam::123456789012:user/me", access_key="AKIA"
)
NONE = {"lambda:FunctionUrlAuthType": "NONE"}


def permission(**said: object) -> Mapping[str, object]:
    body = {"StatementId": "s", "Action": URL_ACTION, "Principal": "*", **said}
    return make_statement(body, resource="arn:f")


def test_a_statement_as_aws_writes_it() -> None:
    made = permission(
        Principal="s3.amazonaws.com",
        Action="lambda:InvokeFunction",
        SourceArn="arn:aws:s3:::b",
        SourceAccount="123456789012",
    )
    assert made == {
        "Sid": "s",
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "lambda:InvokeFunction",
        "Resource": "arn:f",
        "Condition": {
            "StringEquals": {"AWS:SourceAccount": "123456789012"},
            "ArnLike": {"AWS:SourceArn": "arn:aws:s3:::b"},
        },
    }
    assert json.loads(document([made]))["Statement"] == [made]


@pytest.mark.parametrize(
    "said",
    [{"StatementId": "a b"}, {"Action": "s3:Get"}, {"Principal": ""}, {"Principal": "somebody"}],
)
def test_statements_that_cannot_be_are_refused(said: Mapping[str, str]) -> None:
    with pytest.raises(AwsError):
        permission(**said)


def test_everybody_may_where_everybody_is_named() -> None:
    anyone = permission(FunctionUrlAuthType="NONE")
    assert allows([anyone], NOBODY, URL_ACTION, NONE)
    assert not allows([anyone], NOBODY, URL_ACTION, {"lambda:FunctionUrlAuthType": "AWS_IAM"})
    assert not allows([anyone], NOBODY, "lambda:InvokeFunction", NONE)
    assert not allows([], NOBODY, URL_ACTION, NONE)


def test_somebody_may_where_their_account_or_they_are_named() -> None:
    for principal in ("123456789012", USER.arn):
        assert allows([permission(Principal=principal)], USER, URL_ACTION, {})
        assert not allows([permission(Principal=principal)], NOBODY, URL_ACTION, {})
    assert not allows([permission(Principal="210987654321")], USER, URL_ACTION, {})


def test_a_condition_on_what_is_not_known_does_not_hold() -> None:
    assert not allows([permission(PrincipalOrgID="o-1")], USER, URL_ACTION, NONE)


def test_a_denial_goes_before_all_else() -> None:
    denial = {**permission(), "Effect": "Deny"}
    assert not allows([permission(), denial], USER, URL_ACTION, NONE)


def test_pages_of_named_origins_may_ask() -> None:
    cors = check_cors(
        {
            "AllowOrigins": ["https://*.example"],
            "AllowMethods": ["GET", "PUT"],
            "AllowHeaders": ["x-a"],
            "ExposeHeaders": ["x-b"],
            "AllowCredentials": True,
            "MaxAge": 60,
        }
    )
    assert dict(preflight(cors, "https://a.example")) == {
        "access-control-allow-origin": "https://a.example",
        "access-control-allow-methods": "GET,PUT",
        "access-control-allow-headers": "x-a",
        "access-control-max-age": "60",
        "access-control-allow-credentials": "true",
        "vary": "Origin",
    }
    assert dict(answered(cors, "https://a.example"))["access-control-expose-headers"] == "x-b"
    assert preflight(cors, "https://evil.test") == answered(cors, "") == ()
    assert (
        dict(answered({"AllowOrigins": ["*"]}, "https://x"))["access-control-allow-origin"] == "*"
    )


@pytest.mark.parametrize("said", [[], {"AllowOrigins": "x"}, {"MaxAge": -1}, {"AllowHeaders": [1]}])
def test_what_is_no_cors_setting_is_refused(said: object) -> None:
    with pytest.raises(AwsError):
        check_cors(said)
