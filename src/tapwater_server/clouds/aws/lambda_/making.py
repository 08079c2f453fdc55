"""A version of a Lambda function as a revision of ours. Pure."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from tapwater_server.clouds.aws.account import Account
from tapwater_server.clouds.aws.lambda_ import records
from tapwater_server.clouds.aws.lambda_.names import LATEST, function_arn, pinned
from tapwater_server.clouds.aws.lambda_.refusals import invalid
from tapwater_server.clouds.aws.lambda_.runtimes import Chosen
from tapwater_server.model.function import Function, FunctionLimits, Kind, Style
from tapwater_server.model.ids import AppId, FunctionId
from tapwater_server.ports.releases import Release

OPENING = "START RequestId: {lambda-request-id} Version: {lambda-version}"
HANDLER = "handler"  # What the one function of such an app is called.
MARK = "lambda"  # The revision's setting that says whose it is.
VCPU_MB = 1769  # Of memory bring one core, says AWS.
INSTANCES_MAX = 1_000  # An account's concurrency there.
PIDS_MAX = 1_024
EGRESS_TAG, FREEZE_TAG = "tapwater:egress", "tapwater:freeze"
TAGS = (EGRESS_TAG, FREEZE_TAG)  # Those that make another revision.
_EGRESS = re.compile(r"all|[A-Za-z0-9*.-]{1,253}:[0-9]{1,5}")


def release_of(
    account: Account, function: records.Function, version: records.Version, chosen: Chosen
) -> Release:
    """Say what is to be released."""
    app = AppId(function.app)
    config, tags = version.config, function.tags
    made = Function(
        id=FunctionId(app, HANDLER),
        kind=Kind.REACTIVE,
        style=Style.FOREIGN,
        file="",
        group="",
        limits=limits_of(config, tags, instances_min=version.instances_min),
        egress=read_egress(tags.get(EGRESS_TAG, "")),
        environment=dict((config.get("Environment") or {}).get("Variables") or {}),
        description=str(config.get("Description", "")),
        foreign=foreign_of(account, function.name, version),
    )
    return Release(
        app=app,
        functions=(made,),
        bundle=version.code.bundle,
        layer=version.code.layer,
        python=chosen.python,
        aliases=("live",) if version.number == LATEST else (pinned(version.number),),
        settings={MARK: {"space": account.space, "name": function.name, "version": version.number}},
        note=f"{function.name} {version.number}",
    )


def limits_of(
    config: Mapping[str, Any], tags: Mapping[str, str], *, instances_min: int = 0
) -> FunctionLimits:
    """Translate memory, time and storage.

    A core at least: with the thirteenth part of one that 128 MB bring on AWS, nothing would start
    as fast as here.
    """
    memory_mb = int(config["MemorySize"])
    return FunctionLimits(
        memory_bytes=memory_mb << 20,
        timeout_s=float(config["Timeout"]),
        concurrency=1,
        instances_min=instances_min,
        instances_max=max(INSTANCES_MAX, instances_min),
        cpu_share=max(1.0, memory_mb / VCPU_MB),
        pids_max=PIDS_MAX,
        tmp_bytes=int(config["EphemeralStorage"]["Size"]) << 20,
        freeze=tags.get(FREEZE_TAG, "") == "true",
    )


def read_egress(text: str) -> tuple[str, ...]:
    """Read where a function may connect to besides the AWS interface.

    >>> read_egress("api.stripe.com:443, db.example:5432")
    ('api.stripe.com:443', 'db.example:5432')

    Raises:
        AwsError: it cannot be read.
    """
    wanted = tuple(filter(None, re.split(r"[\s,]+", text)))
    wrong = [one for one in wanted if not _EGRESS.fullmatch(one)]
    if wrong:
        raise invalid(
            f"The tag {EGRESS_TAG} lists host:port, or is all; {wrong[0][:80]!r} is neither"
        )
    return ("all",) if "all" in wanted else wanted


def foreign_of(account: Account, name: str, version: records.Version) -> Mapping[str, Any]:
    """Say what the guest is told: see tapwater/clouds/aws."""
    config = version.config
    logging = config.get("LoggingConfig") or {}
    day = datetime.fromtimestamp(version.modified_at, UTC)
    told = {
        "cloud": "aws",
        "runtime": config["Runtime"],
        "handler": config["Handler"],
        "name": name,
        "version": version.number,
        "arn": function_arn(account, name),
        "account": account.id,
        "region": account.region,
        "home": account.home,
        "role": config.get("Role", ""),
        "memory_mb": config["MemorySize"],
        "timeout_s": config["Timeout"],
        "log_group": logging.get("LogGroup") or f"/aws/lambda/{name}",
        "log_stream": f"{day:%Y/%m/%d}/[{version.number}]{version.id.replace('-', '')}",
        "init": _init(version),
        "layers": bool(version.code.layer),
    }
    said = {
        "log_format": logging.get("LogFormat"),
        "log_level": logging.get("ApplicationLogLevel"),
        "system_level": logging.get("SystemLogLevel"),
    }
    if logging.get("LogFormat") != "JSON" and logging.get("SystemLogLevel") != "OFF":
        said["opening"] = OPENING
    return {**told, **{member: value for member, value in said.items() if value}}


def _init(version: records.Version) -> str:
    snap = (version.config.get("SnapStart") or {}).get("ApplyOn") == "PublishedVersions"
    if snap and version.number != LATEST:
        return "snap-start"
    return "provisioned-concurrency" if version.instances_min else "on-demand"


def fingerprint(version: records.Version) -> str:
    """Tell apart what would be another version: code and configuration."""
    return json.dumps([version.code.zip, version.config], sort_keys=True)
