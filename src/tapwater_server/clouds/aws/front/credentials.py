"""Keys that requests are signed with, and where they are found."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Protocol

from tapwater_server.clouds.aws.account import Caller
from tapwater_server.clouds.aws.front.canonical import signing_key


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """A key that is known. ``token``: what must be sent along with a temporary one."""

    caller: Caller  # in the account's usual region
    secret: str  # "": any signature will do (dev mode)
    token: str = ""
    expires_at: float | None = None
    active: bool = True

    def caller_in(self, region: str) -> Caller:
        """Who asks, in the region that the request named."""
        if region == self.caller.account.region or not region:
            return self.caller
        return replace(self.caller, account=replace(self.caller.account, region=region))


class Credentials(Protocol):
    """Where keys are looked up."""

    def find(self, access_key: str, token: str) -> Credential | None:
        """Find a key; None: nobody has it."""
        ...

    @property
    def nobody(self) -> Caller:
        """Who asks without a signature: in the account that is everybody's default."""
        ...


DerivedKey = Callable[[str, str, str, str], bytes]
KEYS_MAX = 1_024


def cached_keys() -> DerivedKey:
    """Derive signing keys, and remember them: each holds for a day, region and service."""

    @lru_cache(maxsize=KEYS_MAX)
    def derived(secret: str, day: str, region: str, service: str) -> bytes:
        return signing_key(secret, day=day, region=region, service=service)

    return derived
