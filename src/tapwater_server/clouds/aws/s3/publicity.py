"""What a bucket's policy may say, and whether it lets in anybody at all. Pure."""

from tapwater_server.clouds.aws.policies.judging import (
    Effect,
    Policy,
    PolicyError,
    Statement,
    parse_policy,
)
from tapwater_server.clouds.aws.policies.patterns import fits, readied
from tapwater_server.clouds.aws.s3.errors import refuse

# Conditions on these bind a statement to somebody; on anything else they do not.
_BINDING = {
    "aws:sourceip",
    "aws:sourcearn",
    "aws:sourcevpc",
    "aws:sourcevpce",
    "aws:sourceaccount",
    "aws:sourceowner",
    "aws:userid",
    "aws:principalarn",
    "aws:principalorgid",
    "s3:x-amz-server-side-encryption-aws-kms-key-id",
    "s3:dataaccesspointaccount",
    "s3:dataaccesspointarn",
}


def checked(text: str, bucket: str) -> Policy:
    """Read a policy that is to be a bucket's.

    Raises:
        AwsError: MalformedPolicy.
    """
    try:
        policy = parse_policy(text)
    except PolicyError as error:
        raise refuse("MalformedPolicy", str(error)) from None
    for statement in policy.statements:
        if statement.effect is Effect.ALLOW and statement.not_principals:
            raise refuse("MalformedPolicy", "Allow with NotPrincipal is not allowed")
        if statement.principals is None:
            raise refuse("MalformedPolicy", "Missing required field Principal")
        if not statement.resources:
            raise refuse("MalformedPolicy", "Missing required field Resource")
        if not all(_within(readied(each, {}), bucket) for each in statement.resources):
            raise refuse("MalformedPolicy", "Policy has invalid resource")
        if not all(_of_s3(action) for action in statement.actions):
            raise refuse("MalformedPolicy", "Policy has invalid action")
    return policy


def is_public(policy: Policy) -> bool:
    """Say whether it allows something to whoever comes."""
    return any(
        statement.effect is Effect.ALLOW and _open(statement) for statement in policy.statements
    )


def _open(statement: Statement) -> bool:
    named = statement.principals or {}
    anybody = "*" in named or "*" in named.get("AWS", ()) or statement.not_principals
    return anybody and not any(_binds(condition) for condition in statement.conditions)


def _binds(condition: object) -> bool:
    key, values = getattr(condition, "key", ""), getattr(condition, "values", ())
    return key.lower() in _BINDING and not any("*" in str(value) for value in values)


def _within(resource: str, bucket: str) -> bool:
    """Say whether what a pattern means can be the bucket, or in it."""
    name = f"arn:aws:s3:::{bucket}"
    return fits(resource, name) or fits(resource.partition("/")[0], name)


def _of_s3(action: str) -> bool:
    return action.lower().startswith("s3:") or fits(readied(action, {}), "s3:")
