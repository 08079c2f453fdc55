"""A project for AWS, whoever's tool it was written for: one template, and packages to build."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from tapwater_server.cli.aws.reading import Document
from tapwater_server.cli.failures import Problem


class Kind(StrEnum):
    """For which tool a project was written; the word that a person is told."""

    SAM = "SAM"
    CLOUDFORMATION = "CloudFormation"
    CHALICE = "Chalice"
    SERVERLESS = "Serverless"


class Shape(StrEnum):
    """How a resource names its code once that is uploaded."""

    SAM = "sam"  # {"Bucket", "Key"}
    PLAIN = "plain"  # {"S3Bucket", "S3Key"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """Code that lies in a folder, or in a file packed already, and belongs to one resource."""

    resource: str  # its logical id
    property: str  # "CodeUri", "Code", "ContentUri", "Content"
    shape: Shape
    source: Path
    runtime: str = ""  # "python3.12", "nodejs22.x", "provided.al2023"; "": not said
    handler: str = ""  # "": of a layer, or not to be known yet
    layer: bool = False
    build: str = ""  # the BuildMethod of its Metadata
    patterns: tuple[str, ...] = ()  # of serverless.yml, the later one wins
    where: str = ""  # "template.yaml:12"
    checked: bool = True  # whether the handler's file must be in the source


@dataclass(frozen=True, slots=True, kw_only=True)
class Notified:
    """A bucket that belongs to nobody's stack, and the function that shall hear of its objects."""

    bucket: str
    function: str  # its logical id
    said: Mapping[str, Any]  # Events and Filter, as S3 takes them


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsProject:
    """What a folder holds: a template in JSON's values, and what is to be packed for it."""

    kind: Kind
    name: str
    folder: Path
    document: Document  # what a person wrote, for places
    template: Mapping[str, Any]
    stack: str
    packages: tuple[Package, ...] = ()
    parameters: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()  # what is understood, and does nothing here
    notified: tuple[Notified, ...] = ()  # set once the stack is there
    problems: tuple[Problem, ...] = ()  # what is not supported, or wrong: nothing is deployed

    @property
    def resources(self) -> Mapping[str, Any]:
        """The resources of the template that can be told."""
        found = self.template.get("Resources")
        return found if isinstance(found, Mapping) else {}

    def where(self, resource: str) -> str:
        """Say where a resource stands, in the file that a person wrote."""
        if self.kind in (Kind.SAM, Kind.CLOUDFORMATION):
            return self.document.where("Resources", resource)
        return self.document.name
