"""YAML and JSON of projects for AWS: tags, lines, mistakes, and texts that would never end."""

import pytest

from tapwater_server.cli.aws.reading import Document, parse
from tapwater_server.cli.failures import CommandFailed

TAGS = """
A: !Ref B
C: !GetAtt D.Arn
E: !GetAtt [D, Arn]
F: !Sub "${A}-x"
G: !If [Yes, 1, !Ref "AWS::NoValue"]
H: !Join ["-", [!Ref A, b]]
I: !Condition Yes
Version: 2010-09-09
"""


def test_short_tags_are_the_long_forms() -> None:
    value = parse(TAGS, "t.yaml").value
    assert value["A"] == {"Ref": "B"}
    assert value["C"] == value["E"] == {"Fn::GetAtt": ["D", "Arn"]}
    assert value["F"] == {"Fn::Sub": "${A}-x"}
    assert value["G"] == {"Fn::If": [True, 1, {"Ref": "AWS::NoValue"}]}
    assert value["H"] == {"Fn::Join": ["-", [{"Ref": "A"}, "b"]]}
    assert value["I"] == {"Condition": "Yes"} or value["I"] == {"Condition": True}
    assert value["Version"] == "2010-09-09"  # a text, not a day


def test_json_is_read_too() -> None:
    assert parse('{"Resources": {"Q": {"Type": "AWS::SQS::Queue"}}}', "t.json").value


def test_each_part_knows_its_line() -> None:
    document = parse("A:\n  B:\n    - x\n    - C: 1\n", "t.yaml")
    assert document.where("A", "B", 1, "C") == "t.yaml:4"
    assert document.where("A", "B", "nothing", "below") == "t.yaml:2"
    assert Document(name="t", value=None).where("A") == "t"


@pytest.mark.parametrize(
    ("text", "line"),
    [("A: [1\nB: 2", 2), ("A:\n\tB: 1", 2), ("A: !Ref B\n  C: 1", 2), ("A: *nobody", 1)],
)
def test_a_mistake_names_its_line(text: str, line: int) -> None:
    with pytest.raises(CommandFailed) as failed:
        parse(text, "template.yaml")
    assert failed.value.problems[0].where == f"template.yaml:{line}"


def test_aliases_cannot_say_a_little_a_billion_times() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    for level in range(1, 10):
        many = ", ".join([f"*a{level - 1}"] * 10)
        lines.append(f"a{level}: &a{level} [{many}]")
    with pytest.raises(CommandFailed, match="more than"):
        parse("\n".join(lines), "t.yaml")


@pytest.mark.parametrize("text", ["a: &a [*a]", "[" * 20_000, "a: !!python/object:os.system x"])
def test_what_is_no_value_is_refused(text: str) -> None:
    with pytest.raises(CommandFailed):
        parse(text, "t.yaml")
