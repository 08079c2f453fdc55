"""What our own commands do with an app that another cloud's tools release."""

import pytest

from tapwater_server.control import foreign
from tapwater_server.model.errors import Invalid
from tapwater_server.model.function import Function, Kind, Revision, Style
from tapwater_server.model.ids import AppId, FunctionId, RevisionId

TOLD = {
    "cloud": "aws",
    "name": "Share",
    "runtime": "nodejs22.x",
    "handler": "src/app.run",
    "role": "arn:aws:iam::000000000000:role/any",
}


def function(style: Style = Style.FOREIGN) -> Function:
    return Function(
        id=FunctionId(AppId("share"), "handler"),
        kind=Kind.REACTIVE,
        style=style,
        file="" if style is Style.FOREIGN else "reactive/hi.py",
        group="",
        foreign=TOLD if style is Style.FOREIGN else {},
    )


def revision(*functions: Function) -> Revision:
    return Revision(
        id=RevisionId("r"),
        app=AppId("share"),
        number=1,
        created_at=0.0,
        bundle="",
        layer="",
        python="3.11",
        functions=functions,
    )


def test_a_lambda_function_says_what_it_is() -> None:
    assert foreign.shown(function()) == {name: TOLD[name] for name in TOLD if name != "role"}
    assert foreign.cloud_of(revision(function())) == "aws"
    assert "src/app.mjs" in foreign.sources(function())


def test_a_function_of_ours_says_nothing_of_the_kind() -> None:
    ours = function(Style.EVENT)
    assert foreign.shown(ours) is None
    assert foreign.cloud_of(revision(ours)) == ""
    assert foreign.sources(ours) == ("reactive/hi.py",)
    foreign.check_ours([revision(ours), revision()], instead=foreign.CODE)


@pytest.mark.parametrize(
    "instead", [foreign.CODE, foreign.TRAFFIC, foreign.REMOVE, foreign.UNALIAS, foreign.SECRET]
)
def test_what_would_tell_one_thing_and_run_another_says_what_to_do(instead: str) -> None:
    with pytest.raises(Invalid, match=r"share is the Lambda function Share: .*aws .*") as refused:
        foreign.check_ours([revision(function())], instead=instead)
    assert "NAME" not in refused.value.message
