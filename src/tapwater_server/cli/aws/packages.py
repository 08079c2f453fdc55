"""Which resources of a template bring code along, and from where. Pure but for looking at files."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tapwater_server.cli.aws.counting import resources_of
from tapwater_server.cli.aws.project import Package, Shape
from tapwater_server.cli.aws.reading import Document
from tapwater_server.cli.failures import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where a type of resource keeps its code."""

    property: str
    shape: Shape
    layer: bool = False
    required: bool = False  # without one, the folder of the template is meant


_PLACES: Mapping[str, _Place] = {
    "AWS::Serverless::Function": _Place(property="CodeUri", shape=Shape.SAM, required=True),
    "AWS::Serverless::LayerVersion": _Place(property="ContentUri", shape=Shape.SAM, layer=True),
    "AWS::Lambda::Function": _Place(property="Code", shape=Shape.PLAIN),
    "AWS::Lambda::LayerVersion": _Place(property="Content", shape=Shape.PLAIN, layer=True),
}
_REFUSED_BUILDS = {
    "makefile": "BuildMethod makefile: run make yourself and let CodeUri name what it made",
    "esbuild": "BuildMethod esbuild: bundle it yourself and let CodeUri name the result",
}
_HANDLER_ENDS = {
    "python": (".py", "/__init__.py", ".so"),
    "nodejs": (".js", ".mjs", ".cjs", "/index.js"),
}


def packages_of(template: Mapping[str, Any], folder: Path, document: Document) -> Iterator[Package]:
    """Give what of a template is to be packed; what lies in S3 or in the template is there."""
    for name, resource in resources_of(template).items():
        place = _PLACES.get(str(resource.get("Type", "")))
        properties = resource.get("Properties")
        if place is None or not isinstance(properties, Mapping):
            continue
        said = _said(template, properties, place)
        if said is None:
            continue
        runtime = _default(template, properties, "Runtime")
        handler = _default(template, properties, "Handler")
        yield Package(
            resource=name,
            property=place.property,
            shape=place.shape,
            source=(folder / said).resolve(),
            runtime=runtime if isinstance(runtime, str) else "",
            handler=handler if isinstance(handler, str) and not place.layer else "",
            layer=place.layer,
            build=_build(resource),
            where=document.where("Resources", name, "Properties", place.property),
            # A handler may come from a layer: tools that watch functions do that.
            checked=not _default(template, properties, "Layers"),
        )


def _said(template: Mapping[str, Any], properties: Mapping[str, Any], place: _Place) -> str | None:
    if "InlineCode" in properties or _default(template, properties, "PackageType") == "Image":
        return None
    said = _default(template, properties, place.property)
    if said is None and place.required:
        return "."
    if not isinstance(said, str) or said.startswith(("s3://", "https://")):
        return None
    return said


def _default(template: Mapping[str, Any], properties: Mapping[str, Any], name: str) -> Any:
    """Read a property; of SAM's functions the Globals count too."""
    if name in properties:
        return properties[name]
    every = template.get("Globals")
    functions = every.get("Function") if isinstance(every, Mapping) else None
    return functions.get(name) if isinstance(functions, Mapping) else None


def _build(resource: Mapping[str, Any]) -> str:
    metadata = resource.get("Metadata")
    return str(metadata.get("BuildMethod") or "") if isinstance(metadata, Mapping) else ""


def check(package: Package) -> Problem | None:
    """Say what keeps a package from being built, before anything is done."""
    wrong = _wrong_build(package) or _wrong_source(package) or _wrong_handler(package)
    return Problem(where=package.where, what=f"{package.resource}: {wrong}") if wrong else None


def _wrong_build(package: Package) -> str:
    method = package.build
    if not method or method.startswith(("python", "nodejs")):
        return ""
    return _REFUSED_BUILDS.get(
        method, f"BuildMethod {method} is not carried out here: build it, and name the result"
    )


def _wrong_source(package: Package) -> str:
    shown = package.source.name
    if not package.source.exists():
        return f"there is no folder or file {shown!r} for its {package.property}"
    if package.source.is_file() and package.source.suffix not in {".zip", ".jar"}:
        return f"{shown} is neither a folder nor a .zip file"
    return ""


def _wrong_handler(package: Package) -> str:
    if not package.checked or package.source.is_file():
        return ""
    if package.runtime.startswith("provided"):
        if (package.source / "bootstrap").is_file():
            return ""
        return f"its runtime {package.runtime} needs a file 'bootstrap' in its code"
    ends = next((v for k, v in _HANDLER_ENDS.items() if package.runtime.startswith(k)), None)
    if ends is None or not package.handler:
        return ""
    module, dot, _ = package.handler.rpartition(".")
    if not dot:
        return f"the handler {package.handler!r} is not written as FILE.FUNCTION"
    stem = module.replace(".", "/") if package.runtime.startswith("python") else module
    if any((package.source / f"{stem}{end}").is_file() for end in ends):
        return ""
    if (package.source / f"{stem}.ts").is_file():
        return f"{stem}.ts is TypeScript: build it, and deploy the result"
    return f"the handler {package.handler!r} needs a file {stem}{ends[0]} in its code"


def placed(
    template: Mapping[str, Any],
    places: Mapping[str, tuple[str, str]],
    packages: tuple[Package, ...],
) -> dict[str, Any]:
    """Write into a template where its code is now: bucket and key by resource."""
    resources = dict(template["Resources"])
    for package in packages:
        bucket, key = places[package.resource]
        code = (
            {"Bucket": bucket, "Key": key}
            if package.shape is Shape.SAM
            else {"S3Bucket": bucket, "S3Key": key}
        )
        resource = resources[package.resource]
        properties = {**resource.get("Properties", {}), package.property: code}
        resources[package.resource] = {**resource, "Properties": properties}
    return {**template, "Resources": resources}
