"""Reads a SAM or CloudFormation template, with what samconfig.toml says about deploying it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tapwater_server.cli.aws.counting import resources_of
from tapwater_server.cli.aws.includes import included
from tapwater_server.cli.aws.packages import check, packages_of
from tapwater_server.cli.aws.project import AwsProject, Kind
from tapwater_server.cli.aws.reading import Document, read_document
from tapwater_server.cli.aws.samconfig import SamConfig, read_samconfig
from tapwater_server.cli.aws.unsupported import parameters_missing, unsupported
from tapwater_server.cli.failures import CommandFailed, Problem
from tapwater_server.cli.project import normalised

_SAM = "AWS::Serverless-2016-10-31"
_TRANSFORMS = (_SAM, "AWS::LanguageExtensions", "AWS::Include")


def open_sam(
    file: Path, *, name: str | None, parameters: Mapping[str, str], environment: str = "default"
) -> AwsProject:
    """Read the project of a template.

    Raises:
        CommandFailed: it cannot be read, or is no template.
    """
    folder = file.parent
    config = read_samconfig(folder, environment)
    document = read_document(file, file.name)
    value = document.value
    if not isinstance(value, Mapping) or not resources_of(value):
        raise CommandFailed(
            f"{file.name} has no Resources: it is no template of CloudFormation or SAM",
            code="invalid",
        )
    return project_of(document, folder=folder, config=config, name=name, parameters=parameters)


def project_of(
    document: Document,
    *,
    folder: Path,
    config: SamConfig,
    name: str | None,
    parameters: Mapping[str, str],
) -> AwsProject:
    """Make a project of a template that was read."""
    template, problems = included(document, folder)
    given = {**_known(config.parameters, template), **parameters}
    packages = tuple(packages_of(template, folder, document))
    wrong = [
        *problems,
        *_transforms(template, document),
        *unsupported(template, document),
        *(one for package in packages if (one := check(package)) is not None),
        *parameters_missing(template, given, document),
    ]
    kind = Kind.SAM if _is_sam(template) else Kind.CLOUDFORMATION
    called = name or config.stack or normalised(folder.resolve().name) or "stack"
    return AwsProject(
        kind=kind,
        name=called,
        folder=folder,
        document=document,
        template=template,
        stack=called,
        packages=packages,
        parameters=given,
        problems=tuple(wrong),
    )


def _known(parameters: Mapping[str, str], template: Mapping[str, Any]) -> dict[str, str]:
    """Of samconfig's only what the template still has: SAM is as lenient."""
    declared = template.get("Parameters")
    declared = declared if isinstance(declared, Mapping) else {}
    return {name: value for name, value in parameters.items() if name in declared}


def _is_sam(template: Mapping[str, Any]) -> bool:
    kinds = (str(one.get("Type", "")) for one in resources_of(template).values())
    return _SAM in transforms(template) or any(k.startswith("AWS::Serverless::") for k in kinds)


def transforms(template: Mapping[str, Any]) -> list[str]:
    """Name the transforms of a template; there may be one, several or none.

    >>> transforms({"Transform": "AWS::Serverless-2016-10-31"})
    ['AWS::Serverless-2016-10-31']
    """
    said = template.get("Transform")
    many = said if isinstance(said, list) else [said]
    return [str(one) for one in many if isinstance(one, str)]


def _transforms(template: Mapping[str, Any], document: Document) -> list[Problem]:
    where = document.where("Transform")
    return [
        Problem(where=where, what=f"the transform {one} is a macro that is not here")
        for one in transforms(template)
        if one not in _TRANSFORMS
    ]
