"""AWS::Lambda::Function, Version, Alias, Permission and Url."""

import io
import re
import zipfile
from collections.abc import Mapping
from typing import Any

from tapwater_server.clouds.aws.asked import AwsError
from tapwater_server.clouds.aws.cloudformation.kind import (
    Doing,
    Kind,
    Made,
    Properties,
    is_gone,
    pick,
    tags_of,
)
from tapwater_server.clouds.aws.cloudformation.kinds.inline import brought
from tapwater_server.clouds.aws.cloudformation.kinds.traces import is_marked, mark_if_named
from tapwater_server.clouds.aws.cloudformation.troubles import Failed

_SAME = (
    *("Role", "Handler", "Runtime", "Description", "Timeout", "MemorySize", "VpcConfig"),
    *("Environment", "DeadLetterConfig", "KMSKeyArn", "TracingConfig", "Layers", "ImageConfig"),
    *("FileSystemConfigs", "SnapStart", "LoggingConfig", "EphemeralStorage"),
)
_ONCE = ("PackageType", "CodeSigningConfigArn")
_AT_CREATION = (*_SAME, *_ONCE, "Architectures")
_EXTRA = ("ReservedConcurrentExecutions", "RecursiveLoop", "RuntimeManagementConfig")
_EMPTIED: Mapping[str, Any] = {
    "Description": "",
    "Timeout": 3,
    "MemorySize": 128,
    "Environment": {"Variables": {}},
    "Layers": [],
    "DeadLetterConfig": {},
    "EphemeralStorage": {"Size": 512},
    "SnapStart": {"ApplyOn": "None"},
    "TracingConfig": {"Mode": "PassThrough"},
    "VpcConfig": {"SubnetIds": [], "SecurityGroupIds": []},
}
_CODE = ("S3Bucket", "S3Key", "S3ObjectVersion", "ImageUri")


def zipped(source: str, handler: str, runtime: str) -> bytes:
    """Pack source that stands in the template itself: one file, named as the handler wants it."""
    module = handler.rpartition(".")[0] or "index"
    name = module + (".mjs" if runtime.startswith("nodejs") and _is_module(source) else "")
    if name == module:
        name += ".js" if runtime.startswith("nodejs") else ".py"
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in {name: source, **brought(source, runtime)}.items():
            entry = zipfile.ZipInfo(path, date_time=(1980, 1, 1, 0, 0, 0))
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, text)
    return held.getvalue()


def _is_module(source: str) -> bool:
    return re.search(r"^(import|export)\s", source, re.M) is not None


def _code(want: Properties) -> dict[str, Any]:
    code = want.get("Code") or {}
    if "ZipFile" in code:
        runtime = str(want.get("Runtime", ""))
        if not runtime.startswith(("python", "nodejs")):
            raise Failed("Code.ZipFile in a template is for Python and Node.js only")
        return {"ZipFile": zipped(str(code["ZipFile"]), str(want.get("Handler", "")), runtime)}
    return pick(code, *_CODE)


async def _made(doing: Doing, name: str) -> Made:
    """Wait until the function can be called."""
    seen: Mapping[str, Any] = {}

    async def ready() -> bool:
        nonlocal seen
        seen = await doing.call("lambda", "GetFunctionConfiguration", FunctionName=name)
        if "Failed" in (seen.get("State"), seen.get("LastUpdateStatus")):
            why = seen.get("StateReason") or seen.get("LastUpdateStatusReason")
            raise Failed(str(why or "the function does not come up"))
        state = seen.get("State", "Active")
        return state in ("Active", "Inactive") and seen.get("LastUpdateStatus") != "InProgress"

    await doing.wait(ready)
    return Made(id=name, attributes={"Arn": seen["FunctionArn"]})


async def _find_function(doing: Doing) -> str:
    name = doing.name("FunctionName")
    if not doing.want.get("FunctionName"):
        return name
    try:
        found = await doing.call("lambda", "GetFunction", FunctionName=name)
    except AwsError as error:
        if is_gone(error):
            return ""
        raise
    return name if is_marked(doing, found) else ""


async def _create_function(doing: Doing) -> Made:
    name = doing.name("FunctionName")
    await doing.call(
        "lambda",
        "CreateFunction",
        FunctionName=name,
        Code=_code(doing.want),
        Tags=mark_if_named(doing, "FunctionName") or None,
        **pick(doing.want, *_AT_CREATION),
    )
    await doing.begun(name)
    made = await _made(doing, name)
    await _set_extra(doing, name)
    return made


