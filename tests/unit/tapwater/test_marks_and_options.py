"""Decorators leave functions as they were; what they say is recorded or refused."""

from typing import Any

import pytest

from tapwater import on, options
from tapwater.on import Triggered, triggers


@pytest.mark.parametrize(
    ("mark", "source", "arguments"),
    [
        (on.document_created("users/{id}"), "document_created", {"collection": "users/{id}"}),
        (on.document_updated("u/{id}"), "document_updated", {"collection": "u/{id}"}),
        (on.document_deleted("u/{id}"), "document_deleted", {"collection": "u/{id}"}),
        (on.document_written("u/{id}"), "document_written", {"collection": "u/{id}"}),
        (on.upload("avatars/**"), "upload", {"path": "avatars/**"}),
        (on.blob_deleted("a/*"), "blob_deleted", {"path": "a/*"}),
        (on.message("emails"), "message", {"queue": "emails"}),
        (on.batch("m", size=5), "batch", {"queue": "m", "size": 5, "window": "5s"}),
        (on.schedule("* * * * *"), "schedule", {"cron": "* * * * *", "tz": "UTC"}),
        (on.mqtt("a/+"), "mqtt", {"topic": "a/+"}),
        (on.topic("news"), "topic", {"topic": "news"}),
        (
            on.batch(topic="m", window=2),
            "batch",
            {"topic": "m", "size": 100, "window": 2},
        ),
        (
            on.schedule("every 5m", missed="all", overlap="skip"),
            "schedule",
            {"cron": "every 5m", "tz": "UTC", "missed": "all", "overlap": "skip"},
        ),
        (
            on.webhook("github", secret="S", style="github"),
            "webhook",
            {"name": "github", "secret": "S", "style": "github"},
        ),
        (on.user_created, "user_created", {}),
        (on.user_confirmed(retries=3), "user_confirmed", {"retries": 3}),
        (on.user_deleted(retries=["1s"]), "user_deleted", {"retries": ["1s"]}),
        (
            on.message("a", retries=0, on_failure="queue:b"),
            "message",
            {"queue": "a", "retries": 0, "on_failure": "queue:b"},
        ),
        (on.event(type="a.b", source="/x"), "event", {"type": "a.b", "source": "/x"}),
    ],
)
def test_marked_function_stays_a_function(mark: Any, source: str, arguments: Any) -> None:
    def welcome(event: int) -> int:
        return event + 1

    assert mark(welcome) is welcome
    assert welcome(1) == 2
    assert triggers(welcome) == (Triggered(source=source, arguments=arguments),)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: on.message(len),  # type: ignore[arg-type]
        lambda: on.message("a")("b"),  # type: ignore[arg-type]
        lambda: on.batch("a", size=0),
        lambda: on.batch(),
        lambda: on.batch("a", topic="b"),
        lambda: on.message("a", retry=3),  # type: ignore[call-arg]
        lambda: on.user_created(nonsense=3),  # type: ignore[call-overload]
        lambda: options(memroy="1GB"),
    ],
)
def test_what_cannot_be_meant_is_refused(wrong: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        wrong()


def test_options_decorate_without_changing() -> None:
    def get() -> int:
        return 1

    assert options(memory="1GB")(get) is get
