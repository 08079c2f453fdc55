"""Names of functions, aliases, layers and apps; runtimes; weights."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapwater_server.clouds.aws.asked import AwsError
from tapwater_server.clouds.aws.lambda_.names import (
    Reference,
    app_name,
    check_alias,
    read_function,
    read_layer,
    read_qualified,
    shown_alias,
)
from tapwater_server.clouds.aws.lambda_.records import Alias
from tapwater_server.clouds.aws.lambda_.runtimes import Machine, choose
from tapwater_server.clouds.aws.lambda_.weighing import choose_version, percents
from tapwater_server.model.ids import parse_app_id

ARN = "arn:aws:lambda:us-east-1:000000000000:function:f"
MACHINE = Machine(["3.11", "3.13"], node="22.1.0")


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("f", Reference("f")),
        ("f:live", Reference("f", "live")),
        ("f:$LATEST", Reference("f", "$LATEST")),
        ("000000000000:function:f", Reference("f", "", "000000000000")),
        ("function:f:3", Reference("f", "3")),
        (ARN, Reference("f", "", "000000000000")),
        (f"{ARN}:12", Reference("f", "12", "000000000000")),
    ],
)
def test_all_ways_to_name_a_function(text: str, reference: Reference) -> None:
    assert read_function(text) == reference


@pytest.mark.parametrize(
    "text", ["", "a b", "a/b", "x" * 65, "f:a:b:c:d", "arn:aws:sqs:us-east-1:0:f", "f:$OLD", "é"]
)
def test_what_names_no_function_is_refused(text: str) -> None:
    with pytest.raises(AwsError) as caught:
        read_function(text)
    assert caught.value.code == "ValidationException"


def test_two_qualifiers_must_be_one() -> None:
    assert read_qualified("f:3", "3").qualifier == "3"
    assert read_qualified("f", "").qualifier == ""
    with pytest.raises(AwsError, match="does not match"):
        read_qualified("f:3", "4")
    with pytest.raises(AwsError, match="qualifier"):
        read_qualified("f", "a b")


@given(st.from_regex(r"[a-zA-Z0-9_-]{1,64}", fullmatch=True), st.integers(0, 3))
def test_every_function_gets_an_app_of_its_own(name: str, taken: int) -> None:
    names: list[str] = []
    for _ in range(taken + 1):
        found = app_name(name, lambda label: label in names)
        assert parse_app_id(found) not in names
        names.append(found)


@pytest.mark.parametrize("name", ["12", "a b", "", "x" * 129, "$LATEST"])
def test_what_can_be_no_alias_is_refused(name: str) -> None:
    with pytest.raises(AwsError):
        check_alias(name)


def test_aliases_do_not_take_names_that_mean_something_else() -> None:
    assert [shown_alias(name) for name in ("live", "v12", "prod")] == [
        "alias-live",
        "alias-v12",
        "prod",
    ]


def test_layers_are_named_with_and_without_a_version() -> None:
    arn = "arn:aws:lambda:eu-west-1:123456789012:layer:tools"
    assert (read_layer("tools").version, read_layer(f"{arn}:7").version) == (0, 7)
    assert read_layer(arn).account == "123456789012"
    with pytest.raises(AwsError):
        read_layer("tools/7")


def test_runtimes_run_on_what_there_is() -> None:
    assert choose("python3.13", MACHINE) == ("3.13", "")
    assert choose("python3.12", MACHINE) == (
        "",
        "python3.12 is not on this machine: the function runs on Python 3.11",
    )
    assert choose("nodejs22.x", MACHINE) == ("", "")
    assert "runs on 22.1.0" in choose("nodejs20.x", MACHINE).warning
    assert choose("provided.al2023", MACHINE) == ("", "")


@pytest.mark.parametrize(
    ("runtime", "said"),
    [
        ("nodejs20.x", "install Node.js 20"),
        ("python2.7", "no longer supported"),
        ("java21", "does not run on this platform"),
        ("ruby3.3", "does not run"),
        ("cobol", "enum value set"),
    ],
)
def test_runtimes_that_cannot_run_are_refused(runtime: str, said: str) -> None:
    with pytest.raises(AwsError, match=said):
        choose(runtime, Machine(["3.11"]))


@given(st.floats(0, 1), st.floats(0, 1, exclude_max=True))
def test_weights_are_exact(weight: float, chance: float) -> None:
    alias = Alias(name="a", version="1", weights={"2": weight})
    assert choose_version(alias, chance) == ("2" if chance < weight else "1")
    shares = percents(alias)
    assert sum(shares.values()) == 100
    assert all(shares.values())
    if 0 < weight < 1:
        assert set(shares) == {"1", "2"}, "what gets calls is shown"
