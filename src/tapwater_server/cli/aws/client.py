"""AWS' own API, asked through botocore at the server's address; its errors as ours."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tapwater_server.cli.failures import CommandFailed, Exit
from tapwater_server.cli.places import is_loopback

if TYPE_CHECKING:
    from botocore.session import Session as BotoSession

_TRIES_MAX = 3
_CONNECT_S_MAX = 5
_READ_S_MAX = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """Where the AWS of a server is, and what a request there is signed with."""

    url: str
    access_key: str
    secret_key: str
    region: str = "us-east-1"
    account: str = ""


class Aws:
    """Asks the services of one account. Blocking work happens in threads."""

    def __init__(self, keys: Keys) -> None:
        self.keys = keys
        self._session: BotoSession | None = None
        self._clients: dict[str, Any] = {}

    async def account(self) -> str:
        """Say whose account the keys are for."""
        known = self.keys.account
        return known or str((await self.ask("sts", "get_caller_identity"))["Account"])

    async def ask(self, service: str, operation: str, **values: Any) -> Mapping[str, Any]:
        """Call one operation by the name that Python's client has for it.

        Raises:
            AwsRefused: the service said no.
            CommandFailed: nobody answers.
        """
        import asyncio

        return await asyncio.to_thread(self.ask_here, service, operation, **values)

    def ask_here(self, service: str, operation: str, **values: Any) -> Mapping[str, Any]:
        """Do the same, in a thread of the caller's: it blocks."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            answer: Mapping[str, Any] = getattr(self._client(service), operation)(**values)
        except ClientError as error:
            raise AwsRefused(error.response, error.operation_name) from error
        except BotoCoreError as error:
            raise CommandFailed(
                f"the AWS services at {self.keys.url} do not answer: {error}",
                exit=Exit.UNREACHABLE,
                code="unreachable",
            ) from error
        return answer

    def _client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = self._open(service)
        return self._clients[service]

    def _open(self, service: str) -> Any:
        from botocore.config import Config
        from botocore.session import Session

        if self._session is None:
            # Profiles of this machine belong to accounts elsewhere.
            self._session = Session(session_vars=_ISOLATED)
        config = Config(
            retries={"mode": "standard", "total_max_attempts": _TRIES_MAX},
            connect_timeout=_CONNECT_S_MAX,
            read_timeout=_READ_S_MAX,
            s3={"addressing_style": "path"},
            proxies={} if is_loopback(self.keys.url) else None,
        )
        return self._session.create_client(
            service,
            region_name=self.keys.region,
            endpoint_url=self.keys.url,
            aws_access_key_id=self.keys.access_key,
            aws_secret_access_key=self.keys.secret_key,
            config=config,
        )


# What botocore reads from elsewhere: its name, the variable, the default, how to convert it.
_ISOLATED: Any = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}


class AwsRefused(CommandFailed):
    """A service of AWS said no; ``aws_code`` is its code for it."""

    def __init__(self, response: Mapping[str, Any], operation: str) -> None:
        error = response.get("Error")
        said = error if isinstance(error, Mapping) else {}
        self.aws_code = str(said.get("Code") or "")
        message = str(said.get("Message") or self.aws_code or "refused")
        super().__init__(f"{operation}: {message}", code="aws_refused")
        self.aws_message = message
