"""The API of signing in elsewhere: where a browser is sent, and what it comes back with."""

from collections.abc import Sequence
from http.cookies import CookieError, SimpleCookie
from typing import Any

from tapwater_server.model.errors import Invalid, TapwaterError
from tapwater_server.services.auth import pages, shapes
from tapwater_server.services.auth.elsewhere import ON_THE_WAY_S, Elsewhere
from tapwater_server.services.auth.house import House
from tapwater_server.services.auth.http import place_of
from tapwater_server.web.asked import Asked
from tapwater_server.web.endpoint import Answer, Endpoint, Who

_COOKIE = "tapwater_sign_in"
_NEVER = {"cache-control": "no-store", "referrer-policy": "no-referrer"}


class ElsewhereHttp:
    """What browsers ask on their way to an issuer and back."""

    def __init__(self, house: House, *, elsewhere: Elsewhere) -> None:
        self._house, self._elsewhere = house, elsewhere

    async def list(self, asked: Asked) -> Any:
        return {"issuers": sorted(self._house.settings(asked.app).oidc)}

    async def start(self, asked: Asked) -> Any:
        place = place_of(asked)
        try:
            leave = await self._elsewhere.set_out(
                asked.app, asked.params["name"], asked.text("redirect") or "", place
            )
        except TapwaterError as error:
            return pages.refuse(error)
        secure = "; Secure" if place.url.startswith("https:") else ""
        cookie = (
            f"{_COOKIE}={leave.cookie}; Path={asked.root}/auth/oidc; Max-Age={ON_THE_WAY_S:.0f}; "
            f"HttpOnly; SameSite=Lax{secure}"
        )
        return Answer(None, 302, {"location": leave.url, "set-cookie": cookie, **_NEVER})

    async def callback(self, asked: Asked) -> Any:
        try:
            url = await self._come_back(asked)
        except TapwaterError as error:
            return pages.refuse(error)
        gone = f"{_COOKIE}=; Path={asked.root}/auth/oidc; Max-Age=0; HttpOnly; SameSite=Lax"
        return Answer(None, 302, {"location": url, "set-cookie": gone, **_NEVER})

    async def _come_back(self, asked: Asked) -> str:
        if asked.text("error"):
            raise Invalid(f"the issuer said no: {(asked.text('error') or '')[:100]}")
        return await self._elsewhere.come_back(
            asked.app,
            asked.params["name"],
            state=asked.text("state") or "",
            code=asked.text("code") or "",
            cookie=_cookie(asked),
            place=place_of(asked),
        )

    async def exchange(self, asked: Asked) -> Any:
        body = await asked.body(shapes.CodeBody)
        tokens = await self._elsewhere.come_in(asked.app, body.code, place_of(asked))
        return Answer(tokens, 200, _NEVER)

    def endpoints(self) -> Sequence[Endpoint]:
        return (
            Endpoint(
                method="GET",
                path="/auth/oidc",
                says="By which issuers one may sign in.",
                handler=self.list,
                who=Who.ANYONE,
            ),
            Endpoint(
                method="GET",
                path="/auth/oidc/{name}/start",
                says="Send the browser to an issuer (OpenID Connect with PKCE).",
                handler=self.start,
                who=Who.ANYONE,
                query={"redirect": "the page of the app to come back to, with ?code="},
                status=302,
            ),
            Endpoint(
                method="GET",
                path="/auth/oidc/{name}/callback",
                says="Where the issuer sends the browser back to.",
                handler=self.callback,
                who=Who.ANYONE,
                query={"code": "the issuer's code", "state": "as it was sent"},
                status=302,
            ),
            Endpoint(
                method="POST",
                path="/auth/oidc/exchange",
                says="Exchange the code the page was given for tokens; it is good once.",
                handler=self.exchange,
                who=Who.ANYONE,
                takes=shapes.CodeBody,
                gives=shapes.TokensShown,
                body_bytes_max=shapes.BODY_BYTES_MAX,
            ),
        )


def _cookie(asked: Asked) -> str:
    try:
        found = SimpleCookie(asked.headers.get("cookie", "")[:8192]).get(_COOKIE)
    except CookieError:
        return ""
    return "" if found is None else found.value