async def _update_function(doing: Doing) -> Made:
    changes = {
        name: doing.want.get(name, _EMPTIED.get(name))
        for name in _SAME
        if doing.changed(name) and (name in doing.want or name in _EMPTIED)
    }
    if changes:
        await doing.call("lambda", "UpdateFunctionConfiguration", FunctionName=doing.id, **changes)
        await _made(doing, doing.id)
    if doing.changed("Code", "Architectures"):
        await doing.call(
            "lambda",
            "UpdateFunctionCode",
            FunctionName=doing.id,
            Architectures=doing.want.get("Architectures"),
            **_code(doing.want),
        )
    made = await _made(doing, doing.id)
    await _set_extra(doing, doing.id)
    await _retag(doing, str(made.attributes["Arn"]))
    return made


async def _set_extra(doing: Doing, name: str) -> None:
    """Set what has an operation of its own."""
    if doing.changed("ReservedConcurrentExecutions"):
        reserved = doing.want.get("ReservedConcurrentExecutions")
        operation = "DeleteFunctionConcurrency" if reserved is None else "PutFunctionConcurrency"
        await doing.call(
            "lambda", operation, FunctionName=name, ReservedConcurrentExecutions=reserved
        )
    if doing.changed("RecursiveLoop"):
        loop = doing.want.get("RecursiveLoop", "Terminate")
        await doing.call(
            "lambda", "PutFunctionRecursionConfig", FunctionName=name, RecursiveLoop=loop
        )
    if doing.changed("RuntimeManagementConfig"):
        config = doing.want.get("RuntimeManagementConfig") or {"UpdateRuntimeOn": "Auto"}
        await doing.call("lambda", "PutRuntimeManagementConfig", FunctionName=name, **config)


async def _retag(doing: Doing, arn: str) -> None:
    had, want = tags_of(doing.had, doing.tags), tags_of(doing.want, doing.tags)
    lost = sorted(had.keys() - want.keys())
    if lost:
        await doing.call("lambda", "UntagResource", Resource=arn, TagKeys=lost)
    if want and want != had:
        await doing.call("lambda", "TagResource", Resource=arn, Tags=want)


async def _delete_function(doing: Doing) -> None:
    await doing.forget("lambda", "DeleteFunction", FunctionName=doing.id)


async def _create_version(doing: Doing) -> Made:
    given = pick(doing.want, "FunctionName", "Description", "CodeSha256")
    found = await doing.call("lambda", "PublishVersion", **given)
    arn, version = str(found["FunctionArn"]), str(found["Version"])
    await doing.begun(arn)
    provisioned = doing.want.get("ProvisionedConcurrencyConfig")
    if provisioned:
        await doing.call(
            "lambda",
            "PutProvisionedConcurrencyConfig",
            FunctionName=doing.want["FunctionName"],
            Qualifier=version,
            **provisioned,
        )
    return Made(id=arn, attributes={"Version": version, "FunctionArn": arn})


async def _delete_version(doing: Doing) -> None:
    name, _, version = doing.id.rpartition(":")
    if name:
        await doing.forget("lambda", "DeleteFunction", FunctionName=name, Qualifier=version)


_ALIAS = ("FunctionName", "Name", "FunctionVersion", "Description")


