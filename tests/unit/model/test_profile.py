"""Profiles in the forms that tools read."""

from hypothesis import given
from hypothesis import strategies as st

from tapwater_server.model.ids import AppId, FunctionId
from tapwater_server.model.profile import (
    STACKS_MAX,
    Mode,
    Profile,
    ProfileAsked,
    folded,
    speedscope,
    tree,
)

STACKS = {("a (x.py:1)", "b (y.py:22)"): 3.0, ("a (x.py:1)",): 1.0, ("c",): 0.4}
ASKED = ProfileAsked(function=FunctionId(AppId("shop"), "a/b"))


def test_folded_lines() -> None:
    assert folded(STACKS) == "a (x.py:1) 1\na (x.py:1);b (y.py:22) 3\nc 1\n"


def test_speedscope_keeps_to_its_schema() -> None:
    said = speedscope(STACKS, name="a/b", mode=Mode.CPU)
    assert said["$schema"] == "https://www.speedscope.app/file-format-schema.json"
    frames, (profile,) = said["shared"]["frames"], said["profiles"]
    assert frames[0] == {"name": "a", "file": "x.py", "line": 1}
    assert profile["type"] == "sampled"
    assert profile["unit"] in ("none", "nanoseconds", "microseconds", "milliseconds", "seconds")
    assert len(profile["samples"]) == len(profile["weights"]) == len(STACKS)
    assert all(0 <= number < len(frames) for sample in profile["samples"] for number in sample)
    assert (profile["startValue"], profile["endValue"]) == (0, 4.4)


def test_there_is_an_end_of_stacks() -> None:
    profile = Profile(asked=ASKED)
    for number in range(STACKS_MAX + 5):
        profile.add((str(number),), 1.0)
    profile.add(("0",), 1.0)
    assert (len(profile.stacks), profile.left_out, profile.stacks["0",]) == (STACKS_MAX, 5.0, 2.0)
    assert profile.weight == STACKS_MAX + 6


@given(
    st.dictionaries(
        st.lists(st.sampled_from("abc"), min_size=1, max_size=5).map(tuple),
        st.floats(min_value=0.1, max_value=100),
        max_size=20,
    )
)
def test_a_frame_is_never_narrower_than_what_stands_on_it(
    stacks: dict[tuple[str, ...], float],
) -> None:
    waiting = [tree(stacks)]
    while waiting:
        node = waiting.pop()
        assert node.weight >= sum(below.weight for below in node.below.values()) - 1e-6
        waiting += node.below.values()
