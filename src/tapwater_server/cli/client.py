"""The control API over HTTP: one connection, a token, and errors a person can act on."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

from tapwater_server.cli.failures import CommandFailed, Exit, from_problem
from tapwater_server.cli.places import is_loopback

if TYPE_CHECKING:
    import ssl

    import httpx

API = "/_/api/v1"
ANSWER_BYTES_MAX = 64 << 20  # A page of anything is far below; more is not a control API.
LINE_BYTES_MAX = 4 << 20  # One line of progress or log, with a traceback in it.
ANSWER_S_MAX = 60.0
CONNECT_S_MAX = 5.0

Query = Mapping[str, "str | int | float | bool | None"]


def path_of(*parts: str) -> str:
    """Build a path below the API; every part is quoted, the slashes of function names are kept.

    >>> path_of("apps", "shop", "call", "users/profile/[id]")
    '/_/api/v1/apps/shop/call/users/profile/%5Bid%5D'

    Raises:
        CommandFailed: a part would lead elsewhere, or is no text.
    """
    try:
        path = "/".join((API, *(quote(part, safe="/") for part in parts)))
    except UnicodeEncodeError as error:
        raise _no_text(error) from None
    if not {".", ".."}.isdisjoint(path.split("/")):
        raise CommandFailed(
            "no part of a name is . or .. : it would lead elsewhere", exit=Exit.USAGE
        )
    return path


def _no_text(error: UnicodeEncodeError) -> CommandFailed:
    return CommandFailed(f"{error.object[:100]!r} is not UTF-8", exit=Exit.USAGE)


class Client:
    """Talks to one server. Use it as an async context manager."""

    def __init__(self, *, url: str, token: str | None) -> None:
        import httpx

        self.url = url
        headers = {"accept": "application/json, application/problem+json, application/x-ndjson"}
        if token:
            headers["authorization"] = f"Bearer {token}"
        self._http = httpx.AsyncClient(
            base_url=url,
            headers=headers,
            timeout=httpx.Timeout(ANSWER_S_MAX, connect=CONNECT_S_MAX),
            verify=_trust(url),
            trust_env=not is_loopback(url),  # No proxy stands between us and ourselves.
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._http.aclose()

    async def get(self, path: str, **query: str | int | float | bool | None) -> Any:
        """Ask for something; ``None`` in the query means: not given."""
        return await self.ask("GET", path, query=query)

    async def ask(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        body: object = None,
        content: bytes | None = None,
        timeout_s: float | None = ANSWER_S_MAX,
    ) -> Any:
        """Ask once, give the JSON that came back (None for an empty answer). ``body`` goes as
        JSON, ``content`` as it is.

        Raises:
            CommandFailed: nobody answers, or the answer is a problem.
        """
        if body is not None:
            content = json.dumps(body).encode()
        async with self._asked(
            method, path, query=query or {}, content=content, timeout_s=timeout_s
        ) as answer:
            raw = await _read_whole(answer)
            return self._judge(answer, raw)

    async def raw(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes = b"",
    ) -> tuple[int, dict[str, str], bytes]:
        """Ask once, and give status, headers and body whatever they are.

        Raises:
            CommandFailed: nobody answers.
        """
        async with self._asked(
            method,
            path,
            query=query or {},
            content=content or None,
            headers=headers or {},
            timeout_s=ANSWER_S_MAX,
        ) as answer:
            body = await _read_whole(answer)
            return answer.status_code, dict(answer.headers), body

    @asynccontextmanager
    async def lines(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        content: AsyncIterator[bytes] | None = None,
        size: int = 0,
    ) -> AsyncIterator[AsyncIterator[Any]]:
        """Ask, and read the answer as NDJSON while it comes, however long that takes.

        Raises:
            CommandFailed: nobody answers, or the answer is a problem.
        """
        async with self._asked(
            method, path, query=query or {}, content=content, size=size, timeout_s=None
        ) as answer:
            if answer.is_error:
                self._judge(answer, await _read_whole(answer))
            yield _each_line(answer)

    @asynccontextmanager
    async def events(
        self, path: str, *, query: Query | None = None
    ) -> AsyncIterator[AsyncIterator[Any]]:
        """Listen to server-sent events whose data is JSON, however long that takes.

        Raises:
            CommandFailed: nobody answers, or the answer is a problem.
        """
        async with self._asked(
            "GET", path, query=query or {}, content=None, timeout_s=None
        ) as answer:
            if answer.is_error:
                self._judge(answer, await _read_whole(answer))
            yield _each_event(answer)

    @asynccontextmanager
    async def transfer(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        content: AsyncIterator[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> AsyncIterator["httpx.Response"]:
        """Send or fetch bytes as they are, however long that takes.

        Raises:
            CommandFailed: nobody answers, or the answer is a problem.
        """
        async with self._asked(
            method, path, query=query or {}, content=content, headers=headers, timeout_s=None
        ) as answer:
            if answer.is_error:
                self._judge(answer, await _read_whole(answer))
            yield answer

    @asynccontextmanager
    async def _asked(
        self,
        method: str,
        path: str,
        *,
        query: Query,
        content: bytes | AsyncIterator[bytes] | None,
        timeout_s: float | None,
        size: int = 0,
        headers: Mapping[str, str] | None = None,
    ) -> AsyncIterator["httpx.Response"]:
        import httpx

        if headers is not None:
            headers = dict(headers)
        elif isinstance(content, bytes):
            headers = {"content-type": "application/json"}
        elif content is not None:
            headers = {"content-type": "application/gzip", "content-length": str(size)}
        given = {name: value for name, value in query.items() if value is not None}
        timeout = httpx.Timeout(timeout_s, connect=CONNECT_S_MAX)
        try:
            async with self._http.stream(
                method, path, params=given, content=content, headers=headers, timeout=timeout
            ) as answer:
                yield answer
        except UnicodeEncodeError as error:
            raise _no_text(error) from error
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise self._nobody(error) from error
        except httpx.HTTPError as error:
            raise CommandFailed(
                f"the connection to {self.url} broke off: {str(error) or type(error).__name__}",
                exit=Exit.UNREACHABLE,
                code="unreachable",
                hint="Look at the server's own log; it may have been stopped or restarted.",
            ) from error

    def _nobody(self, error: Exception) -> CommandFailed:
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            return CommandFailed(
                f"The certificate of {self.url} is not trusted here.",
                exit=Exit.UNREACHABLE,
                code="unreachable",
                hint="Name the authority that signed it: SSL_CERT_FILE=ca.pem tapwater ...",
            )
        hint = "Start one with `tapwater up` or `tapwater dev`, or name another with --url."
        if not is_loopback(self.url):
            hint = f"Check the address and the network ({error})."
        return CommandFailed(
            f"No Tapwater answers at {self.url}.",
            exit=Exit.UNREACHABLE,
            code="unreachable",
            hint=hint,
        )

    def _judge(self, answer: "httpx.Response", raw: bytes) -> Any:
        try:
            value = json.loads(raw) if raw else None
        except ValueError:
            value = raw
        except RecursionError:
            raise CommandFailed("the answer is nested too deeply to be read here") from None
        fine = not answer.is_error and not answer.is_redirect
        if fine and not isinstance(value, bytes):
            return value
        if isinstance(value, dict) and not fine:
            raise from_problem(answer.status_code, value, path=answer.request.url.path)
        raise CommandFailed(
            f"{self.url} answered {answer.status_code}, and not as Tapwater does.",
            exit=Exit.NOT_FOUND if answer.status_code == 404 else Exit.FAILED,
            code="not_tapwater",
            hint="Is this the address of a Tapwater server? Name it with --url or TAPWATER_URL.",
        )


def _trust(url: str) -> "ssl.SSLContext | bool":
    """Trust whom this machine trusts (SSL_CERT_FILE counts). Plain HTTP needs no 20 ms for that."""
    if not url.startswith("https:"):
        return False
    import ssl

    return ssl.create_default_context()


async def _read_whole(answer: "httpx.Response") -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in answer.aiter_bytes():
        size += len(part)
        if size > ANSWER_BYTES_MAX:
            raise CommandFailed(f"the answer has more than {ANSWER_BYTES_MAX} bytes")
        parts.append(part)
    return b"".join(parts)


async def _each_line(answer: "httpx.Response") -> AsyncIterator[Any]:
    async for line in _raw_lines(answer):
        if line.strip():
            yield _read_line(line)


async def _each_event(answer: "httpx.Response") -> AsyncIterator[Any]:
    """Read the data of each event; ours is always one line."""
    async for line in _raw_lines(answer):
        if line.startswith(b"data: "):
            yield _read_line(line.removeprefix(b"data: "))


async def _raw_lines(answer: "httpx.Response") -> AsyncIterator[bytes]:
    rest = b""
    async for part in answer.aiter_bytes():
        *whole, rest = (rest + part).split(b"\n")
        for line in whole:
            yield line
        if len(rest) > LINE_BYTES_MAX:
            raise CommandFailed(f"a line of the answer has more than {LINE_BYTES_MAX} bytes")
    yield rest


def _read_line(line: bytes) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise CommandFailed("a line of the answer is not JSON, or nested too deeply") from error
