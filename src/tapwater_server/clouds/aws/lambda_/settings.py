"""A function's configuration, as CreateFunction and UpdateFunctionConfiguration give it: checked,
filled in, merged. Pure.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from tapwater_server.clouds.aws.lambda_.refusals import invalid, not_here, violated

TIMEOUT_S_MAX = 86_400  # AWS ends at 900; here a day is fine.
MEMORY_MB_MIN, MEMORY_MB_MAX = 128, 10_240
STORAGE_MB_MIN, STORAGE_MB_MAX = 512, 10_240
LAYERS_MAX = 5
ENVIRONMENT_BYTES_MAX = 4096
TAGS_MAX = 50

Json = Mapping[str, Any]

DEFAULTS: Json = {
    "Description": "",
    "Timeout": 3,
    "MemorySize": 128,
    "TracingConfig": {"Mode": "PassThrough"},
    "Architectures": ["x86_64"],
    "EphemeralStorage": {"Size": 512},
    "SnapStart": {"ApplyOn": "None"},
    "PackageType": "Zip",
}
MEMBERS = (
    "Runtime", "Role", "Handler", "Description", "Timeout", "MemorySize", "VpcConfig",
    "DeadLetterConfig", "Environment", "KMSKeyArn", "TracingConfig", "Layers", "FileSystemConfigs",
    "EphemeralStorage", "SnapStart", "LoggingConfig",
)  # fmt: skip
CREATED = (*MEMBERS, "Architectures", "PackageType")
_ROLE = re.compile(r"arn:aws[a-zA-Z-]*:iam::[0-9]{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+")
_VARIABLE = re.compile(r"[a-zA-Z][a-zA-Z0-9_]+")
_RESERVED = frozenset(
    {
        "_HANDLER", "_X_AMZN_TRACE_ID", "AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID",
        "AWS_DEFAULT_REGION", "AWS_EXECUTION_ENV", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_LAMBDA_RUNTIME_API", "AWS_REGION",
        "AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY", "AWS_SESSION_TOKEN", "LAMBDA_RUNTIME_DIR",
        "LAMBDA_TASK_ROOT",
    }
)  # fmt: skip
_MODES = {
    "TracingConfig": ("Mode", ("Active", "PassThrough")),
    "SnapStart": ("ApplyOn", ("PublishedVersions", "None")),
}
_OURS = ("ImageConfig", "CapacityProviderConfig", "DurableConfig", "TenancyConfig")


def given(body: Json, names: tuple[str, ...]) -> dict[str, Any]:
    """Take the members that were given at all."""
    return {name: body[name] for name in names if body.get(name) is not None}


def created(body: Json) -> dict[str, Any]:
    """Make the configuration of a new function.

    Raises:
        AwsError: something is missing, or cannot be.
    """
    if body.get("PackageType") == "Image" or "ImageUri" in (body.get("Code") or {}):
        raise not_here("Functions of container images (PackageType Image) need a registry.")
    if not body.get("Role"):
        raise violated([(None, "role", "Member must not be null")])
    config = {**DEFAULTS, **given(body, CREATED)}
    if not config.get("Runtime") or not config.get("Handler"):
        raise invalid(
            "Runtime and Handler are mandatory parameters for functions created with deployment "
            "packages."
        )
    return check({**body, **config})


def merged(config: Json, body: Json) -> dict[str, Any]:
    """Make the configuration after an update: what is not named stays.

    Raises:
        AwsError: something cannot be.
    """
    changes = given(body, MEMBERS)
    return check({**{name: body[name] for name in _OURS if body.get(name)}, **config, **changes})


def check(body: Json) -> dict[str, Any]:
    """Check a whole configuration, and give it tidied: empty parts are left out.

    Raises:
        AwsError: something is refused.
    """
    for name in _OURS:
        if body.get(name):
            raise not_here(f"{name} is not supported.")
    if body.get("FileSystemConfigs"):
        raise not_here("File systems cannot be mounted: FileSystemConfigs must be empty.")
    problems = [*_numbers(body), *_texts(body), *_choices(body)]
    if problems:
        raise violated(problems)
    _check_environment(body.get("Environment") or {})
    return _tidied({name: body[name] for name in CREATED if body.get(name) is not None})


def _tidied(config: dict[str, Any]) -> dict[str, Any]:
    """Leave out what is empty."""
    layers = config.get("Layers") or []
    if len(layers) > LAYERS_MAX:
        raise invalid("Cannot reference more than 5 layers.")
    if len({str(arn).rpartition(":")[0] for arn in layers}) < len(layers):
        raise invalid("Two different versions of the same layer are not allowed to be referenced.")
    if not (config.get("DeadLetterConfig") or {}).get("TargetArn"):
        config.pop("DeadLetterConfig", None)
    if not (config.get("Environment") or {}).get("Variables"):
        config.pop("Environment", None)
    for name in ("Layers", "KMSKeyArn", "FileSystemConfigs"):
        if not config.get(name):
            config.pop(name, None)
    return config


Problem = tuple[object, str, str]


def _numbers(body: Json) -> list[Problem]:
    storage = (body.get("EphemeralStorage") or {}).get("Size", STORAGE_MB_MIN)
    rows = (
        ("timeout", body.get("Timeout"), 1, TIMEOUT_S_MAX),
        ("memorySize", body.get("MemorySize"), MEMORY_MB_MIN, MEMORY_MB_MAX),
        ("ephemeralStorage.size", storage, STORAGE_MB_MIN, STORAGE_MB_MAX),
    )
    problems: list[Problem] = []
    for name, value, least, most in rows:
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            must = f"Member must have value greater than or equal to {least}"
            problems.append((value, name, must))
        elif value > most:
            problems.append((value, name, f"Member must have value less than or equal to {most}"))
    return problems


def _texts(body: Json) -> list[Problem]:
    role, handler = str(body.get("Role", "")), str(body.get("Handler", ""))
    problems: list[Problem] = []
    if not _ROLE.fullmatch(role):
        must = (
            "Member must satisfy regular expression pattern: "
            r"arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+"
        )
        problems.append((role[:300], "role", must))
    if not re.fullmatch(r"\S{1,128}", handler):
        pattern = r"Member must satisfy regular expression pattern: [^\s]+"
        long = "Member must have length less than or equal to 128"
        problems.append((handler[:300], "handler", long if len(handler) > 128 else pattern))
    if len(str(body.get("Description", ""))) > 256:
        must = "Member must have length less than or equal to 256"
        problems.append((str(body["Description"])[:300], "description", must))
    return problems


def _choices(body: Json) -> list[Problem]:
    problems: list[Problem] = []
    for name, (member, choices) in _MODES.items():
        value = (body.get(name) or {}).get(member, choices[-1])
        if value not in choices:
            place = f"{name[0].lower()}{name[1:]}.{member[0].lower()}{member[1:]}"
            must = f"Member must satisfy enum value set: [{', '.join(choices)}]"
            problems.append((value, place, must))
    architectures = body.get("Architectures") or ["x86_64"]
    if len(architectures) != 1 or architectures[0] not in ("x86_64", "arm64"):
        must = (
            "Member must satisfy constraint: [Member must satisfy enum value set: "
            "[x86_64, arm64], Member must not be null]"
        )
        problems.append((architectures, "architectures", must))
    return problems


def _check_environment(environment: Json) -> None:
    variables = environment.get("Variables") or {}
    if not isinstance(variables, dict):
        raise invalid("Environment.Variables must be an object")
    wrong: list[Problem] = [
        (name, "environment.variables", "Map keys must satisfy constraint: [a-zA-Z]([a-zA-Z0-9_])+")
        for name in variables
        if not _VARIABLE.fullmatch(name)
    ]
    texts = all(isinstance(value, str) and "\0" not in value for value in variables.values())
    if wrong or not texts:
        raise violated(wrong or [("{}", "environment.variables", "Map values must be strings")])
    unable = "Lambda was unable to configure your environment variables because "
    reserved = sorted(set(variables) & _RESERVED)
    if reserved:
        raise invalid(
            f"{unable}the environment variables you have provided contains reserved keys that are "
            "currently not supported for modification. Reserved keys used in this request: "
            + ", ".join(reserved)
        )
    if len(json.dumps(variables, separators=(",", ":")).encode()) > ENVIRONMENT_BYTES_MAX:
        raise invalid(
            f"{unable}the environment variables you have provided exceeded the 4KB limit. "
            f"String measured: {json.dumps(variables)[:100]}"
        )


def check_tags(tags: object) -> Mapping[str, str]:
    """Check a function's tags.

    Raises:
        AwsError: they are none.
    """
    if not isinstance(tags, dict) or len(tags) > TAGS_MAX:
        raise invalid(f"Tags must be an object of at most {TAGS_MAX} members")
    for key, value in tags.items():
        if not 1 <= len(key) <= 128 or not isinstance(value, str) or len(value) > 256:
            raise invalid(f"The tag {key[:128]!r} is not one")
        if key.lower().startswith("aws:"):
            raise invalid("Tag keys that begin with aws: are reserved")
    return tags
