"""GetBucketAcl, PutBucketAcl, GetObjectAcl, PutObjectAcl, and lists asked for in headers."""

from dataclasses import replace

from tapwater_server.clouds.aws.asked import AwsAnswer
from tapwater_server.clouds.aws.s3 import acl as lists
from tapwater_server.clouds.aws.s3.acl import Acl
from tapwater_server.clouds.aws.s3.call import Call, done, xml
from tapwater_server.clouds.aws.s3.errors import refuse
from tapwater_server.clouds.aws.s3.notes import Notes, acl_note
from tapwater_server.clouds.aws.s3.people import Person
from tapwater_server.clouds.aws.s3.places import Place
from tapwater_server.clouds.aws.s3.reading import Reading
from tapwater_server.clouds.aws.s3.stores import Means
from tapwater_server.model.blob import About


class Granting:
    """Shows and changes who is granted what."""

    def __init__(self, means: Means, reading: Reading) -> None:
        self._means, self._reading = means, reading

    async def get_bucket(self, call: Call) -> AwsAnswer:
        place = await self._means.place(call)
        self._means.access.bucket(call, place, lists.READ_ACP)
        acl = lists.own(place.owner) if place.enforced else place.acl
        return self._written(call, place.owner, acl)

    async def put_bucket(self, call: Call) -> AwsAnswer:
        place = await self._means.place(call)
        self._means.access.bucket(call, place, lists.WRITE_ACP)
        acl = await self._sent(call, place, owner=place.owner)
        await self._means.places.change(
            call.account, call.bucket, owner=place.owner, acl=acl_note(acl)
        )
        return done(200)

    async def get_object(self, call: Call) -> AwsAnswer:
        place = await self._means.place(call)
        held = await self._reading.find(call, place, lists.READ_ACP)
        notes = Notes(held.blob.about.notes)
        return self._written(call, notes.owner(place), notes.acl(place))

    async def put_object(self, call: Call) -> AwsAnswer:
        place = await self._means.place(call)
        held = await self._reading.find(call, place, lists.WRITE_ACP)
        notes = Notes(held.blob.about.notes)
        owner = notes.owner(place)
        acl = await self._sent(call, place, owner=owner)

        def change(about: About) -> About:
            return replace(about, notes=Notes(about.notes).but(owner=owner, acl=acl_note(acl)))

        await self._means.redescribe(call, held.blob.version, change)
        return done(200)

    def asked(self, call: Call, place: Place, *, owner: str) -> Acl | None:
        """Read the list that headers ask for; None: they ask for none.

        Raises:
            AwsError: it cannot be had.
        """
        acl = lists.of_headers(
            call.headers,
            owner=owner,
            bucket_owner=place.owner,
            find=lambda kind, said: self.find(call, kind, said),
        )
        if acl is not None and place.enforced:
            own = lists.own(place.owner)
            handed = call.headers.get("x-amz-acl") == "bucket-owner-full-control"
            if handed or acl == own:
                return None
            raise refuse("AccessControlListNotSupported")
        self._means.access.publishable(place, acl)
        return acl

    def find(self, call: Call, kind: str, said: str) -> Person:
        """Find whom a grant names.

        Raises:
            AwsError: nobody.
        """
        people, caller = self._means.people, call.asked.caller
        if kind == "emailAddress":
            found = people.by_email(caller, said)
            if found is None:
                raise refuse("UnresolvableGrantByEmailAddress")
            return found
        found = people.by_id(caller, said)
        if found is None:
            raise refuse(
                "InvalidArgument", "Invalid id", ArgumentName="CanonicalUser/ID", ArgumentValue=said
            )
        return found

    async def _sent(self, call: Call, place: Place, *, owner: str) -> Acl:
        body = await call.body()
        if place.enforced:
            raise refuse("AccessControlListNotSupported")
        acl = self.asked(call, place, owner=owner)
        if acl is not None and body.strip():
            raise refuse("UnexpectedContent")
        if acl is None:
            root = await call.markup("AccessControlPolicy", code="MalformedACLError")
            acl = lists.of_markup(
                root, owner=owner, find=lambda kind, said: self.find(call, kind, said)
            )
            self._means.access.publishable(place, acl)
        return acl

    def _written(self, call: Call, owner: str, acl: Acl) -> AwsAnswer:
        people = {grant.to: self._means.person(call, grant.to).name for grant in acl}
        inner = lists.markup(self._means.person(call, owner), acl, lambda id: people.get(id, ""))
        return xml("AccessControlPolicy", inner)
