"""What a handler is given beside the event: the call, the function, who called."""

import json
import logging
import os
import sys
from functools import cache
from typing import Any

from tapwater.clouds.aws.faults import Fault
from tapwater.clouds.aws.times import epoch_ms

_ABOUT = (
    "LOG_GROUP_NAME",
    "LOG_STREAM_NAME",
    "FUNCTION_NAME",
    "FUNCTION_MEMORY_SIZE",
    "FUNCTION_VERSION",
)
_W3C = ("traceparent", "tracestate", "baggage")


class CognitoIdentity:
    """Who called from a mobile app."""

    __slots__ = ("cognito_identity_id", "cognito_identity_pool_id")

    def __init__(self, known: Any) -> None:
        self.cognito_identity_id = known.get("cognitoIdentityId") if known else None
        self.cognito_identity_pool_id = known.get("cognitoIdentityPoolId") if known else None

    def __repr__(self) -> str:
        return _shown(self)


class Client:
    """The mobile app."""

    __slots__ = (  # noqa: RUF023  They are shown in this order.
        "installation_id",
        "app_title",
        "app_version_name",
        "app_version_code",
        "app_package_name",
    )

    def __init__(self, known: Any) -> None:
        for name in self.__slots__:
            setattr(self, name, known.get(name))

    def __repr__(self) -> str:
        return _shown(self)


class ClientContext:
    """What the caller says of itself."""

    __slots__ = ("custom", "env", "client")  # noqa: RUF023  They are shown in this order.

    def __init__(self, known: Any) -> None:
        self.custom = known.get("custom")
        self.env = known.get("env")
        client = known.get("client")
        self.client = None if client is None else Client(client)

    def __repr__(self) -> str:
        return _shown(self)


class LambdaContext:
    """One call, as its handler sees it."""

    def __init__(
        self,
        *,
        invoke_id: str,
        client_context: Any,
        cognito_identity: Any,
        epoch_deadline_time_in_ms: int,
        invoked_function_arn: str | None = None,
        tenant_id: str | None = None,
    ) -> None:
        self.aws_request_id = invoke_id
        (
            self.log_group_name,
            self.log_stream_name,
            self.function_name,
            self.memory_limit_in_mb,
            self.function_version,
        ) = about_function()
        self.invoked_function_arn = invoked_function_arn
        self.tenant_id = tenant_id
        self._w3c_fields = _take_w3c(client_context)
        self.client_context = None if client_context is None else ClientContext(client_context)
        self.identity = CognitoIdentity(cognito_identity)
        self._epoch_deadline_time_in_ms = epoch_deadline_time_in_ms

    def get_remaining_time_in_millis(self) -> int:
        """Say how long the call may still take."""
        return max(0, self._epoch_deadline_time_in_ms - epoch_ms())

    def w3c(self) -> dict[str, str]:
        """Give the W3C trace context that came with the client context."""
        return dict(self._w3c_fields)

    def log(self, msg: object) -> None:
        """Write to the log as it is, without a line's end."""
        for handler in logging.getLogger().handlers:
            if hasattr(handler, "log_sink"):
                handler.log_sink.log(str(msg))
                return
        sys.stdout.write(str(msg))

    def __repr__(self) -> str:
        names = (
            "aws_request_id",
            "log_group_name",
            "log_stream_name",
            "function_name",
            "memory_limit_in_mb",
            "function_version",
            "invoked_function_arn",
            "client_context",
            "identity",
            "tenant_id",
        )
        return f"LambdaContext([{','.join(f'{name}={getattr(self, name)}' for name in names)}])"


@cache
def about_function() -> tuple[str | None, ...]:
    """Read what the environment says of the function: of one process it stays the same."""
    return tuple(os.environ.get(f"AWS_LAMBDA_{name}") for name in _ABOUT)


def _take_w3c(known: Any) -> dict[str, str]:
    """Take the trace out of the client context: a handler finds it in one place only."""
    given = known.pop("w3c", None) if isinstance(known, dict) else None
    if not isinstance(given, dict):
        return {}
    return {name: given[name] for name in _W3C if isinstance(given.get(name), str)}


def _shown(one: Any) -> str:
    said = ",".join(f"{name}={getattr(one, name)}" for name in one.__slots__)
    return f"{type(one).__name__}([{said}])"


def read_header(text: str, name: str) -> Any:
    """Read what a header says in JSON; None: it is not there.

    Raises:
        Fault: it is no JSON.
    """
    if not text:
        return None
    try:
        return json.loads(text)
    except ValueError as error:
        raise Fault(
            "LambdaContextUnmarshalError", f"Unable to parse {name} JSON: {error}"
        ) from error
