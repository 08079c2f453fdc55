"""The API for the app itself: its users and its keys."""

from collections.abc import Sequence
from typing import Any

from tapwater_server.model.user import User
from tapwater_server.ports.users import Wanted
from tapwater_server.services.auth import shapes
from tapwater_server.services.auth.desk import Change, Desk, NewUser
from tapwater_server.services.auth.house import House
from tapwater_server.services.auth.http import place_of
from tapwater_server.web.asked import Asked
from tapwater_server.web.endpoint import Answer, Endpoint

PAGE_MAX = 1_000
_PAGE = 100
_IMPORT_BYTES_MAX = 4 << 20
_LIST = {
    "role": "only those with this role",
    "email": "only those whose address contains this",
    "disabled": "true or false: only those",
    "after": "the id the page before ended with",
    "limit": f"how many at most ({_PAGE}; up to {PAGE_MAX})",
}


class DeskHttp:
    """What functions of the app and holders of its tokens ask."""

    def __init__(self, house: House, *, desk: Desk) -> None:
        self._house, self._desk = house, desk

    async def list(self, asked: Asked) -> Any:
        limit = int(asked.number("limit", low=1, high=PAGE_MAX) or _PAGE)
        disabled = asked.flag("disabled", default=False) if asked.text("disabled") else None
        wanted = Wanted(
            role=asked.text("role") or "",
            email_contains=(asked.text("email") or "").lower(),
            disabled=disabled,
        )
        found = await self._desk.list(
            asked.app, wanted, after=asked.text("after") or "", count_max=limit + 1
        )
        page = found[:limit]
        more = page[-1].id if len(found) > limit else None
        return {"users": [user.public() for user in page], "next": more}

    async def show(self, asked: Asked) -> Any:
        return (await self._desk.show(asked.app, asked.params["id"])).public()

    async def create(self, asked: Asked) -> Any:
        body = await asked.body(shapes.NewUserBody)
        user = await self._desk.create(asked.app, _new(body), place_of(asked))
        return Answer(user.public(), 201)

    async def bring_in(self, asked: Asked) -> Any:
        body = await asked.body(shapes.Import)
        news = [_new(one) for one in body.users]
        return {"users": await self._desk.bring_in(asked.app, news, place_of(asked))}

    async def change(self, asked: Asked) -> Any:
        body = await asked.body(shapes.UserChange)
        user = await self._found(asked)
        change = Change(
            email=body.email,
            email_verified=body.email_verified,
            password=body.password,
            roles=body.roles,
            claims=body.claims,
            profile=body.profile,
            disabled=body.disabled,
        )
        return (await self._desk.change(asked.app, user.id, change, place_of(asked))).public()

    async def remove(self, asked: Asked) -> None:
        user = await self._found(asked)
        await self._desk.remove(asked.app, user.id, place_of(asked))

    async def sign_out(self, asked: Asked) -> None:
        user = await self._found(asked)
        await self._house.users.end_sessions(
            asked.app, user.id, refuse_until=self._house.refuse_until()
        )

    async def keys(self, asked: Asked) -> Any:
        keys = self._desk.keys(asked.app, user=asked.text("user"))
        return {"keys": [key.public() for key in keys]}

    async def add_key(self, asked: Asked) -> Any:
        body = await asked.body(shapes.NewKey)
        user = (await self._desk.show(asked.app, body.user)).id if body.user else ""
        key, text = await self._desk.add_key(
            asked.app,
            name=body.name,
            user=user,
            roles=body.roles,
            expires_in_s=body.expires_in_s,
        )
        return Answer({**key.public(), "key": text}, 201, {"cache-control": "no-store"})

    async def remove_key(self, asked: Asked) -> None:
        await self._desk.remove_key(asked.app, asked.params["id"], user=None)

    async def _found(self, asked: Asked) -> User:
        return await self._desk.show(asked.app, asked.params["id"])

    def endpoints(self) -> Sequence[Endpoint]:
        return (*self._of_all(), *self._of_one(), *self._of_keys())

    def _of_all(self) -> Sequence[Endpoint]:
        return (
            Endpoint(
                method="GET",
                path="/users",
                says="The app's users, in the order they came.",
                handler=self.list,
                query=_LIST,
                gives=shapes.UserList,
            ),
            Endpoint(
                method="POST",
                path="/users",
                says="Make a user.",
                handler=self.create,
                takes=shapes.NewUserBody,
                gives=shapes.UserShown,
                status=201,
            ),
            Endpoint(
                method="POST",
                path="/users/import",
                says="Make many users, with argon2 hashes of their passwords if you have them.",
                handler=self.bring_in,
                takes=shapes.Import,
                body_bytes_max=_IMPORT_BYTES_MAX,
            ),
        )

    def _of_one(self) -> Sequence[Endpoint]:
        return (
            Endpoint(
                method="GET",
                path="/users/{id}",
                says="One user, by id or address.",
                handler=self.show,
                gives=shapes.UserShown,
            ),
            Endpoint(
                method="PATCH",
                path="/users/{id}",
                says="Change a user: roles, claims, disabled, …; holds at once.",
                handler=self.change,
                takes=shapes.UserChange,
                gives=shapes.UserShown,
            ),
            Endpoint(
                method="DELETE",
                path="/users/{id}",
                says="Remove a user with everything that is theirs here.",
                handler=self.remove,
                status=204,
            ),
            Endpoint(
                method="POST",
                path="/users/{id}/sign-out",
                says="End all sessions of a user.",
                handler=self.sign_out,
                status=204,
            ),
        )

    def _of_keys(self) -> Sequence[Endpoint]:
        return (
            Endpoint(
                method="GET",
                path="/auth/keys",
                says="The keys for programs: the app's and its users'.",
                handler=self.keys,
                query={"user": "only those of this user (id)"},
            ),
            Endpoint(
                method="POST",
                path="/auth/keys",
                says="Make a key of the app with roles, or of a user; it is shown once.",
                handler=self.add_key,
                takes=shapes.NewKey,
                status=201,
            ),
            Endpoint(
                method="DELETE",
                path="/auth/keys/{id}",
                says="Revoke a key.",
                handler=self.remove_key,
                status=204,
            ),
        )


def _new(body: shapes.NewUserBody) -> NewUser:
    return NewUser(
        email=body.email,
        password=body.password,
        password_hash=body.password_hash,
        email_verified=body.email_verified,
        roles=body.roles,
        claims=body.claims,
        profile=body.profile,
        id=body.id,
    )
