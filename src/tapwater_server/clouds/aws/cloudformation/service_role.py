"""The role that a stack is made with: whom it trusts, and in whose name things are done."""

from tapwater_server.clouds.aws.account import Caller, parse_arn
from tapwater_server.clouds.aws.asked import AwsError
from tapwater_server.clouds.aws.cloudformation.book import Stack
from tapwater_server.clouds.aws.policies.judging import (
    Effect,
    PolicyError,
    Principal,
    Question,
    evaluate,
    parse_policy,
)
from tapwater_server.ports.facts import Facts

SERVICE = "cloudformation.amazonaws.com"
ROLE = "iam/role"
SESSION = "AWSCloudFormation"


def doer(stack: Stack) -> Caller:
    """Say in whose name a stack's resources are made: its role's, else that of who asked."""
    asker, role = stack.who, stack.inputs.role
    parsed = parse_arn(role) if role else None
    if parsed is None:
        return asker
    name = parsed.resource.rpartition("/")[2]
    return Caller(
        account=stack.account,
        name=SESSION,
        arn=f"arn:aws:sts::{parsed.account}:assumed-role/{name}/{SESSION}",
        id=SESSION,
        access_key=asker.access_key,
        role=role,
    )


class ServiceRoles:
    """Looks at a role before a stack is given it. That who asks may pass it on
    (``iam:PassRole``) was seen to at the door: nobody gets more by way of one.
    """

    def __init__(self, *, facts: Facts) -> None:
        self._facts = facts

    def check(self, who: Caller, arn: str) -> None:
        """See that a role is there, of this account, and trusts CloudFormation.

        Raises:
            AwsError: ValidationError.
        """
        if not self._trusts(who, arn):
            raise AwsError("ValidationError", f"Role {arn} is invalid or cannot be assumed")

    def _trusts(self, who: Caller, arn: str) -> bool:
        parsed = parse_arn(arn)
        if parsed is None or parsed.account != who.account.id:
            return False
        name = parsed.resource.rpartition("/")[2]
        fact = self._facts.get(who.account.space, ROLE, name)
        if fact is None or fact.value.get("Arn") != arn:
            return False
        try:
            policy = parse_policy(str(fact.value.get("AssumeRolePolicyDocument", "")))
        except PolicyError:
            return False
        question = Question(
            action="sts:AssumeRole", resource="*", principal=Principal(service=SERVICE)
        )
        return evaluate([policy], question) is Effect.ALLOW
