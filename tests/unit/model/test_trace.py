"""Trace contexts: what is one, and that those we make are, and differ."""

import pytest

from tapwater_server.backends.system.ids import SystemIds
from tapwater_server.model.trace import (
    derived,
    is_traceparent,
    read_traceparent,
    span_of,
    trace_of,
)
from tapwater_server.ports.tracing import Traces

THEIRS = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"00-" + b"0" * 32 + b"-00f067aa0ba902b7-01",
        b"00-4bf92f3577b34da6a3ce929d0e0e4736-" + b"0" * 16 + b"-01",
        b"ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        b"00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\n",
    ],
)
def test_traceparents_that_are_none(value: bytes) -> None:
    assert not is_traceparent(value)


def test_fresh_ones_are_valid_and_differ() -> None:
    traces, others = Traces(SystemIds()), Traces(SystemIds())
    made = [traces.fresh() for _ in range(1000)] + [others.fresh() for _ in range(1000)]
    assert all(is_traceparent(value) for value in made)
    assert len({trace_of(value) for value in made}) == len(made)
    assert len({span_of(value) for value in made}) == len(made)


@pytest.mark.parametrize("flags", [b"00", b"01", b"03", b"02"])
def test_a_child_keeps_the_trace_and_the_sampled_flag(flags: bytes) -> None:
    parent = THEIRS[:-2] + flags
    child = Traces(SystemIds()).child(parent)
    assert is_traceparent(child)
    assert trace_of(child) == trace_of(THEIRS)
    assert span_of(child) != span_of(THEIRS)
    assert child[-2:] == (b"01" if flags in (b"01", b"03") else b"00")


def test_a_child_of_a_later_version_is_of_ours() -> None:
    child = Traces(SystemIds()).child(b"cc" + THEIRS[2:] + b"-what-the-future-will-be-like")
    assert is_traceparent(child)
    assert child.startswith(b"00-4bf92f3577b34da6a3ce929d0e0e4736-")


def test_what_is_told_again_has_the_same_span() -> None:
    assert derived(THEIRS.decode(), "shop", "e1") == derived(THEIRS.decode(), "shop", "e1")
    assert derived(THEIRS.decode(), "shop", "e1") != derived(THEIRS.decode(), "shop", "e2")
    begun, parent = derived("no trace at all", "shop", "e1")
    assert is_traceparent(begun)
    assert not parent


def test_what_is_no_header_is_nothing() -> None:
    assert read_traceparent(None) == read_traceparent("ünïcode €") == b""
    assert read_traceparent(THEIRS.decode()) == THEIRS
