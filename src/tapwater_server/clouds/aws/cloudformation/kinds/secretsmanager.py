"""AWS::SecretsManager::Secret."""

import json
from collections.abc import Mapping
from typing import Any

from tapwater_server.clouds.aws.cloudformation.kind import Doing, Kind, Made, pick, tag_list
from tapwater_server.clouds.aws.cloudformation.troubles import Failed

_SERVICE = "secretsmanager"
_PASSWORD = (
    *("PasswordLength", "ExcludeCharacters", "ExcludeLowercase", "ExcludeNumbers"),
    *("ExcludePunctuation", "ExcludeUppercase", "IncludeSpace", "RequireEachIncludedType"),
)
_TEMPLATE = ("SecretStringTemplate", "GenerateStringKey")


def composed(said: Mapping[str, Any], password: str) -> str:
    """Put a password where the template of a secret wants it.

    >>> composed({"SecretStringTemplate": '{"u": "me"}', "GenerateStringKey": "p"}, "x")
    '{"u": "me", "p": "x"}'

    Raises:
        Failed: the template is no JSON object, or one of the two is missing.
    """
    if not any(said.get(name) for name in _TEMPLATE):
        return password
    try:
        value = json.loads(said["SecretStringTemplate"])
        return json.dumps({**value, said["GenerateStringKey"]: password})
    except (ValueError, KeyError, TypeError) as error:
        raise Failed(
            "SecretStringTemplate must be a JSON object, and GenerateStringKey must be there too"
        ) from error


async def _text(doing: Doing) -> str | None:
    said = doing.want.get("GenerateSecretString")
    if said is None:
        return doing.want.get("SecretString")
    found = await doing.call(_SERVICE, "GetRandomPassword", **pick(said, *_PASSWORD))
    return composed(said, str(found["RandomPassword"]))


async def _create(doing: Doing) -> Made:
    found = await doing.call(
        _SERVICE,
        "CreateSecret",
        Name=doing.name("Name", length_max=512),
        SecretString=await _text(doing),
        Tags=tag_list(doing.want, doing.tags) or None,
        **pick(doing.want, "Description", "KmsKeyId"),
    )
    return Made(id=str(found["ARN"]), attributes={"Id": found["ARN"]})


async def _update(doing: Doing) -> Made:
    fresh = doing.changed("SecretString", "GenerateSecretString")
    await doing.call(
        _SERVICE,
        "UpdateSecret",
        SecretId=doing.id,
        SecretString=await _text(doing) if fresh else None,
        **{"Description": ""} | pick(doing.want, "Description", "KmsKeyId"),
    )
    had, want = (tag_list(one, doing.tags) for one in (doing.had, doing.want))
    gone = sorted({one["Key"] for one in had} - {one["Key"] for one in want})
    if gone:
        await doing.call(_SERVICE, "UntagResource", SecretId=doing.id, TagKeys=gone)
    if want:
        await doing.call(_SERVICE, "TagResource", SecretId=doing.id, Tags=want)
    return Made(id=doing.id, attributes=doing.attributes)


async def _delete(doing: Doing) -> None:
    await doing.forget(_SERVICE, "DeleteSecret", SecretId=doing.id, ForceDeleteWithoutRecovery=True)


KINDS = (
    Kind(
        type="AWS::SecretsManager::Secret",
        create=_create,
        update=_update,
        delete=_delete,
        takes=frozenset(
            {"Name", "Description", "KmsKeyId", "SecretString", "GenerateSecretString", "Tags"}
        ),
        replaced=frozenset({"Name"}),
        named="Name",
    ),
)
