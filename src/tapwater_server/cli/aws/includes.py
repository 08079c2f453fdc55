"""Puts what a template names by file into it: definitions of APIs lie beside it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tapwater_server.cli.aws.counting import resources_of
from tapwater_server.cli.aws.reading import Document, read_document
from tapwater_server.cli.failures import CommandFailed, Problem

# Which property names a file, and which takes its content.
_FILES: Mapping[str, tuple[str, str]] = {
    "AWS::Serverless::Api": ("DefinitionUri", "DefinitionBody"),
    "AWS::Serverless::HttpApi": ("DefinitionUri", "DefinitionBody"),
    "AWS::ApiGateway::RestApi": ("BodyS3Location", "Body"),
    "AWS::ApiGatewayV2::Api": ("BodyS3Location", "Body"),
}


def included(document: Document, folder: Path) -> tuple[dict[str, Any], list[Problem]]:
    """Give the template with those files in it, and what keeps them from being there."""
    template: dict[str, Any] = dict(document.value)
    resources, problems = dict(template["Resources"]), []
    for name, resource in resources_of(template).items():
        pair = _FILES.get(str(resource.get("Type", "")))
        properties = resource.get("Properties")
        if pair is None or not isinstance(properties, Mapping):
            continue
        said, body = properties.get(pair[0]), None
        if not isinstance(said, str) or said.startswith("s3://"):
            continue
        try:
            body = read_document(folder / said, said).value
        except CommandFailed as error:
            where = document.where("Resources", name, "Properties", pair[0])
            problems.append(Problem(where=where, what=f"{name}: {error.message}"))
        rest = {key: value for key, value in properties.items() if key != pair[0]}
        resources[name] = {**resource, "Properties": {**rest, pair[1]: body}}
    return {**template, "Resources": resources}, problems
