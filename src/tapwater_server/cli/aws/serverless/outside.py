"""Variables that ask the account: ``${ssm:…}``, ``${cf:…}``, ``${s3:…}``."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from tapwater_server.cli.aws.client import AwsRefused
from tapwater_server.cli.aws.reading import TEXT_BYTES_MAX

Ask = Callable[..., Mapping[str, Any]]  # ask("ssm", "get_parameter", Name=…); blocks
_SECRETS = "/aws/reference/secretsmanager/"
_GONE = (
    "ParameterNotFound",
    "ResourceNotFoundException",
    "NoSuchKey",
    "NoSuchBucket",
    "ValidationError",  # CloudFormation's word for a stack that is not there
)


def look_outside(ask: Ask, source: str, address: str, argument: str) -> Any:
    """Find a value; None: it is not there, and the default counts.

    Raises:
        AwsRefused: it may not be read.
    """
    try:
        return _LOOKS[source](ask, address, argument)
    except AwsRefused as error:
        if error.aws_code in _GONE:
            return None
        raise


def _ssm(ask: Ask, address: str, argument: str) -> Any:
    name = address.removesuffix("~true").removesuffix("~split")  # As older files write it.
    if name.startswith(_SECRETS):
        return _secret(ask, name.removeprefix(_SECRETS), argument)
    decrypt = "noDecrypt" not in argument
    found = ask("ssm", "get_parameter", Name=name, WithDecryption=decrypt)["Parameter"]
    if found["Type"] == "StringList":
        return str(found["Value"]).split(",")
    return found["Value"]


def _secret(ask: Ask, name: str, argument: str) -> Any:
    text = str(ask("secretsmanager", "get_secret_value", SecretId=name).get("SecretString", ""))
    if "raw" in argument:
        return text
    try:
        found = json.loads(text)
    except ValueError:
        return text
    return found if isinstance(found, dict) else text


def _cf(ask: Ask, address: str, _: str) -> Any:
    stack, _, output = address.rpartition(".")
    (found,) = ask("cloudformation", "describe_stacks", StackName=stack)["Stacks"]
    outputs = {one["OutputKey"]: one["OutputValue"] for one in found.get("Outputs", ())}
    return outputs.get(output)


def _s3(ask: Ask, address: str, _: str) -> Any:
    bucket, _, key = address.partition("/")
    body = ask("s3", "get_object", Bucket=bucket, Key=key)["Body"]
    return body.read(TEXT_BYTES_MAX).decode(errors="replace")


_LOOKS: Mapping[str, Callable[[Ask, str, str], Any]] = {"ssm": _ssm, "cf": _cf, "s3": _s3}
