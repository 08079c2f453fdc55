"""What clients see of functions, versions and aliases. Pure."""

import base64
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from tapwater_server.clouds.aws.account import Account
from tapwater_server.clouds.aws.lambda_ import records
from tapwater_server.clouds.aws.lambda_.names import LATEST, function_arn
from tapwater_server.clouds.aws.lambda_.records import Function, Version

Json = dict[str, Any]


def show_configuration(
    account: Account, function: Function, version: Version, *, qualified: bool = False
) -> Json:
    """Make a FunctionConfiguration. ``qualified``: the ARN names the version."""
    config = version.config
    named = "" if version.number == LATEST and not qualified else version.number
    shown: Json = {
        **{name: value for name, value in config.items() if name not in _SHAPED},
        "FunctionName": function.name,
        "FunctionArn": function_arn(account, function.name, named),
        "CodeSize": version.code.size,
        "CodeSha256": shown_digest(version.code.zip),
        "LastModified": shown_time(version.modified_at),
        "Version": version.number,
        "RevisionId": version.id,
        **_states(function, version),
        "RuntimeVersionConfig": {
            "RuntimeVersionArn": f"arn:aws:lambda:{account.region}::runtime:"
            + f"{version.code.zip[:64]:0<64}"
        },
    }
    snap = config["SnapStart"]["ApplyOn"]
    on = snap == "PublishedVersions" and version.number != LATEST
    shown["SnapStart"] = {"ApplyOn": snap, "OptimizationStatus": "On" if on else "Off"}
    shown["LoggingConfig"] = _logging(function.name, config)
    if config.get("Layers"):
        shown["Layers"] = [{"Arn": arn, "CodeSize": 0} for arn in config["Layers"]]
    if config.get("VpcConfig"):
        shown["VpcConfig"] = {"SubnetIds": [], "SecurityGroupIds": [], **config["VpcConfig"]}
        shown["VpcConfig"]["VpcId"] = "vpc-0" if shown["VpcConfig"]["SubnetIds"] else ""
    return shown


_SHAPED = frozenset({"Layers", "LoggingConfig", "SnapStart", "VpcConfig"})


def _states(function: Function, version: Version) -> Json:
    if version.number != LATEST:
        return {"State": "Active", "LastUpdateStatus": "Successful"}
    shown: Json = {"State": function.state, "LastUpdateStatus": function.update}
    if function.state == records.PENDING:
        shown["StateReason"] = "The function is being created."
        shown["StateReasonCode"] = "Creating"
        shown["LastUpdateStatus"] = records.IN_PROGRESS
    elif function.state == records.FAILED:
        shown["StateReason"] = function.state_reason
        shown["StateReasonCode"] = "InternalError"
    elif version.warning:
        shown["StateReason"] = version.warning
    if function.update == records.IN_PROGRESS:
        shown["LastUpdateStatusReason"] = "The function is being created."
        shown["LastUpdateStatusReasonCode"] = "Creating"
    elif function.update_reason:
        shown["LastUpdateStatusReason"] = function.update_reason
        shown["LastUpdateStatusReasonCode"] = "InternalError"
    return shown


def _logging(name: str, config: Mapping[str, Any]) -> Json:
    said = dict(config.get("LoggingConfig") or {})
    shown: Json = {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{name}", **said}
    if shown["LogFormat"] == "JSON":
        shown = {"ApplicationLogLevel": "INFO", "SystemLogLevel": "INFO", **shown}
    return shown


def show_alias(account: Account, name: str, alias: records.Alias) -> Json:
    """Make an AliasConfiguration."""
    shown: Json = {
        "AliasArn": function_arn(account, name, alias.name),
        "Name": alias.name,
        "FunctionVersion": alias.version,
        "Description": alias.description,
        "RevisionId": alias.id,
    }
    if alias.weights:
        shown["RoutingConfig"] = {"AdditionalVersionWeights": dict(alias.weights)}
    return shown


def shown_digest(digest: str) -> str:
    """Write a sha256 as AWS shows it.

    >>> shown_digest("00ff")
    'AP8='
    """
    return base64.b64encode(bytes.fromhex(digest)).decode("ascii")


def shown_time(at: float) -> str:
    """Write a moment.

    >>> shown_time(0.5)
    '1970-01-01T00:00:00.500+0000'
    """
    when = datetime.fromtimestamp(at, UTC)
    return f"{when:%Y-%m-%dT%H:%M:%S}.{when.microsecond // 1000:03d}+0000"
