"""CloudFormation's short tags (``!Ref``, ``!Sub``, ``!GetAtt``) as the long forms they mean."""

from typing import Any

_PLAIN = {"Ref": "Ref", "Condition": "Condition"}


def loader_of(text: str) -> Any:
    """Make the reader of one text.

    Dates stay texts (``2010-09-09`` is a version) and tags become what they stand for.
    """
    import yaml

    class Loader(yaml.SafeLoader):
        """Reads values only: nothing in a file makes objects of Python."""

    Loader.add_constructor("tag:yaml.org,2002:timestamp", _text)
    Loader.add_constructor("tag:yaml.org,2002:binary", _text)
    Loader.add_multi_constructor("!", _tagged)
    return Loader(text)


def _text(loader: Any, node: Any) -> str:
    return str(loader.construct_scalar(node))


def _tagged(loader: Any, suffix: str, node: Any) -> dict[str, Any]:
    kind = type(node).__name__
    value: Any
    if kind == "ScalarNode":
        value = loader.construct_scalar(node)
    elif kind == "SequenceNode":
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {_PLAIN.get(suffix, f"Fn::{suffix}"): value}
