"""Serves what `tapwater aws` asks: /aws of the node's API, and the keys of an app's account."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from tapwater_server.clouds.aws.front.keys import KEYS_PER_ACCOUNT_MAX, Keys
from tapwater_server.model.errors import Conflict, Invalid, NotFound
from tapwater_server.ports.clock import Clock
from tapwater_server.web.asked import Asked
from tapwater_server.web.endpoint import Answer, Endpoint, Who
from tapwater_server.web.node import app_in_path

Said = dict[str, Any]
_KEYS = "/apps/{app}/aws-keys"
_USER_LENGTH_MAX = 64


class KeyAsked(msgspec.Struct, forbid_unknown_fields=True):
    """A new key; without a user it may do everything in the account."""

    user: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsFacts:
    """What clients are to be configured with."""

    domain: str
    any_key: bool


class KeysApi:
    """Shows, makes and revokes keys of accounts."""

    def __init__(self, *, keys: Keys, facts: AwsFacts, clock: Clock) -> None:
        self._keys, self._facts, self._clock = keys, facts, clock

    def endpoints(self) -> Sequence[Endpoint]:
        return (
            Endpoint(
                method="GET",
                path="/aws",
                says="Say how clients of AWS are to be configured.",
                handler=self._show,
                who=Who.HOLDER,
            ),
            Endpoint(
                method="GET",
                path=_KEYS,
                says="List the access keys of the account whose home an app is.",
                handler=self._list,
                who=Who.HOLDER,
            ),
            Endpoint(
                method="POST",
                path=_KEYS,
                says="Make an access key; its secret is shown once.",
                handler=self._create,
                who=Who.HOLDER,
                takes=KeyAsked,
                status=201,
            ),
            Endpoint(
                method="DELETE",
                path=f"{_KEYS}/{{key}}",
                says="Revoke an access key.",
                handler=self._remove,
                who=Who.HOLDER,
            ),
        )

    async def _show(self, asked: Asked) -> Said:
        account = self._keys.account
        return {
            "account_id": account.id,
            "home": account.home,
            "region": account.region,
            "domain": self._facts.domain,
            "any_key": self._facts.any_key,
        }

    async def _list(self, asked: Asked) -> Said:
        home = app_in_path(asked)
        keys = [
            {
                "access_key": fact.key,
                "user": fact.value.get("user", ""),
                "created_at": fact.value["created"],
                "active": fact.value.get("active", True),
            }
            for fact in self._keys.issued(home)
        ]
        return {"account_id": self._keys.account_of(home).id, "keys": keys}

    async def _create(self, asked: Asked) -> Answer:
        home, said = app_in_path(asked), await asked.body(KeyAsked)
        if len(self._keys.issued(home)) >= KEYS_PER_ACCOUNT_MAX:
            raise Conflict(f"an account has at most {KEYS_PER_ACCOUNT_MAX} keys: revoke some")
        if said.user and not self._keys.has_user(home, said.user[:_USER_LENGTH_MAX]):
            raise Invalid(f"the account has no user {said.user!r}: make it with `aws iam`")
        pair = await self._keys.issue(home, user=said.user, at=self._clock.now())
        value = {
            "access_key": pair.access_key,
            "secret_key": pair.secret,
            "account_id": self._keys.account_of(home).id,
            "user": said.user,
        }
        return Answer(value, status=201, headers={"cache-control": "no-store"})

    async def _remove(self, asked: Asked) -> None:
        home, key = app_in_path(asked), asked.params["key"]
        if not await self._keys.revoke(home, key):
            raise NotFound(f"there is no key {key[:40]}")
