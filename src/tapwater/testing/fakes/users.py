"""Users of an app in memory: passwords are compared as they are, codes lie in ``codes``."""

import re
from itertools import count
from typing import Any

from tapwater.services.transport import Reply, Request, ServiceError
from tapwater.testing.fakes.answering import Answers, body_of, conflict, invalid, not_found

_ADDRESS = re.compile(r"[\w!#$%&'*+/=?^`{|}~.-]+@[a-z0-9.-]+")
_ROLE = re.compile(r"[a-z0-9][a-z0-9_.:-]{0,63}")
_CHANGES = {"email", "email_verified", "password", "roles", "claims", "profile", "disabled"}


class FakeUsers:
    """The users of an app. ``confirm``: an address is confirmed before anybody signs in.

    ``codes`` are the codes that would have gone out by mail, by address; ``signed_in`` is the
    user whose token is used for ``/auth/me``.
    """

    prefixes = ("/users", "/auth")

    def __init__(self, *, confirm: bool = False) -> None:
        self.users: dict[str, dict[str, Any]] = {}
        self.passwords: dict[str, str] = {}
        self.codes: dict[str, str] = {}
        self.keys: list[dict[str, Any]] = []
        self.signed_in = ""
        self._confirm = confirm
        self._count = count(1)
        self._refresh: dict[str, str] = {}
        self._answers = Answers(
            ("GET", "/users", self._list),
            ("POST", "/users", self._create),
            ("POST", "/users/import", self._bring_in),
            ("GET", "/users/{id}", lambda request, id: self._found(id)),
            ("PATCH", "/users/{id}", self._change),
            ("DELETE", "/users/{id}", self._remove),
            ("POST", "/users/{id}/sign-out", self._end),
            ("GET", "/auth/keys", self._keys),
            ("POST", "/auth/keys", self._add_key),
            ("DELETE", "/auth/keys/{id}", self._remove_key),
            ("POST", "/auth/sign-up", self._sign_up),
            ("POST", "/auth/confirm", self._confirmed),
            ("POST", "/auth/confirm/again", self._code),
            ("POST", "/auth/sign-in", self._sign_in),
            ("POST", "/auth/refresh", self._refreshed),
            ("POST", "/auth/sign-out", lambda request: None),
            ("POST", "/auth/reset", self._code),
            ("POST", "/auth/reset/confirm", self._reset),
            ("GET", "/auth/me", lambda request: self._found(self.signed_in)),
        )

    def send(self, request: Request) -> Reply:
        return self._answers.send(request)

    def _list(self, request: Request) -> Any:
        query = request.query
        found = [
            user
            for id, user in sorted(self.users.items())
            if id > query.get("after", "")
            and query.get("role", "") in ("", *user["roles"])
            and query.get("email", "").lower() in user["email"]
            and query.get("disabled") in (None, str(user["disabled"]).lower())
        ]
        limit = int(query.get("limit", "100"))
        return {"users": found[:limit], "next": found[limit - 1]["id"] if found[limit:] else None}

    def _create(self, request: Request) -> Any:
        return self._made(body_of(request))

    def _made(self, asked: dict[str, Any]) -> dict[str, Any]:
        email = _address(asked["email"])
        if any(user["email"] == email for user in self.users.values()):
            raise conflict("this address is taken")
        if asked.get("password"):
            _check_password(asked["password"])
        id = asked.get("id") or f"{next(self._count):026d}"
        self.users[id] = {
            "id": id,
            "email": email,
            "email_verified": asked.get("email_verified", True),
            "roles": _roles(asked.get("roles", ())),
            "claims": asked.get("claims", {}),
            "profile": asked.get("profile", {}),
            "disabled": False,
            "created_at": 0.0,
            "updated_at": 0.0,
        }
        self.passwords[id] = asked.get("password", "")
        return self.users[id]

    def _bring_in(self, request: Request) -> Any:
        results = []
        for asked in body_of(request)["users"]:
            try:
                user = self._made(asked)
            except ServiceError as error:
                result = "there" if error.code == "conflict" else "refused"
                results.append({"email": asked["email"], "result": result, "detail": error.message})
            else:
                results.append({"email": user["email"], "result": "created", "id": user["id"]})
        return {"users": results}

    def _change(self, request: Request, id: str) -> Any:
        user, asked = self._found(id), body_of(request)
        if set(asked) - _CHANGES:
            raise invalid(f"the body cannot be understood: {sorted(set(asked) - _CHANGES)}")
        if "password" in asked:
            _check_password(asked["password"])
            self.passwords[user["id"]] = asked.pop("password")
        if "roles" in asked:
            asked["roles"] = _roles(asked["roles"])
        user.update(asked)
        return user

    def _remove(self, request: Request, id: str) -> None:
        gone = self._found(id)["id"]
        del self.users[gone]
        self.keys = [key for key in self.keys if key["user"] != gone]

    def _end(self, request: Request, id: str) -> None:
        gone = self._found(id)["id"]
        self._refresh = {token: user for token, user in self._refresh.items() if user != gone}

    def _keys(self, request: Request) -> Any:
        user = request.query.get("user")
        return {"keys": [key for key in self.keys if user in (None, key["user"])]}

    def _add_key(self, request: Request) -> Any:
        asked = body_of(request)
        user = self._found(asked["user"])["id"] if asked.get("user") else None
        if user and asked.get("roles"):
            raise invalid("a key of a user has that user's roles: give it none of its own")
        key = {
            "id": f"{next(self._count):026d}",
            "name": asked["name"],
            "user": user,
            "roles": _roles(asked.get("roles", ())),
            "created_at": 0.0,
            "expires_at": None,
            "used_at": None,
        }
        self.keys.append(key)
        return {**key, "key": f"tapk_{key['id']}"}

    def _remove_key(self, request: Request, id: str) -> None:
        left = [key for key in self.keys if key["id"] != id]
        if len(left) == len(self.keys):
            raise not_found("there is no such key")
        self.keys = left

    def _sign_up(self, request: Request) -> Any:
        asked = body_of(request)
        _check_password(asked["password"])
        try:
            user = self._made({**asked, "email_verified": False})
        except ServiceError as error:
            if self._confirm and error.code == "conflict":
                return {"status": "mail_sent"}
            raise
        self.codes[user["email"]] = f"code-{next(self._count)}"
        return {"status": "mail_sent"} if self._confirm else self._tokens(user)

    def _code(self, request: Request) -> Any:
        email = _address(body_of(request)["email"])
        if any(user["email"] == email for user in self.users.values()):
            self.codes[email] = f"code-{next(self._count)}"
        return {"status": "mail_sent"}

    def _taken(self, code: str) -> dict[str, Any]:
        for email, known in list(self.codes.items()):
            if known == code:
                del self.codes[email]
                return self._found(email)
        raise invalid("this code is not good any more: it works once, and not for long")

    def _confirmed(self, request: Request) -> Any:
        self._taken(body_of(request)["code"])["email_verified"] = True
        return {"status": "confirmed"}

    def _reset(self, request: Request) -> None:
        asked = body_of(request)
        _check_password(asked["password"])
        self.passwords[self._taken(asked["code"])["id"]] = asked["password"]

    def _sign_in(self, request: Request) -> Any:
        asked = body_of(request)
        for id, user in self.users.items():
            fits = self.passwords[id] == asked["password"] != ""
            if user["email"] == asked["email"].strip().lower() and fits and not user["disabled"]:
                if self._confirm and not user["email_verified"]:
                    raise ServiceError("confirm your address first", code="not_allowed", status=403)
                return self._tokens(user)
        raise _unauthenticated("the address or the password is wrong")

    def _refreshed(self, request: Request) -> Any:
        id = self._refresh.pop(body_of(request)["refresh_token"], "")
        if id not in self.users:
            raise _unauthenticated("this refresh token is not good: sign in again")
        return self._tokens(self.users[id])

    def _tokens(self, user: dict[str, Any]) -> dict[str, Any]:
        refresh = f"tapr_{next(self._count)}"
        self._refresh[refresh] = self.signed_in = user["id"]
        return {
            "access_token": f"access-{next(self._count)}",
            "refresh_token": refresh,
            "expires_in": 900,
            "token_type": "Bearer",
            "user": user,
        }

    def _found(self, name: str) -> dict[str, Any]:
        for id, user in self.users.items():
            if name and name in (id, user["email"]):
                return user
        raise not_found(f"there is no user {name!r}")


def _address(text: str) -> str:
    low = text.strip().lower()
    if not _ADDRESS.fullmatch(low):
        raise invalid(f"{text!r} is not an e-mail address")
    return low


def _roles(roles: Any) -> list[str]:
    for role in roles:
        if not _ROLE.fullmatch(role):
            raise invalid(f"{role!r} is no role")
    return sorted(set(roles))


def _check_password(password: str) -> None:
    if len(password) < 8:
        raise invalid("a password has 8 characters at least")


def _unauthenticated(message: str) -> ServiceError:
    return ServiceError(message, code="unauthenticated", status=401)