def _routing(want: Properties) -> dict[str, Any]:
    weights = (want.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or []
    return {
        "AdditionalVersionWeights": {
            str(one["FunctionVersion"]): float(one["FunctionWeight"]) for one in weights
        }
    }


async def _put_alias(doing: Doing, operation: str) -> Made:
    found = await doing.call(
        "lambda", operation, RoutingConfig=_routing(doing.want), **pick(doing.want, *_ALIAS)
    )
    if doing.changed("ProvisionedConcurrencyConfig"):
        provisioned = doing.want.get("ProvisionedConcurrencyConfig")
        verb = "Put" if provisioned else "Delete"
        await doing.call(
            "lambda",
            f"{verb}ProvisionedConcurrencyConfig",
            FunctionName=doing.want["FunctionName"],
            Qualifier=doing.want["Name"],
            **(provisioned or {}),
        )
    arn = str(found["AliasArn"])
    return Made(id=arn, attributes={"AliasArn": arn})


async def _find_alias(doing: Doing) -> str:
    return f"{doing.want['FunctionName']}:{doing.want['Name']}"


async def _create_alias(doing: Doing) -> Made:
    return await _put_alias(doing, "CreateAlias")


async def _update_alias(doing: Doing) -> Made:
    return await _put_alias(doing, "UpdateAlias")


async def _delete_alias(doing: Doing) -> None:
    name, _, alias = doing.id.rpartition(":")
    if name:
        await doing.forget("lambda", "DeleteAlias", FunctionName=name, Name=alias)


_PERMISSION = (
    *("Action", "Principal", "SourceArn", "SourceAccount", "EventSourceToken"),
    *("PrincipalOrgID", "FunctionUrlAuthType", "InvokedViaFunctionUrl"),
)


async def _statement(doing: Doing) -> str:
    return f"{doing.stack[:40]}-{doing.logical[:40]}-{doing.token}"


async def _create_permission(doing: Doing) -> Made:
    id = await _statement(doing)
    function, qualifier = _qualified(str(doing.want["FunctionName"]))
    await doing.call(
        "lambda",
        "AddPermission",
        FunctionName=function,
        Qualifier=qualifier,
        StatementId=id,
        **pick(doing.want, *_PERMISSION),
    )
    return Made(id=id, attributes={"Id": id})


def _qualified(said: str) -> tuple[str, str | None]:
    """Take a version or an alias off a function's name or ARN.

    >>> _qualified("arn:aws:lambda:us-east-1:000000000000:function:f:live")
    ('arn:aws:lambda:us-east-1:000000000000:function:f', 'live')
    """
    count = 7 if said.startswith("arn:") else 1
    parts = said.split(":")
    return ":".join(parts[:count]), parts[count] if len(parts) > count else None


async def _delete_permission(doing: Doing) -> None:
    function, qualifier = _qualified(str(doing.want["FunctionName"]))
    await doing.forget(
        "lambda",
        "RemovePermission",
        FunctionName=function,
        Qualifier=qualifier,
        StatementId=doing.id,
    )


async def _put_url(doing: Doing, operation: str) -> Made:
    function, qualifier = _qualified(str(doing.want["TargetFunctionArn"]))
    found = await doing.call(
        "lambda",
        operation,
        FunctionName=function,
        Qualifier=doing.want.get("Qualifier") or qualifier,
        **pick(doing.want, "AuthType", "Cors", "InvokeMode"),
    )
    arn = str(found["FunctionArn"])
    return Made(id=arn, attributes={"FunctionArn": arn, "FunctionUrl": found["FunctionUrl"]})


async def _find_url(doing: Doing) -> str:
    """A function, or one of its aliases, has one address at most."""
    return str(doing.want["TargetFunctionArn"])


async def _create_url(doing: Doing) -> Made:
    return await _put_url(doing, "CreateFunctionUrlConfig")


async def _update_url(doing: Doing) -> Made:
    return await _put_url(doing, "UpdateFunctionUrlConfig")


async def _delete_url(doing: Doing) -> None:
    function, qualifier = _qualified(str(doing.want["TargetFunctionArn"]))
    await doing.forget(
        "lambda",
        "DeleteFunctionUrlConfig",
        FunctionName=function,
        Qualifier=doing.want.get("Qualifier") or qualifier,
    )


KINDS = (
    Kind(
        type="AWS::Lambda::Function",
        create=_create_function,
        update=_update_function,
        delete=_delete_function,
        takes=frozenset({"FunctionName", "Code", "Tags", *_AT_CREATION, *_EXTRA, "KmsKeyArn"}),
        replaced=frozenset({"FunctionName", "PackageType"}),
        named="FunctionName",
        find=_find_function,
    ),
    Kind(
        type="AWS::Lambda::Version",
        create=_create_version,
        delete=_delete_version,
        takes=frozenset(
            {"FunctionName", "Description", "CodeSha256", "ProvisionedConcurrencyConfig"}
        ),
    ),
    Kind(
        type="AWS::Lambda::Alias",
        create=_create_alias,
        update=_update_alias,
        delete=_delete_alias,
        takes=frozenset({*_ALIAS, "RoutingConfig", "ProvisionedConcurrencyConfig"}),
        replaced=frozenset({"FunctionName", "Name"}),
        find=_find_alias,
    ),
    Kind(
        type="AWS::Lambda::Permission",
        create=_create_permission,
        delete=_delete_permission,
        takes=frozenset({"FunctionName", *_PERMISSION}),
        find=_statement,
    ),
    Kind(
        type="AWS::Lambda::Url",
        create=_create_url,
        update=_update_url,
        delete=_delete_url,
        takes=frozenset({"TargetFunctionArn", "Qualifier", "AuthType", "Cors", "InvokeMode"}),
        replaced=frozenset({"TargetFunctionArn", "Qualifier"}),
        find=_find_url,
    ),
)
