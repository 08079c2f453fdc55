"""Canonical users: who owns buckets and objects, and whom ACLs name."""

from dataclasses import dataclass
from typing import Protocol

from tapwater_server.clouds.aws.account import Caller


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A canonical user. An account is one; a user of it may be one of their own."""

    id: str = ""  # "": nobody signed
    name: str = ""
    email: str = ""
    arn: str = ""
    account: str = ""  # whose user this is

    @property
    def known(self) -> bool:
        return bool(self.id)


class People(Protocol):
    """Who there is in an account."""

    def of(self, caller: Caller) -> Person:
        """Say who a caller is; of the anonymous, the one without an id."""
        ...

    def owner(self, caller: Caller) -> Person:
        """Say whom the account's things belong to that nobody of S3 has made."""
        ...

    def by_id(self, caller: Caller, id: str) -> Person | None: ...

    def by_email(self, caller: Caller, email: str) -> Person | None: ...
