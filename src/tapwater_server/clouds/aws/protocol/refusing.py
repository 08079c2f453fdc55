"""Errors in the shape of each protocol: XML, or JSON with the code beside it. Pure."""

from collections.abc import Mapping
from xml.sax.saxutils import escape

import msgspec

from tapwater_server.clouds.aws.asked import AwsAnswer, AwsError

_XML = '<?xml version="1.0" encoding="UTF-8"?>\n'


def query_error(error: AwsError, *, id: str, namespace: str = "") -> AwsAnswer:
    """``<ErrorResponse><Error>…`` of the query protocol."""
    space = f' xmlns="{escape(namespace)}"' if namespace else ""
    fault = "Sender" if error.status < 500 else "Receiver"
    facts = "".join(_element(name, value) for name, value in error.facts.items())
    body = (
        f"{_XML}<ErrorResponse{space}><Error><Type>{fault}</Type>{_element('Code', error.code)}"
        f"{_element('Message', error.message)}{facts}</Error>"
        f"<RequestId>{id}</RequestId></ErrorResponse>"
    )
    return _answer(error, "text/xml", body.encode("utf-8", "replace"))


def s3_error(error: AwsError, *, id: str) -> AwsAnswer:
    """``<Error>…`` of S3."""
    facts = "".join(_element(name, value) for name, value in error.facts.items())
    body = (
        f"{_XML}<Error>{_element('Code', error.code)}{_element('Message', error.message)}{facts}"
        f"<RequestId>{id}</RequestId><HostId>{id}</HostId></Error>"
    )
    return _answer(error, "application/xml", body.encode("utf-8", "replace"))


def json_error(
    error: AwsError, *, header: bool, media: str = "", more: Mapping[str, object] | None = None
) -> AwsAnswer:
    """``{"message": …}``; the code in ``__type``, or in a header for REST services."""
    said: dict[str, object] = {**error.facts, **(more or {}), "message": error.message}
    headers = [("x-amzn-errortype", error.code)] if header else []
    if not header:
        said = {"__type": error.code, **said}
    media = media or ("application/json" if header else "application/x-amz-json-1.1")
    body = msgspec.json.encode(said)
    return _answer(error, media, body, headers)


def _answer(
    error: AwsError, media: str, body: bytes, headers: list[tuple[str, str]] | None = None
) -> AwsAnswer:
    return AwsAnswer(
        status=error.status,
        headers=[("content-type", media), *(headers or ()), *error.headers],
        body=body,
    )


def _element(name: str, value: str) -> str:
    return f"<{name}>{escape(_printable(value))}</{name}>"


def _printable(text: str) -> str:
    """Leave out what XML 1.0 cannot hold."""
    if text.isprintable():
        return text
    return "".join(
        letter if letter in "\t\n\r" or (letter >= " " and letter not in "\ufffe\uffff") else "?"
        for letter in text
        if not "\ud800" <= letter <= "\udfff"
    )
