"""How functions, versions, aliases and layers are named, and what their app is called. Pure."""

import re
from collections.abc import Callable
from hashlib import sha256
from typing import NamedTuple

from tapwater_server.clouds.aws.account import Account
from tapwater_server.clouds.aws.lambda_.refusals import invalid, missing, violated

LATEST = "$LATEST"
_REFERENCE = re.compile(
    r"(?:arn:aws[a-zA-Z-]*:lambda:)?(?:[a-z]{2}(?:-[a-z]+)+-[0-9]:)?(?:(?P<account>[0-9]{12}):)?"
    r"(?:function:)?(?P<name>[a-zA-Z0-9_-]+)(?::(?P<qualifier>\$LATEST|[a-zA-Z0-9_-]+))?"
)
_PATTERN = (
    "(arn:(aws[a-zA-Z-]*)?:lambda:)?([a-z]{2}(-gov)?-[a-z]+-\\d{1}:)?(\\d{12}:)?(function:)?"
    "([a-zA-Z0-9-_]+)(:(\\$LATEST|[a-zA-Z0-9-_]+))?"
)
_LAYER = re.compile(
    r"arn:aws[a-zA-Z-]*:lambda:[a-z0-9-]+:(?P<account>[0-9]{12}):layer:(?P<name>[a-zA-Z0-9_-]+)"
    r"(?::(?P<version>[0-9]+))?"
)
_ALIAS = re.compile(r"(?![0-9]+$)[a-zA-Z0-9_-]{1,128}")
_QUALIFIER = re.compile(r"[a-zA-Z0-9$_-]{1,128}")
_LABEL_MAX = 63
_NAME_MAX = 64
_OWN_ALIAS = re.compile(r"live|v[0-9]+")


class Reference(NamedTuple):
    """A function as a client names it."""

    name: str
    qualifier: str = ""  # "": none was said
    account: str = ""  # "": the caller's own


def read_function(text: str) -> Reference:
    """Read a name, ``name:qualifier``, a partial ARN or an ARN.

    >>> read_function("arn:aws:lambda:us-east-1:000000000000:function:resize:live")
    Reference(name='resize', qualifier='live', account='000000000000')
    >>> read_function("resize").name
    'resize'

    Raises:
        AwsError: it is none of them.
    """
    found = _REFERENCE.fullmatch(text)
    if found is None or len(text) > 170:
        must = f"Member must satisfy regular expression pattern: {_PATTERN}"
        raise violated([(text[:200], "functionName", must)])
    if len(found["name"]) > _NAME_MAX:
        must = f"Member must have length less than or equal to {_NAME_MAX}"
        raise violated([(found["name"], "functionName", must)])
    return Reference(found["name"], found["qualifier"] or "", found["account"] or "")


def read_qualified(text: str, qualifier: str | None) -> Reference:
    """Read a name beside which a qualifier may be given; two different ones are refused."""
    reference = read_function(text)
    if not qualifier:
        return reference
    if not _QUALIFIER.fullmatch(qualifier):
        must = "Member must satisfy regular expression pattern: (|[a-zA-Z0-9$_-]+)"
        raise violated([(qualifier[:200], "qualifier", must)])
    if reference.qualifier and reference.qualifier != qualifier:
        raise invalid(
            "The derived qualifier from the function name does not match the specified qualifier."
        )
    return reference._replace(qualifier=qualifier)


def function_arn(account: Account, name: str, qualifier: str = "") -> str:
    """Name a function.

    >>> from tapwater_server.model.ids import AppId
    >>> function_arn(Account(id="000000000000", home=AppId("aws")), "resize", "3")
    'arn:aws:lambda:us-east-1:000000000000:function:resize:3'
    """
    return account.arn("lambda", f"function:{name}" + (f":{qualifier}" if qualifier else ""))


def no_function(account: Account, name: str, qualifier: str = "") -> Exception:
    """There is no such function, version or alias."""
    return missing(f"Function not found: {function_arn(account, name, qualifier)}")


def is_version(qualifier: str) -> bool:
    """Tell a version's number from an alias.

    >>> is_version("12"), is_version("live"), is_version("$LATEST")
    (True, False, False)
    """
    return qualifier.isdecimal()


def check_alias(name: str) -> str:
    """Check an alias' name.

    Raises:
        AwsError: it cannot be one.
    """
    if not _ALIAS.fullmatch(name):
        must = "Member must satisfy regular expression pattern: (?!^[0-9]+$)([a-zA-Z0-9-_]+)"
        raise violated([(name[:200], "name", must)])
    return name


def pinned(number: int | str) -> str:
    """Name the alias of our registry that holds a published version.

    >>> pinned(3)
    'v3'
    """
    return f"v{number}"


def shown_alias(name: str) -> str:
    """Name the alias of our registry that shows one of the function's: ``live`` and ``v3`` mean
    something else there, and only DNS labels are names.

    >>> shown_alias("prod"), shown_alias("live"), shown_alias("Blue_Green")
    ('prod', 'alias-live', 'blue-green')
    """
    label = _label(name)
    return f"alias-{label}"[:_LABEL_MAX].strip("-") if _OWN_ALIAS.fullmatch(label) else label


def app_name(name: str, taken: Callable[[str], bool]) -> str:
    """Choose the app of a function: its name as a DNS label, and a few letters where that is
    another's already.

    >>> app_name("Resize_Images", lambda label: False)
    'resize-images'
    >>> app_name("a", lambda label: label == "a")
    'a-fn'
    """
    label = _label(name)
    if not taken(label):
        return label
    for count in range(1, 10_000):
        tail = "-fn" if count == 1 else f"-fn{count}"
        found = label[: _LABEL_MAX - len(tail)].rstrip("-") + tail
        if not taken(found):
            return found
    raise AssertionError("ten thousand apps of one name")


def _label(name: str) -> str:
    label = re.sub(r"[^a-z0-9-]", "-", name.lower())[:_LABEL_MAX].strip("-")
    return label or f"fn-{sha256(name.encode()).hexdigest()[:8]}"


class LayerReference(NamedTuple):
    """A layer, or one of its versions."""

    name: str
    version: int = 0  # 0: none was said
    account: str = ""


def read_layer(text: str) -> LayerReference:
    """Read a layer's name or ARN, with or without a version.

    >>> read_layer("arn:aws:lambda:us-east-1:000000000000:layer:tools:2").version
    2

    Raises:
        AwsError: it is none.
    """
    found = _LAYER.fullmatch(text)
    if found is not None:
        return LayerReference(found["name"], int(found["version"] or 0), found["account"])
    if not re.fullmatch(r"[a-zA-Z0-9_-]{1,140}", text):
        must = "Member must satisfy regular expression pattern: [a-zA-Z0-9-_]+"
        raise violated([(text[:200], "layerName", must)])
    return LayerReference(text)


def uuid_of(text: str) -> str:
    """Make the look of a UUID from something that is unique.

    >>> uuid_of("a")
    'ca978112-ca1b-4dca-bac2-31b39a23dc4d'
    """
    digest = bytearray(sha256(text.encode()).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x40
    digest[8] = digest[8] & 0x3F | 0x80
    text = digest.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
