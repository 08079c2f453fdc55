"""What users write about functions, read into limits."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapwater.options import NAMES
from tapwater_server.control.options import READERS, choose, complain
from tapwater_server.model.delivering import Pace
from tapwater_server.model.function import FunctionLimits


def test_the_guest_knows_the_same_options() -> None:
    assert set(READERS) == set(NAMES)


def test_everything_at_once() -> None:
    written = {
        "memory": "256MB",
        "timeout": "30s",
        "concurrency": 8,
        "instances": (1, 20),
        "cpu": 0.5,
        "pids": 10,
        "tmp": "1GB",
        "queue": 3,
        "queue_timeout": 1.5,
        "freeze": True,
        "body_max": "1MB",
        "rate": "100/s",
        "auth": "user",
        "egress": ["api.stripe.com:443", "[::1]:5432"],
        "environment": {"A": "b", "N": 3, "T": True},
        "secrets": ["KEY"],
        "after_fork_import": True,
        "idempotent": True,
        "cost_header": True,
        "description": "says",
    }
    assert complain("x.py", written) == []
    chosen = choose([written])
    assert chosen.limits == FunctionLimits(
        memory_bytes=256 << 20,
        timeout_s=30.0,
        concurrency=8,
        instances_min=1,
        instances_max=20,
        cpu_share=0.5,
        pids_max=10,
        tmp_bytes=1 << 30,
        waiting_max=3,
        waiting_s_max=1.5,
        freeze=True,
        body_bytes_max=1 << 20,
        rate_per_s=100.0,
    )
    assert chosen.environment == {"A": "b", "N": "3", "T": "true"}
    assert chosen.egress == ("api.stripe.com:443", "[::1]:5432")
    assert chosen.idempotent
    assert chosen.cost_header
    assert chosen.pace == Pace(per_s=100.0)
    assert (chosen.auth, chosen.secrets, chosen.after_fork_import) == ("user", ("KEY",), True)


@pytest.mark.parametrize(
    ("name", "value", "seconds"),
    [("timeout", "none", None), ("timeout", None, None), ("timeout", "500ms", 0.5)],
)
def test_a_time_limit_may_be_none(name: str, value: Any, seconds: float | None) -> None:
    assert choose([{name: value}]).limits.timeout_s == seconds


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("memory", 256, "a number and a unit"),
        ("memory", "1MB", "out of range"),
        ("timeout", "30", "'30s'"),
        ("timeout", -1, "none"),
        ("timeout", True, "is not a time"),
        ("concurrency", 0, "from 1 to"),
        ("concurrency", True, "whole number"),
        ("instances", (5, 2), "(0, 20)"),
        ("instances", 0, "(0, 20)"),
        ("instances", (1, 2, 3), "(0, 20)"),
        ("cpu", 0, "cores"),
        ("rate", "100", "100/s"),
        ("rate", "0/s", "100/s"),
        ("egress", "api.stripe.com", "host:port"),
        ("egress", ["api.stripe.com"], "host:port"),
        ("egress", ["a:99999"], "no such port"),
        ("environment", {"a b": "c"}, "environment variable"),
        ("environment", {"A": None}, "must be a text"),
        ("secrets", ["a b"], "name of a secret"),
        ("freeze", "yes", "true nor false"),
        ("memroy", "1GB", "there is no option 'memroy'"),
    ],
)
def test_a_wrong_value_is_named(name: str, value: Any, says: str) -> None:
    (problem,) = complain("users/restful/a.py", {name: value})
    assert problem["where"] == "users/restful/a.py"
    assert name in problem["what"]
    assert says in problem["what"]


def test_the_stronger_source_wins_key_by_key() -> None:
    chosen = choose(
        [
            {"memory": "1GB", "timeout": "1s", "environment": {"A": "1", "B": "1"}},
            {"memory": "64MB", "environment": {"B": "2"}},
        ]
    )
    assert chosen.limits.memory_bytes == 64 << 20
    assert chosen.limits.timeout_s == 1.0
    assert chosen.environment == {"A": "1", "B": "2"}


_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=5,
)


@given(st.sampled_from(sorted(READERS)), _ANYTHING)
def test_a_value_is_refused_or_can_be_used(name: str, value: Any) -> None:
    if not complain("f", {name: value}):
        choose([{name: value}])
