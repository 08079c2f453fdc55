"""Passwords: which are good enough, and their hashes, made where they hold up nobody else."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from importlib import resources
from typing import TYPE_CHECKING, TypeVar

from tapwater_server.model.errors import Invalid, Overloaded

if TYPE_CHECKING:
    from argon2 import PasswordHasher

LENGTH_MIN = 8
LENGTH_MAX = 256  # Longer ones only cost time.
MEMORY_KIB_MAX = 256 << 10  # Of an imported hash: verifying it must not eat the machine.
TIME_COST_MAX = 16
HASHING_MAX = 2  # at a time
WAITING_MAX = 64
T = TypeVar("T")


def owasp_hasher() -> "PasswordHasher":
    """argon2id as OWASP asks for it at least (19 MiB, two passes): about 25 ms a password."""
    from argon2 import PasswordHasher

    return PasswordHasher(time_cost=2, memory_cost=19 << 10, parallelism=1)


class Passwords:
    """Hashes and compares, in threads of its own. At most ``WAITING_MAX`` wait for their turn."""

    def __init__(self, *, hasher: "PasswordHasher | None" = None) -> None:
        self._given = hasher
        self._threads = ThreadPoolExecutor(HASHING_MAX, thread_name_prefix="argon2")
        self._waiting = 0

    # A node without users needs none of these; a hash alone takes 25 ms and 19 MiB of its start.

    @cached_property
    def _hasher(self) -> "PasswordHasher":
        return self._given or owasp_hasher()

    @cached_property
    def _decoy(self) -> str:
        return self._hasher.hash("nobody's password")

    @cached_property
    def _common(self) -> frozenset[str]:
        return _common()

    def close(self) -> None:
        self._threads.shutdown(wait=True)

    def check(self, password: str, *, email: str, length_min: int = LENGTH_MIN) -> None:
        """See that a new password is worth having.

        Raises:
            Invalid: it is too short, too long, one of those everybody tries first, or the address.
        """
        if len(password) < length_min:
            raise Invalid(f"a password has {length_min} characters at least")
        if len(password) > LENGTH_MAX:
            raise Invalid(f"a password has {LENGTH_MAX} characters at most")
        low = password.lower()
        if low in self._common or low in (email, email.partition("@")[0]) or len(set(low)) < 3:
            raise Invalid("this password is one of the first that anybody would try")

    async def hash(self, password: str) -> str:
        return await self._run(lambda: self._hasher.hash(_bytes(password)))

    async def fits(self, password: str, hash: str) -> bool:
        """Compare; with an empty hash it takes as long, and never fits."""
        fits = await self._run(lambda: self._compare(password[:LENGTH_MAX], hash))
        return fits and bool(hash)

    def is_old(self, hash: str) -> bool:
        """Say whether a hash was made with weaker parameters than those of today."""
        return self._hasher.check_needs_rehash(hash)

    def _compare(self, password: str, hash: str) -> bool:
        from argon2.exceptions import InvalidHashError, VerificationError

        decoy = self._decoy  # Made at the first comparison, whether it is needed for it or not.
        try:
            return self._hasher.verify(hash or decoy, _bytes(password))
        except (VerificationError, InvalidHashError):
            return False

    async def _run(self, work: Callable[[], T]) -> T:
        if self._waiting >= WAITING_MAX:
            raise Overloaded("too many people sign in at this moment", retry_after_s=2.0)
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1


def check_hash(hash: str) -> str:
    """Look at a hash that is imported.

    Raises:
        Invalid: it is no argon2 hash, or one that costs more than a machine should spend on it.
    """
    from argon2 import extract_parameters
    from argon2.exceptions import InvalidHashError

    try:
        found = extract_parameters(hash)
    except InvalidHashError:
        raise Invalid("password_hash is no argon2 hash: $argon2id$v=19$m=…") from None
    if found.memory_cost > MEMORY_KIB_MAX or found.time_cost > TIME_COST_MAX:
        raise Invalid(f"password_hash: more than {MEMORY_KIB_MAX >> 10} MiB, or too many passes")
    return hash


def _bytes(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")


def _common() -> frozenset[str]:
    text = resources.files(__package__).joinpath("common_passwords.txt").read_text("utf-8")
    return frozenset(text.split())
