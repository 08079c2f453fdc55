"""Writes an answer of a service on the connection, whole or piece by piece."""

from typing import cast

from tapwater_server.clouds.aws.asked import AwsAnswer
from tapwater_server.web.scope import DOOR, Door, Scope, Send
from tapwater_server.web.sending import end_with_client, stream


async def send_answer(
    scope: Scope, send: Send, answer: AwsAnswer, *, id: str, s3: bool = True
) -> None:
    """Send it with the request's id, by the name that S3's clients or all others look for."""
    headers = [
        (name.lower().encode("latin-1"), value.encode("latin-1", "replace"))
        for name, value in answer.headers
    ]
    name = b"x-amz-request-id" if s3 else b"x-amzn-requestid"
    if all(known != name for known, _ in headers):
        headers.append((name, id.encode()))
    say = cast(Door, scope.get(DOOR, {})).get("say")
    if answer.chunks is None and say is not None:
        say(answer.status, headers, answer.body)
        return
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    if answer.chunks is None:
        await send({"type": "http.response.body", "body": answer.body, "more_body": False})
        return
    end_with_client(scope)
    await stream(send, answer.chunks, head=scope.get("method") == "HEAD")
