"""Finds stacks by what a request says, and refuses as AWS does."""

import re

from tapwater_server.clouds.aws.account import Account
from tapwater_server.clouds.aws.cloudformation.book import Book, Stack
from tapwater_server.clouds.aws.cloudformation.troubles import Refused

_NAME = re.compile(r"[a-zA-Z][-a-zA-Z0-9]{0,127}")


def check_name(name: str) -> None:
    """Refuse what cannot be a stack's name.

    Raises:
        Refused: it cannot.
    """
    if _NAME.fullmatch(name) is None:
        raise Refused(
            f"1 validation error detected: Value '{name[:200]}' at 'stackName' failed to satisfy"
            " constraint: Member must satisfy regular expression pattern:"
            " [a-zA-Z][-a-zA-Z0-9]*"
        )


def find(book: Book, account: Account, said: str) -> Stack | None:
    """Find a stack by name or ARN."""
    return book.find(account.space, said)


def must_find(book: Book, account: Account, said: str) -> Stack:
    """Find a stack that must be there.

    Raises:
        Refused: it is not.
    """
    found = find(book, account, said)
    if found is None:
        raise Refused(f"Stack with id {said} does not exist")
    return found
