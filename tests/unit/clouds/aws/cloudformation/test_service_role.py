"""Which roles a stack can be given, and in whose name it is then made."""

import json

import pytest

from tapwater_server.backends.memory.facts import MemoryFacts
from tapwater_server.clouds.aws.account import Account, Caller
from tapwater_server.clouds.aws.asked import AwsError
from tapwater_server.clouds.aws.cloudformation.book import Inputs, Stack
from tapwater_server.clouds.aws.cloudformation.service_role import (
    ROLE,
    SERVICE,
    ServiceRoles,
    doer,
)
from tapwater_server.model.ids import AppId
from tapwater_server.ports.facts import Put

ACCOUNT = Account(id="000000000000", home=AppId("aws"))
WHO = Caller(account=ACCOUNT, name="eve", arn="arn:aws:iam::000000000000:user/eve", user="eve")
ARN = "arn:aws:iam::000000000000:role/deploy"


async def roles(service: str) -> ServiceRoles:
    facts = MemoryFacts()
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": service}}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    value = {"Arn": ARN, "AssumeRolePolicyDocument": trust}
    await facts.change(ACCOUNT.space, [Put(kind=ROLE, key="deploy", value=value)])
    return ServiceRoles(facts=facts)


async def test_a_role_must_trust_cloudformation() -> None:
    (await roles(SERVICE)).check(WHO, ARN)
    with pytest.raises(AwsError, match="cannot be assumed") as caught:
        (await roles("lambda.amazonaws.com")).check(WHO, ARN)
    assert caught.value.code == "ValidationError"


async def test_a_role_that_is_not_there_is_refused() -> None:
    known = await roles(SERVICE)
    for arn in (ARN + "2", ARN.replace("000000000000", "111111111111"), "no-arn"):
        with pytest.raises(AwsError, match="cannot be assumed"):
            known.check(WHO, arn)


def test_what_a_stack_has_a_role_for_is_done_in_its_name() -> None:
    by = {"name": "eve", "arn": WHO.arn, "user": "eve", "access_key": "AKIA"}
    stack = Stack(name="s", id="arn:s", account=ACCOUNT, status="", by=by)
    assert doer(stack) == stack.who
    with_role = Stack(
        name="s", id="arn:s", account=ACCOUNT, status="", by=by, inputs=Inputs(role=ARN)
    )
    found = doer(with_role)
    assert (found.role, found.user, found.account) == (ARN, "", ACCOUNT)
    assert found.arn.endswith(":assumed-role/deploy/AWSCloudFormation")
