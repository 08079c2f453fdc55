"""Canonical users of S3, by what is known of the users of an account.

All of an account are one canonical user, as in AWS. A user with the tag ``s3-canonical-id`` is one
of their own (with ``s3-email``, if that is to be known): so ACLs between users can be tried out.
"""

from collections.abc import Iterator
from hashlib import sha256

from tapwater_server.clouds.aws.account import Account, Caller
from tapwater_server.clouds.aws.s3.people import Person
from tapwater_server.ports.facts import Fact, Facts

CANONICAL, EMAIL, NAME = "s3-canonical-id", "s3-email", "s3-display-name"
_USER = "iam/user"


class AccountPeople:
    """Keeps ``clouds/aws/s3/people.py``'s ``People``."""

    def __init__(self, *, facts: Facts) -> None:
        self._facts = facts

    def of(self, caller: Caller) -> Person:
        if not caller.known:
            return Person()
        account = caller.account
        fact = self._facts.get(account.space, _USER, caller.name) if caller.name else None
        own = _person(account, fact) if fact is not None else None
        return own or _account_person(account, arn=caller.arn)

    def owner(self, caller: Caller) -> Person:
        return _account_person(caller.account)

    def by_id(self, caller: Caller, id: str) -> Person | None:
        return next((one for one in self._all(caller.account) if one.id == id), None)

    def by_email(self, caller: Caller, email: str) -> Person | None:
        return next((one for one in self._all(caller.account) if one.email == email), None)

    def _all(self, account: Account) -> Iterator[Person]:
        yield _account_person(account)
        for fact in self._facts.list(account.space, _USER):
            person = _person(account, fact)
            if person is not None:
                yield person


def _account_person(account: Account, *, arn: str = "") -> Person:
    return Person(
        id=sha256(f"s3:{account.id}".encode()).hexdigest(),
        name=str(account.home),
        arn=arn or f"arn:aws:iam::{account.id}:root",
        account=account.id,
    )


def _person(account: Account, fact: Fact) -> Person | None:
    """Read a user who is a canonical one; None: this one is not."""
    tags = fact.value.get("tags") or {}
    if not isinstance(tags, dict) or not tags.get(CANONICAL):
        return None
    return Person(
        id=tags[CANONICAL],
        name=tags.get(NAME, fact.key),
        email=tags.get(EMAIL, ""),
        arn=str(fact.value.get("arn") or account.arn("iam", f"user/{fact.key}", region="")),
        account=account.id,
    )
