"""Keys made of events."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapwater_server.model.errors import Invalid
from tapwater_server.model.templates import KEY_CHARS_MAX, fill, parse_template

EVENT: dict[str, Any] = {
    "subject": "users/7",
    "data": {"user": {"id": 7}, "ok": True, "none": None, "list": [1]},
    "params": {"id": "7"},
    "shelf": 3,
}


@pytest.mark.parametrize(
    ("template", "filled"),
    [
        ("subject", "users/7"),
        ("data.user.id", "7"),
        ("{data.user.id}", "7"),
        ("{subject}-{params.id}", "users/7-7"),
        ("u:{data.ok}", "u:true"),
        ("shelf", "3"),
        ("data.none", ""),
        ("data.list", ""),
        ("data.user", ""),
        ("data.user.id.deeper", ""),
        ("nothing", ""),
    ],
)
def test_what_is_filled_in(template: str, filled: str) -> None:
    assert fill(template, EVENT.get) == filled


@pytest.mark.parametrize(
    "wrong", ["", "{", "a}", "{}", "{a b}", "a b", "{a.b}", "{{a}}", "x" * 999]
)
def test_what_is_none(wrong: str) -> None:
    with pytest.raises(Invalid):
        parse_template(wrong)


@given(st.text(max_size=40), st.text(max_size=2000))
def test_a_key_is_never_too_long(template: str, subject: str) -> None:
    try:
        parse_template(template)
    except Invalid:
        return
    assert len(fill(template, {"subject": subject}.get)) <= KEY_CHARS_MAX
