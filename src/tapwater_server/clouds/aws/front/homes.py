"""The app that is an account's home: made when the account is first used."""

import asyncio
import io
import zipfile
from collections.abc import Callable

from tapwater_server.clouds.aws.account import Account
from tapwater_server.clouds.aws.asked import AwsError
from tapwater_server.model.errors import TapwaterError
from tapwater_server.model.ids import AppId
from tapwater_server.ports.registry import Registry
from tapwater_server.ports.releases import Release, Releases

NOTE = "the home of an AWS account: its buckets, queues and topics"


class Homes:
    """Sees to it that a home is there: a revision without functions, so that all tools know it."""

    def __init__(self, *, registry: Registry, releases: Callable[[], Releases]) -> None:
        self._registry, self._releases = registry, releases
        self._there: set[AppId] = set()
        self._making = asyncio.Lock()
        registry.watch(self._there.discard)

    def there(self, account: Account) -> bool:
        """Say whether an account's home is known to be there."""
        return account.home in self._there

    async def ensure(self, account: Account) -> None:
        """Make an account's home if it is not there.

        Raises:
            AwsError: it cannot be made now.
        """
        if account.home in self._there:
            return
        async with self._making:
            if not self._registry.revisions(account.home):
                await self._make(account.home)
            self._there.add(account.home)

    async def _make(self, home: AppId) -> None:
        releases = self._releases()
        try:
            bundle, _ = await releases.unpack([_nothing()])
            await releases.release(Release(app=home, functions=(), bundle=bundle, note=NOTE))
        except TapwaterError as error:
            message = f"The account's home {home} cannot be made: {error.message}"
            raise AwsError("ServiceUnavailable", message, 503) from error


def _nothing() -> io.BytesIO:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w"):
        pass
    archive.seek(0)
    return archive
