"""Access control lists: who is granted what, canned, in headers and in XML. Pure."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple
from xml.etree.ElementTree import Element

from tapwater_server.clouds.aws.s3.errors import refuse
from tapwater_server.clouds.aws.s3.markup import INSTANCE, around, escape, said, tag, text_of
from tapwater_server.clouds.aws.s3.people import Person

GRANTS_MAX = 100  # As in S3.
FULL = "FULL_CONTROL"
READ, WRITE, READ_ACP, WRITE_ACP = "READ", "WRITE", "READ_ACP", "WRITE_ACP"
PERMISSIONS = (FULL, READ, WRITE, READ_ACP, WRITE_ACP)
_GROUPS = "http://acs.amazonaws.com/groups/"
EVERYBODY = f"{_GROUPS}global/AllUsers"
SIGNED = f"{_GROUPS}global/AuthenticatedUsers"
LOGS = f"{_GROUPS}s3/LogDelivery"
_HEADERS = {
    "x-amz-grant-full-control": FULL,
    "x-amz-grant-read": READ,
    "x-amz-grant-write": WRITE,
    "x-amz-grant-read-acp": READ_ACP,
    "x-amz-grant-write-acp": WRITE_ACP,
}
# What beside the owner's full control a canned list grants; "@bucket" is the bucket's owner.
_CANNED: Mapping[str, Sequence[tuple[str, str]]] = {
    "private": (),
    "public-read": ((EVERYBODY, READ),),
    "public-read-write": ((EVERYBODY, READ), (EVERYBODY, WRITE)),
    "authenticated-read": ((SIGNED, READ),),
    "bucket-owner-read": (("@bucket", READ),),
    "bucket-owner-full-control": (("@bucket", FULL),),
    "aws-exec-read": (),
    "log-delivery-write": ((LOGS, WRITE), (LOGS, READ_ACP)),
}
Find = Callable[[str, str], Person]  # by kind ("id", "emailAddress") and what was said


class Grant(NamedTuple):
    """One right of one canonical user (by id) or group (by URI)."""

    to: str
    permission: str

    @property
    def is_group(self) -> bool:
        return self.to.startswith(_GROUPS)


Acl = tuple[Grant, ...]


def own(owner: str) -> Acl:
    """The list that is there where nobody said anything."""
    return (Grant(owner, FULL),)


def canned(name: str, owner: str, bucket_owner: str) -> Acl:
    """Spell a canned list out.

    Raises:
        AwsError: there is none of that name.
    """
    if name not in _CANNED:
        raise refuse("InvalidArgument", ArgumentName="x-amz-acl", ArgumentValue=name)
    found: list[Grant] = []
    for to, permission in _CANNED[name]:
        if to == "@bucket" and bucket_owner == owner:
            continue
        found.append(Grant(bucket_owner if to == "@bucket" else to, permission))
    return (*found, Grant(owner, FULL))


def of_headers(
    headers: Mapping[str, str], *, owner: str, bucket_owner: str, find: Find
) -> Acl | None:
    """Read the list that a request's headers ask for; None: they ask for none.

    Raises:
        AwsError: they cannot be understood, or name nobody.
    """
    granted = [name for name in _HEADERS if name in headers]
    name = headers.get("x-amz-acl")
    if name is not None and granted:
        raise refuse(
            "InvalidRequest", "Specifying both Canned ACLs and Header Grants is not allowed"
        )
    if name is not None:
        return canned(name, owner, bucket_owner)
    if not granted:
        return None
    return tuple(
        Grant(_grantee(one, find), _HEADERS[name])
        for name in granted
        for one in headers[name].split(",")
    )


def _grantee(text: str, find: Find) -> str:
    kind, _, value = text.strip().partition("=")
    value = value.strip().strip("\"'")
    if kind == "uri":
        return _group(value)
    if kind not in ("id", "emailAddress"):
        raise refuse("InvalidArgument", "Argument format not recognized")
    return find(kind, value).id


def _group(uri: str) -> str:
    if uri not in (EVERYBODY, SIGNED, LOGS):
        raise refuse("InvalidArgument", "Invalid group uri", ArgumentValue=uri)
    return uri


def of_markup(root: Element, *, owner: str, find: Find) -> Acl:
    """Read the list of an AccessControlPolicy.

    Raises:
        AwsError: it is none, names nobody, or makes somebody else the owner.
    """
    if root.tag != "AccessControlPolicy" or root.find("Owner") is None:
        raise refuse("MalformedACLError")
    if text_of(root, "Owner/ID") != owner:
        raise refuse("AccessDenied")
    grants = root.findall("AccessControlList/Grant")
    if root.find("AccessControlList") is None or len(grants) > GRANTS_MAX:
        raise refuse("MalformedACLError")
    return tuple(_grant_of(grant, find) for grant in grants)


def _grant_of(grant: Element, find: Find) -> Grant:
    permission, grantee = text_of(grant, "Permission"), grant.find("Grantee")
    if grantee is None or permission not in PERMISSIONS:
        raise refuse("MalformedACLError")
    if uri := text_of(grantee, "URI"):
        return Grant(_group(uri), permission)
    if email := text_of(grantee, "EmailAddress"):
        return Grant(find("emailAddress", email).id, permission)
    if id := text_of(grantee, "ID"):
        return Grant(find("id", id).id, permission)
    raise refuse("MalformedACLError")


def markup(owner: Person, acl: Acl, name_of: Callable[[str], str]) -> str:
    """Write what is inside an AccessControlPolicy."""
    groups_first = sorted(acl, key=lambda grant: not grant.is_group)
    written = "".join(_written(grant, name_of) for grant in groups_first)
    return written_owner(owner) + around("AccessControlList", written)


def written_owner(owner: Person, name: str = "Owner") -> str:
    return around(name, tag("ID", owner.id) + said("DisplayName", owner.name))


def _written(grant: Grant, name_of: Callable[[str], str]) -> str:
    if grant.is_group:
        kind, inner = "Group", tag("URI", grant.to)
    else:
        kind = "CanonicalUser"
        inner = tag("ID", grant.to) + said("DisplayName", name_of(grant.to))
    start = f'<Grantee xmlns:xsi="{escape(INSTANCE)}" xsi:type="{kind}">'
    return around("Grant", f"{start}{inner}</Grantee>" + tag("Permission", grant.permission))


def permits(acl: Acl, who: str, permission: str) -> bool:
    """Say whether a list gives somebody ("": the anonymous) a right.

    >>> permits((Grant(EVERYBODY, READ),), "", READ), permits((Grant("me", FULL),), "me", WRITE)
    (True, True)
    """
    mine = {who, SIGNED, EVERYBODY} if who else {EVERYBODY}
    return any(grant.to in mine and grant.permission in (permission, FULL) for grant in acl)


def is_public(acl: Acl) -> bool:
    """Say whether anybody at all is granted something."""
    return any(grant.to in (EVERYBODY, SIGNED) for grant in acl)


def kept(acl: Acl) -> str:
    """Write a list to be kept.

    >>> read_kept(kept((Grant("me", READ),)))
    (Grant(to='me', permission='READ'),)
    """
    return json.dumps([list(grant) for grant in acl], separators=(",", ":"))


def read_kept(text: str) -> Acl:
    return tuple(Grant(*pair) for pair in json.loads(text))
