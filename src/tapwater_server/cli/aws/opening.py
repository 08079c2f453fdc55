"""Opens a project for AWS, whichever tool's it is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tapwater_server.cli.aws.client import Aws
from tapwater_server.cli.aws.project import AwsProject, Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """How a project is to be deployed."""

    name: str | None = None  # of the stack, instead of its own
    stage: str | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)


def open_aws(
    kind: Kind, file: Path, scratch: Path, asked: Asked, *, aws: Aws, account: str
) -> AwsProject:
    """Read the project of ``file``; to be called in a thread, it may take a while.

    Raises:
        CommandFailed: it cannot be read.
    """
    name, stage, parameters = asked.name, asked.stage, asked.parameters
    if kind is Kind.CHALICE:
        from tapwater_server.cli.aws.chalice import open_chalice

        return open_chalice(file, scratch, name=name, stage=stage, parameters=parameters)
    if kind is Kind.SERVERLESS:
        from tapwater_server.cli.aws.serverless.opening import open_serverless

        return open_serverless(
            file,
            name=name,
            stage=stage,
            parameters=parameters,
            account=account,
            region=aws.keys.region,
            ask=aws.ask_here,
        )
    from tapwater_server.cli.aws.sam import open_sam

    return open_sam(file, name=name, parameters=parameters, environment=stage or "default")
