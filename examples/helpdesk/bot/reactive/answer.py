"""A chat bot: Slack tells what somebody wrote, and the bot answers in the same channel."""

import json
import os
import re
from typing import Any
from urllib.request import Request, urlopen

from tapwater import Context, Event, docs, on

HELP = "I keep notes: `note milk and tea`, `notes`, `done 2`, `help`."
NOTES_MAX = 50


@on.webhook("slack", secret="SLACK_SIGNING_SECRET", style="slack", retries=5)
def answer(event: Event, ctx: Context) -> str:
    """Answer once: Slack tells again what it thinks was not heard, and so may we."""
    said = event.data["body"]["event"]
    if said.get("type") not in ("app_mention", "message") or said.get("bot_id"):
        return "not for me"
    with ctx.once(f"answered {said['channel']} {said['ts']}") as first:
        if first:
            post(said["channel"], reply(said["channel"], said.get("text", "")), ctx)
    return "answered"


def reply(channel: str, text: str) -> str:
    """Do what a message says, and say what was done."""
    words = re.sub(r"<@[^>]+>", "", text).strip()
    command, _, rest = words.partition(" ")
    notes = docs.get(f"channels/{channel}")
    kept: list[str] = notes["notes"] if notes else []
    match command.lower():
        case "note" if rest and len(kept) < NOTES_MAX:
            kept.append(rest)
            said = f"Noted as number {len(kept)}."
        case "done" if rest.isdigit() and 1 <= int(rest) <= len(kept):
            said = f"Done: {kept.pop(int(rest) - 1)}."
        case "notes":
            lines = [f"{number}. {note}" for number, note in enumerate(kept, 1)]
            return "\n".join(lines) or "There are no notes."
        case _:
            return HELP
    docs.set(f"channels/{channel}", {"notes": kept})
    return said


def post(channel: str, text: str, ctx: Context) -> None:
    """Write into a channel. What is not taken is an error, and tried again later."""
    request = Request(
        f"{os.environ['CHAT_API']}/chat.postMessage",
        data=json.dumps({"channel": channel, "text": text}).encode(),
        headers={
            "content-type": "application/json; charset=utf-8",
            "authorization": f"Bearer {ctx.secret('SLACK_BOT_TOKEN')}",
        },
    )
    with urlopen(request, timeout=10) as response:
        told: dict[str, Any] = json.load(response)
    if not told.get("ok"):
        raise RuntimeError(f"the chat did not take it: {told.get('error')}")
