"""Accounts, callers and ARNs: how AWS names what is whose. Pure.

An account is one app of ours, its home: the app's buckets, queues and topics are the account's,
and native functions of the app share them. Each Lambda function is an app of its own, because it is
deployed, versioned and aliased by itself; ``ports/facts.py`` keeps which one, in the account's
space (``Account.space``).
"""

import re
from dataclasses import dataclass
from typing import NamedTuple

from tapwater_server.model.ids import AppId

ACCOUNT_ID = re.compile(r"[0-9]{12}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One account in one region."""

    id: str  # twelve digits
    home: AppId
    region: str = "us-east-1"  # as the request named it: the same resources answer in all regions

    @property
    def space(self) -> str:
        """Where its facts are: one space for all regions."""
        return f"aws/{self.home}"

    def arn(self, service: str, resource: str, *, region: str | None = None) -> str:
        """Name something of this account.

        >>> Account(id="000000000000", home=AppId("aws")).arn("sqs", "jobs")
        'arn:aws:sqs:us-east-1:000000000000:jobs'
        """
        where = self.region if region is None else region
        return f"arn:aws:{service}:{where}:{self.id}:{resource}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who signed a request. Of an anonymous one only S3 and function URLs take notice."""

    account: Account
    name: str = ""  # the IAM user, or the role's session; "": nobody signed
    arn: str = ""
    id: str = ""  # "AIDA…", "AROA…:session", as sts:GetCallerIdentity shows it
    access_key: str = ""
    user: str = ""  # of IAM; "": the account itself, or a role
    role: str = ""  # ARN of the role whose session this is
    function: str = ""  # ARN of the Lambda function whose credentials these are

    @property
    def known(self) -> bool:
        """Whether somebody signed."""
        return bool(self.access_key)


class Arn(NamedTuple):
    """``arn:aws:lambda:us-east-1:123456789012:function:name``, taken apart."""

    partition: str
    service: str
    region: str
    account: str
    resource: str  # all that is left: "function:name:alias", "my-bucket/key"


def parse_arn(text: str) -> Arn | None:
    """Take an ARN apart; None: it is none.

    >>> parse_arn("arn:aws:s3:::photos").resource
    'photos'
    """
    parts = text.split(":", 5)
    if len(parts) < 6 or parts[0] != "arn":
        return None
    return Arn(*parts[1:])
