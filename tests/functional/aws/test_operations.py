"""The page that says which operations of AWS are here."""

from pathlib import Path

from tools.aws_table import PAGE, ask_services, compare, write


async def test_the_page_says_what_the_services_answer(tmp_path: Path) -> None:
    found = compare(await ask_services(tmp_path))
    assert "Invoke" in found["lambda"].done
    assert "CreateEventSourceMapping" in found["lambda"].done
    assert "CreateCapacityProvider" in found["lambda"].refused
    assert write(found) == PAGE.read_text(), "Run: python -m tools.aws_table"
