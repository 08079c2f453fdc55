"""What is told of an exception: its type, and where in the user's own code it came from."""

from typing import Any

from tapwater.runtime.failing import frames_of, type_of

SHOP = """
def outer(deep):
    if deep:
        outer(deep - 1)
    helper(Thing().bad)

class Thing:
    def bad(self):
        raise KeyError("x")
"""
LIBRARY = """
def helper(call):
    call()
"""


def raised(deep: int) -> BaseException:
    names: dict[str, Any] = {"__name__": "shop"}
    exec(compile(LIBRARY, "/layer/site-packages/lib.py", "exec"), names)
    exec(compile(SHOP, "/app/users/restful/hi.py", "exec"), names)
    try:
        names["outer"](deep)
    except KeyError as error:
        return error
    raise AssertionError


def test_only_the_users_own_places_count_the_innermost_last() -> None:
    assert frames_of(raised(0)) == [
        "users/restful/hi.py:outer",
        "users/restful/hi.py:Thing.bad",
    ]


def test_a_long_way_is_told_from_its_end() -> None:
    frames = frames_of(raised(100))
    assert len(frames) == 8
    assert frames[-1] == "users/restful/hi.py:Thing.bad"


def test_an_error_that_nobody_raised_came_from_nowhere() -> None:
    assert frames_of(ValueError()) == []


def test_a_type_that_says_it_is_of_no_module() -> None:
    strange = type("Strange", (Exception,), {"__module__": 7})
    assert type_of(strange()) == "Strange"
