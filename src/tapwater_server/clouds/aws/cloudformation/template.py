"""Templates as they are written, JSON or YAML with short tags, as plain values. Pure."""

import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from tapwater_server.clouds.aws.cloudformation.troubles import Refused

TEMPLATE_BYTES_MAX = 1_000_000
BODY_BYTES_MAX = 51_200  # Of one that comes with the request.
NODES_MAX = 200_000  # Of one whose anchors are followed.
RESOURCES_MAX = 500
_TOP = frozenset(
    {
        *("AWSTemplateFormatVersion", "Description", "Metadata", "Parameters", "Mappings"),
        *("Conditions", "Transform", "Resources", "Outputs", "Rules", "Hooks", "Globals"),
    }
)
_NAME = re.compile(r"[A-Za-z0-9]{1,255}")
Template = Mapping[str, Any]


def read_template(text: str) -> dict[str, Any]:
    """Read a template.

    >>> read_template("Resources: {A: {Type: T, Properties: {P: !GetAtt B.Arn}}}")["Resources"]
    {'A': {'Type': 'T', 'Properties': {'P': {'Fn::GetAtt': ['B', 'Arn']}}}}

    Raises:
        Refused: it is none.
    """
    if len(text) > TEMPLATE_BYTES_MAX:
        raise Refused(f"Template may not exceed {TEMPLATE_BYTES_MAX} bytes in size.")
    try:
        found = json.loads(text) if text.lstrip()[:1] == "{" else None
    except (ValueError, RecursionError):
        found = None  # YAML may begin with a brace too.
    if found is None:
        found = _read_yaml(text)
    if not isinstance(found, dict):
        raise Refused("Template format error: unsupported structure.")
    _check_size(found)
    check_template(found)
    return found


def check_template(template: Template) -> None:
    """Refuse what cannot be a template, whatever is in it.

    Raises:
        Refused: it is none.
    """
    strange = sorted(map(str, template.keys() - _TOP))
    if strange:
        raise Refused(f"Invalid template property or properties [{', '.join(strange)}]")
    version = template.get("AWSTemplateFormatVersion", "2010-09-09")
    if str(version) != "2010-09-09":
        raise Refused(f"Template format error: {version} is not a supported value.")
    for section in ("Parameters", "Mappings", "Conditions", "Resources", "Outputs", "Rules"):
        if not isinstance(template.get(section) or {}, dict):
            raise Refused(f"Template format error: {section} must be an object.")
    resources = template.get("Resources")
    if not resources:
        raise Refused("Template format error: At least one Resources member must be defined.")
    if len(resources) > RESOURCES_MAX:
        raise Refused(f"Template format error: more than {RESOURCES_MAX} resources.")
    for name, resource in resources.items():
        _check_resource(name, resource)


def _check_resource(name: object, resource: object) -> None:
    if str(name).startswith("Fn::ForEach"):
        return  # A loop of AWS::LanguageExtensions.
    if not isinstance(name, str) or _NAME.fullmatch(name) is None:
        raise Refused(f"Template format error: Resource name {name} is non alphanumeric.")
    where = f"Template format error: [/Resources/{name}]"
    if not isinstance(resource, dict):
        raise Refused(f"{where} Every Resources member must be an object.")
    if not isinstance(resource.get("Type"), str):
        raise Refused(f"{where} Every Resources object must contain a Type member.")
    if not isinstance(resource.get("Properties") or {}, dict):
        raise Refused(f"{where} Properties must be an object.")


def _read_yaml(text: str) -> Any:
    import yaml

    try:
        return yaml.load(text, Loader=_loader())  # A safe one.
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1}, column {mark.column + 1})" if mark is not None else ""
        says = getattr(error, "problem", None) or "it cannot be read"
        raise Refused(f"Template format error: YAML not well-formed: {says}{where}") from error


@cache
def _loader() -> Any:
    """A safe loader that knows the short tags, and leaves dates the texts they are."""
    import yaml

    class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
        pass

    Loader.yaml_implicit_resolvers = {
        first: [(tag, known) for tag, known in resolvers if not tag.endswith(":timestamp")]
        for first, resolvers in Loader.yaml_implicit_resolvers.items()
    }

    def short(loader: Any, tag: str, node: Any) -> dict[str, Any]:
        if isinstance(node, yaml.ScalarNode):
            value: Any = node.value
        elif isinstance(node, yaml.SequenceNode):
            value = loader.construct_sequence(node, deep=True)
        else:
            value = loader.construct_mapping(node, deep=True)
        return _long(tag, value)

    Loader.add_multi_constructor("!", short)
    return Loader


def _long(tag: str, value: Any) -> dict[str, Any]:
    """Write a short tag out.

    >>> _long("Sub", "${A}")
    {'Fn::Sub': '${A}'}
    """
    if tag in ("Ref", "Condition"):
        return {tag: value}
    if tag == "GetAtt" and isinstance(value, str):
        return {"Fn::GetAtt": value.split(".", 1)}
    return {f"Fn::{tag}": value}


def _check_size(root: object) -> None:
    """Refuse what is small as text but huge when its anchors are followed, or holds itself."""
    sizes: dict[int, int] = {}
    open_now: set[int] = set()

    def size(node: object) -> int:
        if not isinstance(node, dict | list):
            return 1
        key = id(node)
        if key in open_now:
            raise Refused("Template format error: an anchor holds itself.")
        if key not in sizes:
            open_now.add(key)
            parts = node.values() if isinstance(node, dict) else node
            sizes[key] = 1 + sum(map(size, parts))
            open_now.discard(key)
        return sizes[key]

    try:
        if size(root) > NODES_MAX:
            raise Refused(f"Template format error: more than {NODES_MAX} values.")
    except RecursionError as error:
        raise Refused("Template format error: it is nested too deeply.") from error
