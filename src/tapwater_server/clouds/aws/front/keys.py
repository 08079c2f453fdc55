"""Keys of accounts: issued ones of users, temporary ones, the fixed one, and any in dev mode.

No secret is written down. Those of issued and temporary keys follow from the node's key and the
key's id, so the store holds only ids; without the node's key file all of them are void.
"""

import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, NamedTuple

import msgspec

from tapwater_server.clouds.aws.account import Account, Caller
from tapwater_server.clouds.aws.front.credentials import Credential
from tapwater_server.clouds.aws.shapes.unique import id_of, unique_id
from tapwater_server.model.ids import AppId
from tapwater_server.ports.facts import Drop, Fact, Facts, Put
from tapwater_server.ports.ids import IdSource

KEY = "iam/access-key"
USER = "iam/user"
PREFIX = "aws/"
KEYS_PER_ACCOUNT_MAX = 1_000
HELD_MAX = 4_096  # Keys that were used lately.
ISSUED, TEMPORARY = "AKIA", "ASIA"
_ID = re.compile(r"A[KS]IA[A-Z2-7]{16}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What a session token says: whose it is, and how long."""

    home: str
    name: str  # of the session: "me", the function's name
    role: str = ""  # ARN; "": of no role
    id: str = ""  # the role's "AROA…"
    user: str = ""  # of sts:GetSessionToken
    function: str = ""  # ARN of the function whose credentials these are
    app: str = ""  # of the function: its revision must be there still
    revision: str = ""
    expires_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """What a client is configured with."""

    access_key: str
    secret: str
    token: str = ""
    expires_at: float | None = None


class _Held(NamedTuple):
    """A key that was looked up, and the facts that it was made of."""

    space: str
    fact: Fact
    user: str
    about: Fact | None
    credential: Credential


class Keys:
    """Keeps ``Credentials``; issues them, too."""

    def __init__(
        self,
        *,
        facts: Facts,
        ids: IdSource,
        node_key: bytes,
        account: Account,
        fixed: Pair | None = None,
        any_key: bool = False,
        lives: Callable[[AppId, str], bool] = lambda app, revision: True,
    ) -> None:
        self._facts, self._ids, self._node_key = facts, ids, node_key
        self._account, self._fixed, self._any_key = account, fixed, any_key
        self._lives = lives
        self._held: dict[str, _Held] = {}
        self._fixed_one = (
            None if fixed is None else Credential(caller=root_of(account), secret=fixed.secret)
        )
        self.nobody = Caller(account=account)

    @property
    def account(self) -> Account:
        """Everybody's default."""
        return self._account

    def account_of(self, home: AppId) -> Account:
        """The account whose home an app is."""
        if home == self._account.home:
            return self._account
        return Account(id=account_id(home), home=home, region=self._account.region)

    # See Credentials.

    def find(self, access_key: str, token: str) -> Credential | None:
        if self._fixed is not None and access_key == self._fixed.access_key:
            return self._fixed_one
        found = None
        if _ID.fullmatch(access_key):
            found = (
                self._temporary(access_key, token)
                if access_key.startswith(TEMPORARY)
                else self._issued(access_key)
            )
        if found is None and self._any_key:
            return Credential(caller=root_of(self._account, access_key), secret="")
        return found

    # Issuing.

    async def issue(self, home: AppId, *, user: str = "", at: float) -> Pair:
        """Make a key of an account; durable before this returns."""
        access_key = self._fresh_id(ISSUED)
        value = {"user": user, "created": at, "active": True}
        await self._facts.change(
            f"{PREFIX}{home}", [Put(kind=KEY, key=access_key, value=value, version=0)]
        )
        return Pair(access_key=access_key, secret=self._secret(access_key))

    def issued(self, home: AppId) -> list[Fact]:
        """Show an account's keys."""
        return list(self._facts.list(f"{PREFIX}{home}", KEY))

    def has_user(self, home: AppId, user: str) -> bool:
        """Say whether IAM knows a user."""
        return self._facts.get(f"{PREFIX}{home}", USER, user) is not None

    async def revoke(self, home: AppId, access_key: str) -> bool:
        """Forget a key; False: there is none."""
        if self._facts.get(f"{PREFIX}{home}", KEY, access_key) is None:
            return False
        await self._facts.change(f"{PREFIX}{home}", [Drop(kind=KEY, key=access_key)])
        return True

    async def activate(self, home: AppId, access_key: str, *, active: bool) -> bool:
        """Let a key be used, or not; False: there is none."""
        fact = self._facts.get(f"{PREFIX}{home}", KEY, access_key)
        if fact is None:
            return False
        put = Put(kind=KEY, key=access_key, value={**fact.value, "active": active})
        await self._facts.change(f"{PREFIX}{home}", [put])
        return True

    def lend(self, session: Session) -> Pair:
        """Make temporary keys. Nothing is kept: the token says it all, sealed."""
        access_key = self._fresh_id(TEMPORARY)
        said = msgspec.json.encode({"k": access_key, **_said(session)})
        token = urlsafe_b64encode(self._mac(b"token", said) + said).decode()
        return Pair(
            access_key=access_key,
            secret=self._secret(access_key),
            token=token,
            expires_at=session.expires_at,
        )

    def lend_self(self, caller: Caller, *, expires_at: float) -> Pair:
        """Make keys that are as good as the caller's own, for a while."""
        session = Session(
            home=caller.account.home, name=caller.name, user=caller.user, expires_at=expires_at
        )
        return self.lend(session)

    def lend_role(
        self, account: Account, *, role: str, role_id: str, name: str, expires_at: float
    ) -> Pair:
        """Make keys of a role's session."""
        session = Session(
            home=account.home, name=name, role=role, id=role_id, expires_at=expires_at
        )
        return self.lend(session)

    def account_by_id(self, id: str) -> Account | None:
        """Find the account of this node that has this number."""
        homes = {space.removeprefix(PREFIX) for space in self._facts.spaces()}
        accounts = [self._account, *(self.account_of(AppId(home)) for home in homes)]
        return next((account for account in accounts if account.id == id), None)

    def account_of_key(self, access_key: str) -> Account | None:
        """Find whose an issued or the fixed key is."""
        found = self.find(access_key, "")
        return None if found is None else found.caller.account

    def lend_to_function(
        self,
        account: Account,
        *,
        arn: str,
        name: str,
        role: str,
        role_id: str,
        app: AppId,
        revision: str,
    ) -> Pair:
        """Make the keys of a Lambda function; the same ones for the same revision, good as long
        as it is there.
        """
        session = Session(
            home=account.home,
            name=name,
            role=role,
            id=role_id,
            function=arn,
            app=app,
            revision=revision,
        )
        said = msgspec.json.encode(_said(session))
        access_key = id_of(TEMPORARY, self._mac(b"function", said))
        said = msgspec.json.encode({"k": access_key, **_said(session)})
        token = urlsafe_b64encode(self._mac(b"token", said) + said).decode()
        return Pair(access_key=access_key, secret=self._secret(access_key), token=token)

    # Finding.

    def _issued(self, access_key: str) -> Credential | None:
        known = self._held.get(access_key)
        if (
            known is not None
            and self._facts.get(known.space, KEY, access_key) is known.fact
            and self._user(known.space, known.user) is known.about
        ):
            return known.credential
        return self._look_up(access_key)

    def _look_up(self, access_key: str) -> Credential | None:
        """Find a key in any account, and remember it until something about it changes."""
        for space in self._facts.spaces():
            fact = self._facts.get(space, KEY, access_key) if space.startswith(PREFIX) else None
            if fact is None:
                continue
            account = self.account_of(AppId(space.removeprefix(PREFIX)))
            user = str(fact.value.get("user", ""))
            credential = Credential(
                caller=self._caller(account, user, access_key),
                secret=self._secret(access_key),
                active=bool(fact.value.get("active", True)),
            )
            if len(self._held) >= HELD_MAX:
                self._held.clear()
            about = self._user(space, user)
            self._held[access_key] = _Held(space, fact, user, about, credential)
            return credential
        return None

    def _user(self, space: str, user: str) -> Fact | None:
        return self._facts.get(space, USER, user) if user else None

    def _caller(self, account: Account, user: str, access_key: str) -> Caller:
        if not user:
            return root_of(account, access_key)
        known = self._facts.get(account.space, USER, user)
        value: Mapping[str, Any] = known.value if known is not None else {}
        path = value.get("Path", "/")
        return Caller(
            account=account,
            name=user,
            arn=account.arn("iam", f"user{path}{user}", region=""),
            id=str(value.get("UserId", "")) or unique_id("AIDA", f"{account.home}/{user}"),
            access_key=access_key,
            user=user,
        )

    def _temporary(self, access_key: str, token: str) -> Credential | None:
        session = self._open(access_key, token)
        if session is None or (
            session.app and not self._lives(AppId(session.app), session.revision)
        ):
            return None
        account = self.account_of(AppId(session.home))
        caller = (
            self._caller(account, session.user, access_key)
            if not session.role
            else Caller(
                account=account,
                name=session.name,
                arn=account.arn(
                    "sts", f"assumed-role/{role_name(session.role)}/{session.name}", region=""
                ),
                id=f"{session.id}:{session.name}",
                access_key=access_key,
                role=session.role,
                function=session.function,
            )
        )
        return Credential(
            caller=caller,
            secret=self._secret(access_key),
            token=token,
            expires_at=session.expires_at,
        )

    def _open(self, access_key: str, token: str) -> Session | None:
        try:
            raw = urlsafe_b64decode(token.encode("latin-1"))
        except ValueError:
            return None
        mac, said = raw[:32], raw[32:]
        if not hmac.compare_digest(mac, self._mac(b"token", said)):
            return None
        value = msgspec.json.decode(said)
        if value.pop("k") != access_key:
            return None
        return Session(**value)

    def _fresh_id(self, prefix: str) -> str:
        return id_of(prefix, sha256(self._ids.secret().encode()).digest())

    def _secret(self, access_key: str) -> str:
        return urlsafe_b64encode(self._mac(b"secret", access_key.encode())[:30]).decode()

    def _mac(self, what: bytes, said: bytes) -> bytes:
        return hmac.digest(self._node_key, b"aws " + what + b"\0" + said, "sha256")


def root_of(account: Account, access_key: str = "root") -> Caller:
    """The account itself: may do everything in it."""
    return Caller(
        account=account,
        name="root",
        arn=account.arn("iam", "root", region=""),
        id=account.id,
        access_key=access_key,
    )


def account_id(home: AppId) -> str:
    """Twelve digits for an app's account: always the same ones.

    >>> account_id(AppId("shop"))
    '162489073725'
    """
    number = int.from_bytes(sha256(home.encode()).digest()[:8], "big") % 10**12
    return f"{number:012d}"


def role_name(arn: str) -> str:
    """Give the name at the end of a role's ARN.

    >>> role_name("arn:aws:iam::000000000000:role/service-role/lambda")
    'lambda'
    """
    return arn.rpartition("/")[2]


def _said(session: Session) -> dict[str, Any]:
    fields = Session.__dataclass_fields__
    said = {name: getattr(session, name) for name in fields}
    return {name: value for name, value in said.items() if value not in ("", None)}
