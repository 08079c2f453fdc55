"""What requests about documents say in their headers, and what of them is to be paid for."""

from collections.abc import Sequence

from tapwater_server.model.document.write import Condition, Kind, Write
from tapwater_server.model.errors import Invalid
from tapwater_server.web.asked import Asked


def condition_of(asked: Asked) -> Condition:
    """Read If-Match and If-None-Match.

    Raises:
        Invalid: they name no version.
    """
    must, must_not = asked.headers.get("if-match"), asked.headers.get("if-none-match")
    exists: bool | None = None
    version: int | None = None
    if must_not is not None:
        if must_not.strip() != "*":
            raise Invalid("If-None-Match of a write can only be *")
        exists = False
    if must is not None:
        tag = must.strip().removeprefix("W/").strip('"')
        if tag == "*":
            exists = True
        elif tag.isascii() and tag.isdigit() and len(tag) < 19:
            version = int(tag)
        else:
            raise Invalid("If-Match is the ETag of a document, or *")
    return Condition(exists=exists, version=version)


def etags_of(header: str) -> set[str]:
    """Read a list of ETags.

    >>> sorted(etags_of('W/"1", "2"'))
    ['"1"', '"2"']
    """
    return {each.strip().removeprefix("W/") for each in header.split(",")}


def count_writes(asked: Asked, writes: Sequence[Write]) -> None:
    """Note what was written, for the bill."""
    deletes = sum(each.kind is Kind.DELETE for each in writes)
    if deletes:
        asked.count("doc_deletes", deletes)
    if len(writes) > deletes:
        asked.count("doc_writes", len(writes) - deletes)
