"""Opens a folder with a serverless.yml: reads it, fills in its variables, converts it."""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from tapwater_server.cli.aws.packages import check, packages_of
from tapwater_server.cli.aws.project import AwsProject, Kind, Package
from tapwater_server.cli.aws.reading import TEXT_BYTES_MAX, Document, read_document
from tapwater_server.cli.aws.serverless.converting import Template, convert_service
from tapwater_server.cli.aws.serverless.names import function_id, layer_id
from tapwater_server.cli.aws.serverless.outside import Ask, look_outside
from tapwater_server.cli.aws.serverless.variables import Missing, Resolver
from tapwater_server.cli.aws.unsupported import unsupported
from tapwater_server.cli.failures import CommandFailed, Problem

_DOTENV = "serverless-dotenv-plugin"  # gives all functions what useDotenv gives variables
_DATA = (".yml", ".yaml", ".json")


def open_serverless(
    file: Path,
    *,
    name: str | None,
    stage: str | None,
    parameters: Mapping[str, str],
    account: str = "000000000000",
    region: str = "us-east-1",
    ask: Ask | None = None,
) -> AwsProject:
    """Read the project.

    Raises:
        CommandFailed: it cannot be read.
    """
    document = read_document(file, file.name)
    if not isinstance(document.value, Mapping) or "service" not in document.value:
        raise CommandFailed(f"{file.name} names no service", code="invalid")
    options = {**parameters, **({"stage": stage} if stage else {})}
    extra = _dotenv(file.parent, document.value, stage or "dev")
    resolver = Resolver(
        service=document.value,
        options=options,
        environment={**extra, **os.environ},
        outside=partial(look_outside, ask) if ask else None,
        read=lambda beside: _read(file.parent, beside),
        account=account,
        region=region,
    )
    service = resolver.resolve(document.value)
    if _DOTENV in (service.get("plugins") or ()):
        _give(service, extra)
    converted = convert_service(service, stage=resolver.stage())
    packages = tuple(_packages(converted, service, file.parent, document))
    wrong = list(converted.problems)
    if converted.template["Resources"]:  # Else it is for another cloud, with other variables.
        wrong = [*resolver.problems, *wrong]
    return AwsProject(
        kind=Kind.SERVERLESS,
        name=name or converted.stack,
        folder=file.parent,
        document=document,
        template=converted.template,
        stack=name or converted.stack,
        packages=packages,
        notes=converted.notes,
        notified=converted.notified,
        problems=(
            *(Problem(where=document.where(*path), what=what) for path, what in wrong),
            *unsupported(converted.template, Document(name=file.name, value=None)),
            *(one for package in packages if (one := check(package)) is not None),
        ),
    )


def _packages(
    converted: Template, service: Mapping[str, Any], folder: Path, document: Document
) -> Iterator[Package]:
    """Give what is to be packed, with the patterns of the whole service and of each function."""
    whole = service.get("package") or {}
    functions, layers = service.get("functions") or {}, service.get("layers") or {}
    keys = {function_id(key): ("functions", key, one) for key, one in _pairs(functions)}
    keys |= {layer_id(key): ("layers", key, one) for key, one in _pairs(layers)}
    for package in packages_of(converted.template, folder, document):
        if package.resource not in keys:
            yield package
            continue
        place, key, said = keys[package.resource]
        own = said.get("package") or {} if isinstance(said, Mapping) else {}
        artifact = own.get("artifact") or whole.get("artifact")
        source = package.source
        if artifact and place == "functions":
            source = (folder / str(artifact)).resolve()
        above = () if place == "layers" else (*_OWN_FILES, *_patterns(whole))
        yield replace(
            package,
            source=source,
            patterns=(*above, *_patterns(own)),
            where=document.where(place, key, "handler"),
        )


_OWN_FILES = ("!serverless.yml", "!serverless.yaml", "!serverless.json", "!.env*")


def _patterns(said: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"!{one}" for one in said.get("exclude") or ())
    yield from (str(one) for one in said.get("include") or ())
    yield from (str(one) for one in said.get("patterns") or ())


def _pairs(said: Any) -> Iterator[tuple[str, Any]]:
    for part in said if isinstance(said, list) else [said]:
        if isinstance(part, Mapping):
            yield from part.items()


def _dotenv(folder: Path, service: Mapping[str, Any], stage: str) -> Mapping[str, str]:
    """Read the .env files of a folder, if the service wants them; the stage's own win."""
    if not service.get("useDotenv") and _DOTENV not in (service.get("plugins") or ()):
        return {}
    found: dict[str, str] = {}
    for name in (".env", f".env.{stage}", ".env.local", f".env.{stage}.local"):
        file = folder / name
        if file.is_file():
            found.update(_pairs_of(file.read_text(errors="replace")))
    return found


def _pairs_of(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        key, mark, value = line.strip().removeprefix("export ").partition("=")
        if mark and not key.startswith("#"):
            yield key.strip(), value.strip().strip("'\"")


def _give(service: dict[str, Any], variables: Mapping[str, str]) -> None:
    """Let all functions have them; what the provider says itself wins."""
    provider = service.get("provider")
    if isinstance(provider, dict):
        provider["environment"] = {**variables, **(provider.get("environment") or {})}


def _read(folder: Path, name: str) -> Any:
    """Read a file that a variable names; None: it is not there, and the default counts."""
    file = (folder / name).resolve()
    if file.suffix in (".js", ".ts", ".mjs", ".cjs"):
        raise Missing(f"file({name}) is a program; only YAML, JSON and texts are read")
    if not file.is_file():
        return None
    if file.suffix == ".json":
        try:
            return json.loads(file.read_bytes()[:TEXT_BYTES_MAX])
        except ValueError as error:
            raise CommandFailed(f"{name} is not JSON: {error}", code="invalid") from error
    if file.suffix in _DATA:
        return read_document(file, name).value
    return file.read_bytes()[:TEXT_BYTES_MAX].decode(errors="replace")
