"""Dynamic references: ``{{resolve:ssm:name}}`` and ``{{resolve:secretsmanager:name:…}}``.

Their values are fetched just before a service is asked, and are never kept with the stack.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from tapwater_server.clouds.aws.account import Caller
from tapwater_server.clouds.aws.cloudformation.kind import Api
from tapwater_server.clouds.aws.cloudformation.troubles import Failed

_REFERENCE = re.compile(r"\{\{resolve:(ssm|ssm-secure|secretsmanager):([^}]{1,2048})\}\}")
REFERENCES_MAX = 60


def references_of(value: Any) -> list[str]:
    """Find the dynamic references in a value.

    >>> references_of({"a": ["x{{resolve:ssm:/key:1}}y"]})
    ['{{resolve:ssm:/key:1}}']
    """
    if isinstance(value, str):
        return [found[0] for found in _REFERENCE.finditer(value)]
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [found for part in parts for found in references_of(part)]


async def filled(value: Mapping[str, Any], api: Api, who: Caller) -> Mapping[str, Any]:
    """Put values in the places of dynamic references.

    Raises:
        Failed: there is no such value.
        AwsError: the service refuses to give it.
    """
    found = list(dict.fromkeys(references_of(value)))
    if not found:
        return value
    if len(found) > REFERENCES_MAX:
        raise Failed(f"more than {REFERENCES_MAX} dynamic references in one resource")
    texts = {reference: await _fetch(reference, api, who) for reference in found}
    replaced: Mapping[str, Any] = _replaced(value, texts)
    return replaced


async def _fetch(reference: str, api: Api, who: Caller) -> str:
    match = _REFERENCE.fullmatch(reference)
    assert match is not None
    if match[1] != "secretsmanager":
        given = {"Name": match[2], "WithDecryption": match[1] == "ssm-secure"}
        answer = await api.call(who, "ssm", "GetParameter", given)
        return str(answer["Parameter"]["Value"])
    name, key, stage, version = _secret(match[2])
    given = {"SecretId": name}
    given |= {"VersionStage": stage} if stage else {}
    given |= {"VersionId": version} if version else {}
    answer = await api.call(who, "secretsmanager", "GetSecretValue", given)
    text = str(answer.get("SecretString", ""))
    return _member(text, key, reference) if key else text


def _secret(said: str) -> tuple[str, str, str, str]:
    """Take a reference to a secret apart; its name may be an ARN, which has colons of its own.

    >>> _secret("db:SecretString:password")
    ('db', 'password', '', '')
    """
    count = 7 if said.startswith("arn:") else 1
    parts = said.split(":")
    name, rest = ":".join(parts[:count]), [*parts[count:], "", "", "", ""]
    return name, rest[1], rest[2], rest[3]


def _member(text: str, key: str, reference: str) -> str:
    try:
        value = json.loads(text)[key]
    except (ValueError, KeyError, TypeError) as error:
        raise Failed(f"Could not find a value for {reference}: the secret has no {key}") from error
    return value if isinstance(value, str) else json.dumps(value)


def _replaced(value: Any, texts: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return _REFERENCE.sub(lambda found: texts[found[0]], value)
    if isinstance(value, dict):
        return {key: _replaced(part, texts) for key, part in value.items()}
    if isinstance(value, list):
        return [_replaced(part, texts) for part in value]
    return value
