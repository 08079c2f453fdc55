"""XML as S3 reads and writes it: no namespaces inside, nothing that refers to anything."""

from collections.abc import Iterable
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"
_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
_ESCAPES = {ord("&"): "&amp;", ord("<"): "&lt;", ord(">"): "&gt;", ord('"'): "&quot;"}
_ESCAPES[13] = "&#13;"
# What XML cannot say is shown as something that cannot be shown.
_ESCAPES |= dict.fromkeys((*range(9), 11, 12, *range(14, 32), 0xFFFE, 0xFFFF), "\ufffd")
DEPTH_MAX = 20  # Of elements in each other; S3 has seven.


class MarkupError(ValueError):
    """What was sent is no XML that we read."""


def escape(text: str) -> str:
    return text.translate(_ESCAPES)


def tag(name: str, value: object) -> str:
    """Write an element with text in it.

    >>> tag("Key", "a&b")
    '<Key>a&amp;b</Key>'
    """
    return f"<{name}>{escape(str(value))}</{name}>"


def around(name: str, inner: str) -> str:
    """Write an element with elements in it."""
    return f"<{name}>{inner}</{name}>"


def said(name: str, value: object) -> str:
    """Write an element unless there is nothing to say."""
    return tag(name, value) if value not in ("", None) else ""


def yes(value: bool) -> str:
    return "true" if value else "false"


def document(root: str, inner: str, *, namespace: bool = True) -> bytes:
    """Write a whole document."""
    space = f' xmlns="{NAMESPACE}"' if namespace else ""
    return f"{_HEAD}<{root}{space}>{inner}</{root}>".encode("utf-8", "replace")


def read(body: bytes) -> Element:
    """Read a document; names lose their namespaces.

    Raises:
        MarkupError: it is none, or defines entities.
    """
    try:
        # Text: what a document says of its encoding could hide the rest of it from us.
        text = body.decode("utf-8").removeprefix("\ufeff")
        if "<!DOCTYPE" in text or "<!ENTITY" in text:
            raise MarkupError("a document type is not read")
        root = ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise MarkupError(str(error)) from error
    _check_depth(root)
    for each in root.iter():
        each.tag = each.tag.rpartition("}")[2]
        for name in [name for name in each.attrib if "}" in name]:
            each.set(name.rpartition("}")[2], each.attrib.pop(name))
    return root


def _check_depth(root: Element) -> None:
    level: list[Element] = [root]
    for _ in range(DEPTH_MAX):
        level = [child for element in level for child in element]
        if not level:
            return
    raise MarkupError(f"more than {DEPTH_MAX} elements in each other")


def text_of(element: Element, path: str, otherwise: str = "") -> str:
    """Take the text at a path below an element."""
    found = element.find(path)
    return otherwise if found is None else (found.text or "").strip()


def kept(root: Element) -> str:
    """Write an element again, without blanks between elements, to be kept."""
    return f"<{root.tag}>{inside(root)}</{root.tag}>"


def inside(element: Element) -> str:
    """Write what is inside an element; attributes are not among what S3 keeps."""
    children: Iterable[Element] = list(element)
    if not children:
        return escape(element.text or "")
    return "".join(kept(child) for child in children)
