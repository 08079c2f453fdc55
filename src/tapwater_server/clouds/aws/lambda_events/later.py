"""Calls that nobody waits for: taken, durable, and made in their turn."""

import json
import re
from hashlib import blake2b

import msgspec

from tapwater_server.clouds.aws.account import Account
from tapwater_server.clouds.aws.asked import AwsError
from tapwater_server.clouds.aws.lambda_events.callees import Callees
from tapwater_server.clouds.aws.reaching import EVENT_BYTES_MAX, Sent
from tapwater_server.clouds.aws.shapes.unique import as_uuid
from tapwater_server.model.limits import CHAIN_DEPTH_MAX
from tapwater_server.ports.bus import Bus, Errand, function_line
from tapwater_server.ports.ids import IdSource

_DIGITS = re.compile(r"[0-9a-f]{32}")


class Call(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is kept beside the payload of a call."""

    account: str
    home: str
    region: str
    name: str  # as it was named, with its qualifier
    request: str  # id
    client_context: str = ""


class LaterCalls:
    """Takes calls; also keeps ``reaching.Targets`` for functions."""

    def __init__(self, *, callees: Callees, bus: Bus, ids: IdSource) -> None:
        self._callees, self._bus, self._ids = callees, bus, ids

    async def call(
        self,
        account: Account,
        name: str,
        payload: bytes,
        *,
        id: str = "",
        trace: str = "",
        root: str = "",
        depth: int = 0,
        client_context: str = "",
    ) -> str:
        """Take a call; give the request's id.

        Raises:
            AwsError: there is no such function, the payload is no JSON or too large, or functions
                called each other too often.
        """
        callee = self._callees.find(account, name)
        body = payload or b"{}"
        check_payload(body)
        if depth > CHAIN_DEPTH_MAX and not callee.loops:
            raise recursion(callee.arn)
        errand_id = _named(callee.arn, id) if id else self._ids.fresh()
        request = uuid_of(errand_id) if id else as_uuid(errand_id)
        function = str(callee.function.id)
        call = Call(
            account=account.id,
            home=account.home,
            region=account.region,
            name=callee.arn,
            request=request,
            client_context=client_context,
        )
        errand = Errand(
            id=errand_id,
            app=callee.function.id.app,
            line=function_line(function),
            function=function,
            body=body,
            attributes=msgspec.json.encode(call),
            root=root or errand_id,
            depth=min(depth, CHAIN_DEPTH_MAX),
            trace=trace,
        )
        await self._bus.publish([errand])
        return request

    async def send(self, account: Account, arn: str, sent: Sent) -> None:
        """Call the function that an ARN names."""
        await self.call(
            account,
            arn,
            sent.body,
            id=sent.id,
            trace=sent.trace,
            root=sent.root,
            depth=sent.depth,
        )

    def exists(self, account: Account, arn: str) -> bool:
        """Say whether a function is there."""
        try:
            self._callees.find(account, arn)
        except AwsError:
            return False
        return True


def check_payload(body: bytes) -> None:
    """Refuse what no function can be told.

    Raises:
        AwsError: it is too large, or no JSON.
    """
    if len(body) > EVENT_BYTES_MAX:
        raise AwsError(
            "RequestTooLargeException",
            f"{len(body)} byte payload is too large for the Event invocation type "
            f"(limit {EVENT_BYTES_MAX} bytes)",
            413,
        )
    try:
        json.loads(body)
    except (ValueError, RecursionError) as error:
        said = f"Could not parse request body into json: {error}"[:300]
        raise AwsError(
            "InvalidRequestContentException", said, 400, facts={"Type": "User"}
        ) from None


def recursion(arn: str) -> AwsError:
    """Functions and events led to each other too often."""
    return AwsError(
        "RecursiveInvocationException",
        f"Lambda detected this function being invoked in a recursive loop and stopped it: {arn}",
        400,
        facts={"Type": "User"},
    )


def _named(arn: str, id: str) -> str:
    """Name an errand after what brought it about and whom it is for: once is enough."""
    return blake2b(f"{arn}\0{id}".encode(), digest_size=16).hexdigest()


def uuid_of(errand: str) -> str:
    """Make the look of a UUID from an errand's id.

    >>> uuid_of("0" * 32)
    '00000000-0000-0000-0000-000000000000'
    """
    digits = errand if _DIGITS.fullmatch(errand) else _named("", errand)
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
