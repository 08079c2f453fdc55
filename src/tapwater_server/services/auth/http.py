"""The API for everybody: signing up, in and out, one's own account, the published keys."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any
from urllib.parse import parse_qs

from tapwater_server.model.errors import Invalid, NotFound
from tapwater_server.model.ids import AppId
from tapwater_server.services.auth import pages, shapes
from tapwater_server.services.auth.accounts import Accounts
from tapwater_server.services.auth.desk import Desk
from tapwater_server.services.auth.entrance import Entrance, Tokens
from tapwater_server.services.auth.house import House, Place
from tapwater_server.services.auth.signing import ALGORITHM
from tapwater_server.web.asked import Asked
from tapwater_server.web.endpoint import Answer, Endpoint, Who
from tapwater_server.web.networks import network_of

_FORM = "application/x-www-form-urlencoded"
_MAIL_SENT = shapes.Said(status="mail_sent")
_NEVER = {"cache-control": "no-store"}


def place_of(asked: Asked) -> Place:
    """Where a request came from."""
    return Place(
        url=f"{asked.base_url}{asked.root}",
        known=asked.base_known,
        client=network_of(asked.client),
        agent=asked.headers.get("user-agent", ""),
        caller=asked.caller,
        trace=asked.trace,
    )


class AuthHttp:
    """What users and browsers ask."""

    def __init__(self, house: House, *, accounts: Accounts, entrance: Entrance, desk: Desk) -> None:
        self._house, self._accounts = house, accounts
        self._entrance, self._desk = entrance, desk

    async def sign_up(self, asked: Asked) -> Any:
        body = await asked.body(shapes.SignUp)
        tokens = await self._accounts.sign_up(
            asked.app, body.email, body.password, body.profile, place_of(asked)
        )
        return Answer(_MAIL_SENT, 202) if tokens is None else _tokens(tokens, status=201)

    async def confirm(self, asked: Asked) -> Any:
        thanks = "Your address is confirmed. You can sign in now."
        return await _confirmed(asked, self._accounts.confirm, thanks)

    async def confirm_page(self, asked: Asked) -> Any:
        return pages.ask_to_confirm(asked.text("code") or "", action="confirm")

    async def confirm_again(self, asked: Asked) -> Any:
        body = await asked.body(shapes.Address)
        await self._accounts.send_again(asked.app, body.email, place_of(asked))
        return Answer(_MAIL_SENT, 202)

    async def sign_in(self, asked: Asked) -> Any:
        body = await asked.body(shapes.SignIn)
        return _tokens(
            await self._entrance.sign_in(asked.app, body.email, body.password, place_of(asked))
        )

    async def refresh(self, asked: Asked) -> Any:
        body = await asked.body(shapes.Refresh)
        return _tokens(await self._entrance.refresh(asked.app, body.refresh_token, place_of(asked)))

    async def sign_out(self, asked: Asked) -> None:
        body = await asked.body(shapes.SignOut)
        await self._entrance.sign_out(
            asked.app, _user_of(asked), self._session(asked), everywhere=body.everywhere
        )

    async def reset(self, asked: Asked) -> Any:
        body = await asked.body(shapes.Address)
        await self._accounts.ask_reset(asked.app, body.email, place_of(asked))
        return Answer(_MAIL_SENT, 202)

    async def reset_page(self, asked: Asked) -> Any:
        return pages.ask_for_password(asked.text("code") or "")

    async def reset_confirm(self, asked: Asked) -> Any:
        place, form = place_of(asked), await _form(asked)
        if form is None:
            body = await asked.body(shapes.NewPassword)
            await self._accounts.reset(asked.app, body.code, body.password, place)
            return None
        try:
            await self._accounts.reset(
                asked.app, form.get("code", ""), form.get("password", ""), place
            )
        except Invalid as error:
            return pages.say("That did not work", error.message, status=400)
        return pages.say("Done", "Your new password holds. You can sign in with it now.")

    async def me(self, asked: Asked) -> Any:
        user = await self._house.users.find(asked.app, _user_of(asked))
        if user is None:
            raise NotFound("keys for programs have no account")
        return user.public()

    async def change_me(self, asked: Asked) -> Any:
        body = await asked.body(shapes.ProfileChange)
        user = await self._accounts.change_profile(asked.app, _user_of(asked), body.profile)
        return user.public()

    async def change_password(self, asked: Asked) -> Any:
        body = await asked.body(shapes.PasswordChange)
        return _tokens(
            await self._accounts.change_password(
                asked.app, _user_of(asked), body.old, body.new, place_of(asked)
            )
        )

    async def change_email(self, asked: Asked) -> Any:
        body = await asked.body(shapes.EmailChange)
        await self._accounts.ask_change_email(
            asked.app, _user_of(asked), body.password, body.email, place_of(asked)
        )
        return Answer(_MAIL_SENT, 202)

    async def change_email_page(self, asked: Asked) -> Any:
        return pages.ask_to_confirm(asked.text("code") or "", action="change-email")

    async def change_email_confirm(self, asked: Asked) -> Any:
        thanks = "Your new address is confirmed."
        return await _confirmed(asked, self._accounts.change_email, thanks)

    async def leave(self, asked: Asked) -> None:
        body = await asked.body(shapes.Leave)
        await self._accounts.leave(asked.app, _user_of(asked), body.password, place_of(asked))

    async def sessions(self, asked: Asked) -> Any:
        held = await self._house.users.sessions(asked.app, _user_of(asked))
        current = self._session(asked)
        shown = [
            {
                "id": one.id,
                "opened_at": one.opened_at,
                "used_at": one.used_at,
                "agent": one.agent,
                "current": one.id == current,
            }
            for one in held
        ]
        return {"sessions": shown}

    async def end_session(self, asked: Asked) -> None:
        ended = await self._entrance.sign_out(
            asked.app, _user_of(asked), asked.params["id"], everywhere=False
        )
        if not ended:
            raise NotFound("there is no such session")

    async def my_keys(self, asked: Asked) -> Any:
        keys = self._desk.keys(asked.app, user=_user_of(asked))
        return {"keys": [key.public() for key in keys]}

    async def add_my_key(self, asked: Asked) -> Any:
        body = await asked.body(shapes.NewKey)
        if body.roles or body.user:
            raise Invalid("a key of yours has your own roles")
        key, text = await self._desk.add_key(
            asked.app,
            name=body.name,
            user=_user_of(asked),
            roles=(),
            expires_in_s=body.expires_in_s,
        )
        return Answer({**key.public(), "key": text}, 201, _NEVER)

    async def remove_my_key(self, asked: Asked) -> None:
        await self._desk.remove_key(asked.app, asked.params["id"], user=_user_of(asked))

    async def jwks(self, asked: Asked) -> Any:
        keys = [key.public() for key in self._house.keys.known(asked.app)]
        return Answer({"keys": keys}, 200, {"cache-control": "public, max-age=300"})

    async def discovery(self, asked: Asked) -> Any:
        issuer = place_of(asked).issuer
        said = {
            "issuer": issuer,
            "jwks_uri": f"{issuer}/jwks.json",
            "id_token_signing_alg_values_supported": [ALGORITHM],
            "subject_types_supported": ["public"],
            "response_types_supported": [],
            "claims_supported": ["sub", "email", "email_verified", "roles", "claims"],
        }
        return Answer(said, 200, {"cache-control": "public, max-age=300"})

    def _session(self, asked: Asked) -> str:
        """The session of the token that asks; "" for a key."""
        token = asked.headers.get("authorization", "").partition(" ")[2].strip()
        access = self._house.access.read(asked.app, token)
        return "" if access is None else access.session

    def endpoints(self) -> Sequence[Endpoint]:
        return (*self._entering(), *self._by_mail(), *self._own(), *self._published())

    def _entering(self) -> Sequence[Endpoint]:
        up, tokens = shapes.SignUp, shapes.TokensShown
        exchange = "Exchange address and password for tokens."
        refresh = "Exchange a refresh token for new tokens; each is good once."
        out = "End this session, or all."
        return (
            _open("POST", "sign-up", "Make an account.", self.sign_up, takes=up),
            _open("POST", "sign-in", exchange, self.sign_in, takes=shapes.SignIn, gives=tokens),
            _open("POST", "refresh", refresh, self.refresh, takes=shapes.Refresh, gives=tokens),
            _mine("POST", "sign-out", out, self.sign_out, takes=shapes.SignOut),
        )

    def _by_mail(self) -> Sequence[Endpoint]:
        page = "The page a mail's link leads to."
        confirm = "Confirm an address by a code."
        again = "Send the confirmation once more; the answer is always the same."
        reset = "Send a code for a new password; the answer is always the same."
        set_it = "Set a new password by a code; all sessions end."
        email, code = shapes.Address, shapes.CodeBody
        return (
            _page("confirm", page, self.confirm_page),
            _open("POST", "confirm", confirm, self.confirm, takes=code),
            _open("POST", "confirm/again", again, self.confirm_again, takes=email),
            _page("reset", page, self.reset_page),
            _open("POST", "reset", reset, self.reset, takes=email),
            _open("POST", "reset/confirm", set_it, self.reset_confirm, takes=shapes.NewPassword),
            _page("change-email", page, self.change_email_page),
            _open("POST", "change-email", confirm, self.change_email_confirm, takes=code),
        )

    def _own(self) -> Sequence[Endpoint]:
        user, tokens = shapes.UserShown, shapes.TokensShown
        password = "Change one's password; all other sessions end."
        email = "Ask for a new address; a code goes there."
        make = "Make one; it is shown once."
        changing = shapes.PasswordChange
        return (
            _mine("GET", "me", "Who asks.", self.me, gives=user),
            _mine(
                "PATCH",
                "me",
                "Set one's own profile.",
                self.change_me,
                takes=shapes.ProfileChange,
                gives=user,
            ),
            _mine("DELETE", "me", "Delete one's own account.", self.leave, takes=shapes.Leave),
            _mine(
                "POST",
                "me/password",
                password,
                self.change_password,
                takes=changing,
                gives=tokens,
            ),
            _mine("POST", "me/email", email, self.change_email, takes=shapes.EmailChange),
            _mine("GET", "me/sessions", "Where one is signed in.", self.sessions),
            _mine("DELETE", "me/sessions/{id}", "End one of them.", self.end_session),
            _mine("GET", "me/keys", "One's own keys for programs.", self.my_keys),
            _mine("POST", "me/keys", make, self.add_my_key, takes=shapes.NewKey),
            _mine("DELETE", "me/keys/{id}", "Revoke one.", self.remove_my_key),
        )

    def _published(self) -> Sequence[Endpoint]:
        known = ".well-known/openid-configuration"
        return (
            _open("GET", "jwks.json", "The keys that sign this app's tokens.", self.jwks),
            _open("GET", known, "Where those keys are, for libraries.", self.discovery),
        )


def _line(
    who: Who,
    method: str,
    path: str,
    says: str,
    handler: Any,
    *,
    takes: type | None = None,
    gives: type | None = None,
) -> Endpoint:
    return Endpoint(
        method=method,
        path=f"/auth/{path}",
        says=says,
        handler=handler,
        who=who,
        takes=takes,
        gives=gives,
        body_bytes_max=shapes.BODY_BYTES_MAX,
    )


_open = partial(_line, Who.ANYONE)
_mine = partial(_line, Who.USER)


def _page(path: str, says: str, handler: Any) -> Endpoint:
    return Endpoint(
        method="GET",
        path=f"/auth/{path}",
        says=says,
        handler=handler,
        who=Who.ANYONE,
        query={"code": "the code of the mail"},
        media="text/html; charset=utf-8",
    )


def _tokens(tokens: Tokens, *, status: int = 200) -> Answer:
    return Answer(tokens, status, _NEVER)


def _user_of(asked: Asked) -> str:
    """Whose account it is about. A platform token or a function is nobody's account."""
    if not asked.who.is_user_of(asked.app):
        raise Invalid("this is about a user's own account: send a user's token")
    return asked.who.user


async def _form(asked: Asked) -> dict[str, str] | None:
    """Read a form of our own pages; None: it is JSON."""
    if asked.headers.get("content-type", "").partition(";")[0].strip() != _FORM:
        return None
    raw = await asked.raw(bytes_max=shapes.BODY_BYTES_MAX)
    try:
        return {
            name: values[0] for name, values in parse_qs(raw.decode(), max_num_fields=8).items()
        }
    except (UnicodeDecodeError, ValueError):
        raise Invalid("this form cannot be read") from None


async def _confirmed(
    asked: Asked, take: Callable[[AppId, str, Place], Awaitable[object]], thanks: str
) -> Any:
    """Take the code of a mail: a browser's form is answered with a page."""
    form = await _form(asked)
    if form is None:
        await take(asked.app, (await asked.body(shapes.CodeBody)).code, place_of(asked))
        return shapes.Said(status="confirmed")
    try:
        await take(asked.app, form.get("code", ""), place_of(asked))
    except Invalid as error:
        return pages.say("That did not work", error.message, status=400)
    return pages.say("Thank you", thanks)
