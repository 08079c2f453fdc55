"""The guide's table names each type that there is, and none that is not."""

import re
from pathlib import Path

from tapwater_server.clouds.aws.cloudformation.kinds import KINDS
from tapwater_server.clouds.aws.cloudformation.kinds.absent import ABSENT, why_absent

GUIDE = Path(__file__).parents[5] / "docs/guides/aws-stacks.md"
_PREFIXED = re.compile(r"`AWS::(\w+)::` ((?:`\w+`(?:, )?)+)")


def said() -> set[str]:
    """Read the types out of the table."""
    text = GUIDE.read_text(encoding="utf-8").partition("## What stacks can have")[2]
    table = text.partition("\n\n")[2].partition("\n\n")[0]
    rows = [row for row in table.splitlines() if row.startswith("| ")]
    names = {f"AWS::{name}" for row in rows for name in re.findall(r"`(\w+::\w+)`", row)}
    for row in rows:
        for service, parts in _PREFIXED.findall(row):
            names |= {f"AWS::{service}::{part}" for part in re.findall(r"\w+", parts)}
        if row.startswith("| Lambda |"):
            names |= {f"AWS::Lambda::{name}" for name in re.findall(r"`(\w+)`", row)}
    return {name for name in names if not name.startswith(("AWS::AWS::", "AWS::Fn::"))}


def test_the_table_is_whole() -> None:
    assert said() == set(KINDS)


def test_nothing_is_there_and_absent() -> None:
    assert not [name for name in KINDS if name in ABSENT]
    assert why_absent("AWS::SecretsManager::RotationSchedule")
    assert why_absent("AWS::ApiGateway::VpcLink") == "there are no private networks"
    assert not why_absent("AWS::Nobody::Knows")
