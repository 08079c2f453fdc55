"""From what somebody says of a queue to its settings, checked. Pure."""

from dataclasses import replace

from tapwater_server.model.errors import Invalid
from tapwater_server.ports.queues import (
    ATTEMPTS_MAX,
    DEDUPE_S_MAX,
    DELAY_S_MAX,
    RETENTION_S_MAX,
    RETENTION_S_MIN,
    VISIBILITY_S_MAX,
    QueueSettings,
)
from tapwater_server.services.queues.sending import check_name
from tapwater_server.services.queues.shapes import SettingsAsked

_BOUNDS = {
    "visibility_s": (0.001, VISIBILITY_S_MAX),
    "attempts_max": (1, ATTEMPTS_MAX),
    "retention_s": (RETENTION_S_MIN, RETENTION_S_MAX),
    "delay_s": (0, DELAY_S_MAX),
    "dedupe_s": (0, DEDUPE_S_MAX),
}


def settings_of(queue: str, before: QueueSettings, asked: SettingsAsked) -> QueueSettings:
    """Change what was said.

    Raises:
        Invalid: a value is out of its bounds, or a queue would be its own dead-letter queue.
    """
    said = {
        name: getattr(asked, name)
        for name in asked.__struct_fields__
        if getattr(asked, name) is not None
    }
    problems = [
        {"where": name, "what": f"must be from {low:g} to {high:g}"}
        for name, (low, high) in _BOUNDS.items()
        if name in said and not low <= said[name] <= high
    ]
    if problems:
        first = problems[0]
        raise Invalid(f"{first['where']} {first['what']}", problems=problems)
    if asked.dead_letters:
        check_name(asked.dead_letters, what="queue")
        if asked.dead_letters == queue:
            raise Invalid("a queue cannot be its own dead-letter queue")
    return replace(before, **said)
