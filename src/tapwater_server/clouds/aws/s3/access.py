"""Who may do what: policies, owners, lists, and the blocks on public access."""

from collections.abc import Mapping

from tapwater_server.clouds.aws.policies.judging import (
    Effect,
    Principal,
    Question,
    evaluate,
    parse_policy,
)
from tapwater_server.clouds.aws.s3 import acl as lists
from tapwater_server.clouds.aws.s3.acl import Acl
from tapwater_server.clouds.aws.s3.call import Call
from tapwater_server.clouds.aws.s3.errors import refuse
from tapwater_server.clouds.aws.s3.notes import Notes
from tapwater_server.clouds.aws.s3.places import Place
from tapwater_server.clouds.aws.s3.publicity import is_public


class Access:
    """Raises AccessDenied, or lets pass."""

    def bucket(self, call: Call, place: Place, permission: str = "", *, action: str = "") -> None:
        """Check what is done with a bucket. Without a permission of lists it is the owner's."""
        if not self.may(call, place, permission, action=action):
            raise refuse("AccessDenied")

    def may(
        self,
        call: Call,
        place: Place,
        permission: str = "",
        *,
        action: str = "",
        key: str = "",
        context: Mapping[str, str] | None = None,
    ) -> bool:
        """Say whether something may be done with a bucket, or be written into it."""
        said = self._policy(call, place, action=action, key=key, context=context or {})
        if said is not None:
            return said is Effect.ALLOW
        if call.who.known and call.who.id == place.owner:
            return True
        return bool(permission) and self._listed(place, place.acl, call.who.id, permission)

    def write(
        self,
        call: Call,
        place: Place,
        *,
        key: str = "",
        context: Mapping[str, str] | None = None,
        action: str = "",
    ) -> None:
        """Check that an object may be written or deleted."""
        allowed = self.may(
            call, place, lists.WRITE, key=key or call.key, context=context, action=action
        )
        if not allowed:
            raise refuse("AccessDenied")

    def object(
        self,
        call: Call,
        place: Place,
        notes: Notes,
        permission: str,
        *,
        action: str = "",
        key: str = "",
        context: Mapping[str, str] | None = None,
    ) -> None:
        """Check what is done with an object that is there."""
        said = self._policy(call, place, action=action, key=key or call.key, context=context or {})
        if said is Effect.ALLOW:
            return
        owner = notes.owner(place)
        if said is Effect.DENY or not (
            (call.who.known and call.who.id == owner)
            or self._listed(place, notes.acl(place), call.who.id, permission)
        ):
            raise refuse("AccessDenied")

    def unknown(self, call: Call, place: Place, *, key: str = "") -> None:
        """Who may not list does not learn that there is no such object."""
        context = {"s3:prefix": key or call.key}
        if not self.may(call, place, lists.READ, action="s3:ListBucket", context=context):
            raise refuse("AccessDenied")

    def publishable(self, place: Place, acl: Acl | None) -> None:
        """Refuse a public list where those are blocked, and any where lists count for nothing."""
        if acl is None:
            return
        if place.block is not None and place.block.acls and lists.is_public(acl):
            raise refuse("AccessDenied")

    def _listed(self, place: Place, acl: Acl, who: str, permission: str) -> bool:
        if place.enforced:
            return False
        if place.block is not None and place.block.ignored:
            acl = tuple(grant for grant in acl if not grant.is_group)
        return lists.permits(acl, who, permission)

    def _policy(
        self, call: Call, place: Place, *, action: str, key: str, context: Mapping[str, str]
    ) -> Effect | None:
        if place.policy is None:
            return None
        name = f"{place.name}/{key}" if key else place.name
        policy = parse_policy(place.policy)
        found = {**circumstances(call), **context}
        said = evaluate(
            [policy],
            Question(
                action=action or call.operation.action,
                resource=f"arn:aws:s3:::{name}",
                principal=Principal(arn=call.who.arn, account=call.who.account),
                context={name.lower(): (value,) for name, value in found.items()},
            ),
        )
        blocked = place.block is not None and place.block.restricted
        if said is Effect.ALLOW and blocked and call.who.id != place.owner and is_public(policy):
            return None
        return said


def circumstances(call: Call) -> dict[str, str]:
    """Say what conditions of policies may ask of a request."""
    query, headers = call.query, call.headers
    found = {
        "aws:SourceIp": call.asked.client,
        "aws:ResourceAccount": call.asked.account.id,
        "aws:SecureTransport": "true" if call.asked.secure else "false",
        "aws:UserAgent": headers.get("user-agent", ""),
        "aws:Referer": headers.get("referer", ""),
        "s3:prefix": query.get("prefix", ""),
        "s3:delimiter": query.get("delimiter", ""),
        "s3:max-keys": query.get("max-keys", ""),
        "s3:VersionId": query.get("versionId", ""),
        **{f"s3:{name}": value for name, value in headers.items() if name.startswith("x-amz-")},
    }
    if call.who.arn:
        found["aws:PrincipalArn"] = call.who.arn
    return {name: value for name, value in found.items() if value}
