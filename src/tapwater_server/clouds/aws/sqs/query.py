"""The older protocol of SQS: forms in, XML out, turned from and into what the newer one says. Pure.

Lists and maps are numbered and flat there (``Attribute.1.Name=…&Attribute.1.Value=…``), each under
a name of its own.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape

from tapwater_server.clouds.aws.asked import AwsError

FIELDS_MAX = 2_000
DEPTH_MAX = 8
DIGITS_MAX = 6  # of the number of an item
_NAMESPACE = "http://queue.amazonaws.com/doc/2012-11-05/"
_LISTS: Mapping[str, str] = {
    "AWSAccountId": "AWSAccountIds",
    "ActionName": "Actions",
    "AttributeName": "AttributeNames",
    "MessageAttributeName": "MessageAttributeNames",
    "MessageSystemAttributeName": "MessageSystemAttributeNames",
    "TagKey": "TagKeys",
}
_MAPS: Mapping[str, tuple[str, str, str]] = {
    "Attribute": ("Attributes", "Name", "Value"),
    "MessageAttribute": ("MessageAttributes", "Name", "Value"),
    "MessageSystemAttribute": ("MessageSystemAttributes", "Name", "Value"),
    "Tag": ("Tags", "Key", "Value"),
}
# How what is a list or a map in JSON is named in XML.
_ITEMS: Mapping[str, str] = {
    "Messages": "Message",
    "QueueUrls": "QueueUrl",
    "queueUrls": "QueueUrl",
    "Results": "Result",
    "Failed": "BatchResultErrorEntry",
}
_PAIRS: Mapping[str, tuple[str, str, str]] = {
    field: (item, key, value) for item, (field, key, value) in _MAPS.items()
}
Said = dict[str, Any]


def fields_of(form: Sequence[tuple[str, str]]) -> Said:
    """Read a form as what the JSON protocol would have said; all values stay texts.

    >>> fields_of([("Attribute.1.Name", "DelaySeconds"), ("Attribute.1.Value", "5")])
    {'Attributes': {'DelaySeconds': '5'}}

    Raises:
        AwsError: it is no such form.
    """
    if len(form) > FIELDS_MAX:
        raise _malformed("it has too many fields")
    tree: Said = {}
    for name, value in form:
        _put(tree, name.split("."), value)
    return _named(tree)


def _put(tree: Said, path: Sequence[str], value: str) -> None:
    if len(path) > DEPTH_MAX:
        raise _malformed("its fields are too deep")
    for part in path[:-1]:
        tree = tree.setdefault(part, {})
        if not isinstance(tree, dict):
            raise _malformed(f"{'.'.join(path)[:200]} is a value and has fields")
    if isinstance(tree.get(path[-1]), dict):
        raise _malformed(f"{'.'.join(path)[:200]} is a value and has fields")
    tree[path[-1]] = value


def _named(tree: Said) -> Said:
    said: Said = {}
    for name, value in tree.items():
        if name in _LISTS:
            said[_LISTS[name]] = _items(value)
        elif name in _MAPS:
            field, key, inner = _MAPS[name]
            pairs = [value] if isinstance(value, dict) and key in value else _items(value)
            said[field] = dict(_pair(one, key, inner) for one in pairs)
        elif name.endswith("BatchRequestEntry"):
            said["Entries"] = [_named(_fields(one)) for one in _items(value)]
        else:
            said[name] = value
    if "Tags" in said:
        said["tags"] = said["Tags"]  # CreateQueue writes it small.
    return said


def _items(value: Any) -> list[Any]:
    """Put what is numbered in its order."""
    if not isinstance(value, dict):
        return [value]
    numbered = value.get("member", value)
    fields = _fields(numbered)
    if not all(name.isascii() and name.isdigit() and len(name) <= DIGITS_MAX for name in fields):
        raise _malformed("a list is not numbered")
    return [fields[name] for name in sorted(fields, key=int)]


def _pair(one: Any, key: str, value: str) -> tuple[str, Any]:
    fields = _fields(one)
    name, said = fields.get(key), fields.get(value, "")
    if not isinstance(name, str):
        raise _malformed(f"an entry has no {key}")
    return name, said


def _fields(value: Any) -> Said:
    if not isinstance(value, dict):
        raise _malformed("a value stands where fields belong")
    return value


def answer_xml(action: str, said: Mapping[str, Any], *, id: str) -> bytes:
    """Write what an operation says."""
    result = "".join(_element(action, name, value) for name, value in said.items())
    wrapped = f"<{action}Result>{result}</{action}Result>" if said else ""
    return (
        f'<?xml version="1.0"?><{action}Response xmlns="{_NAMESPACE}">{wrapped}'
        f"<ResponseMetadata><RequestId>{escape(id)}</RequestId></ResponseMetadata>"
        f"</{action}Response>"
    ).encode()


def error_xml(*, code: str, message: str, fault: str, id: str) -> bytes:
    """Write an error."""
    return (
        f'<?xml version="1.0"?><ErrorResponse xmlns="{_NAMESPACE}"><Error><Type>{fault}</Type>'
        f"<Code>{escape(code)}</Code><Message>{escape(message)}</Message><Detail/></Error>"
        f"<RequestId>{escape(id)}</RequestId></ErrorResponse>"
    ).encode()


def _element(action: str, name: str, value: Any) -> str:
    if name in _PAIRS and isinstance(value, Mapping):
        item, key, inner = _PAIRS[name]
        return "".join(
            f"<{item}><{key}>{escape(one)}</{key}>{_element(action, inner, said)}</{item}>"
            for one, said in value.items()
        )
    if isinstance(value, list):
        item = _ITEMS.get(name, f"{action}ResultEntry")
        return "".join(_element(action, item, one) for one in value)
    if isinstance(value, Mapping):
        return f"<{name}>{_elements(action, value.items())}</{name}>"
    text = str(value).lower() if isinstance(value, bool) else str(value)
    # A line end that is not escaped would be read as another one.
    return f"<{name}>{escape(text, {chr(13): '&#xD;'})}</{name}>"


def _elements(action: str, pairs: Iterable[tuple[str, Any]]) -> str:
    return "".join(_element(action, name, value) for name, value in pairs)


def _malformed(why: str) -> AwsError:
    return AwsError("MalformedInput", f"The request cannot be read: {why}")
