"""`tapwater rules`: check who may read or write what, and try it, here and without a server."""

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from tapwater_server.cli.clock import now
from tapwater_server.cli.failures import CommandFailed, Exit, Problem
from tapwater_server.cli.session import Session
from tapwater_server.cli.talking import command

_FILE_BYTES_MAX = 1 << 20
Place = Annotated[
    Path | None, typer.Argument(metavar="[PATH]", help="The app's folder. Default: this one.")
]


def register(app: typer.Typer, *, panel: str) -> None:
    """Add the commands."""
    rules = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
    app.add_typer(
        rules,
        name="rules",
        rich_help_panel=panel,
        help="Rules of an app: check them and try them, without a server.",
    )
    command(rules, "check")(check)
    command(rules, "test")(try_)


async def check(session: Session, path: Place = None) -> int | None:
    """Check rules.toml (or [rules] in tapwater.toml), as a deploy would."""
    book, file = _rulebook(path or session.folder)
    count = sum(len(rules) for rules in book.rules.values())
    what = "1 rule" if count == 1 else f"{count} rules"
    session.answer({"file": file, "rules": count}, f"{file}: {what}, all right.")
    return None


async def try_(
    session: Session,
    path: Place = None,
    *,
    all_: Annotated[bool, typer.Option("--all", help="Show the reason of each case.")] = False,
) -> int | None:
    """Try the cases of rules_test.toml: who, action, path, old, new, expect."""
    from tapwater_server.rules.trial import FILE, read_cases, try_case

    folder = path or session.folder
    book, _ = _rulebook(folder)
    raw = _read(folder / FILE)
    if raw is None:
        raise CommandFailed(
            f"there is no {FILE} in {folder}",
            exit=Exit.NOT_FOUND,
            code="not_found",
            hint="Write cases: [[case]] with who, action, path, expect. See docs/guides/rules.md.",
        )
    cases, problems = read_cases(raw, now=now())
    _refuse(problems, what="The cases cannot be read.")
    tried = [try_case(case, book) for case in cases]
    failed = [one for one in tried if not one.passed]
    session.answer(
        {"passed": len(tried) - len(failed), "failed": len(failed), "cases": _as_json(tried)},
        _table(tried, reasons=all_),
    )
    if not session.json:
        session.print(f"{len(tried) - len(failed)} passed, {len(failed)} failed.")
    return Exit.FAILED if failed else None


def _rulebook(folder: Path) -> tuple[Any, str]:
    from tapwater_server.rules.rulebook import FILE, read_rulebook

    if not folder.is_dir():
        raise CommandFailed(f"there is no folder {folder}", exit=Exit.NOT_FOUND, code="not_found")
    raw, file = _read(folder / FILE), FILE
    if raw is None:
        app = _read(folder / "tapwater.toml")
        raw, file = (app or {}).get("rules"), "tapwater.toml"
    if not isinstance(raw, Mapping):
        raise CommandFailed(
            f"there are no rules in {folder}",
            exit=Exit.NOT_FOUND,
            code="not_found",
            hint="Write them into rules.toml beside tapwater.toml. See docs/guides/rules.md.",
        )
    book, problems = read_rulebook(raw, file=file)
    _refuse(problems, what="The rules cannot be meant.")
    return book, file


def _refuse(problems: Sequence[Mapping[str, str]], *, what: str) -> None:
    if problems:
        listed = [Problem(where=one["where"], what=one["what"]) for one in problems]
        raise CommandFailed(what, code="invalid", problems=listed)


def _read(file: Path) -> dict[str, Any] | None:
    try:
        if file.stat().st_size > _FILE_BYTES_MAX:
            raise CommandFailed(f"{file} is larger than any such file", code="invalid")
        return tomllib.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise CommandFailed(f"{file}: {error}", code="invalid") from error


def _table(tried: Sequence[Any], *, reasons: bool) -> Any:
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="dim")
    for title in ("", "case", "action", "path", "who", "expected", "got"):
        table.add_column(title)
    for one in tried:
        question = one.case.question
        mark = "[green]pass[/green]" if one.passed else "[bold red]FAIL[/bold red]"
        who = str(question.user["id"] or "somebody") if question.user else "nobody"
        row = (one.case.name, question.action.value, question.path, who)
        table.add_row(mark, *map(escape, row), _said(one.case.allowed), _said(one.allowed))
        if reasons or not one.passed:
            for reason in one.reasons:
                table.add_row("", f"[dim]{escape(reason)}[/dim]")
    return table


def _said(allowed: bool) -> str:
    return "allow" if allowed else "deny"


def _as_json(tried: Sequence[Any]) -> list[dict[str, Any]]:
    return [
        {
            "name": one.case.name,
            "passed": one.passed,
            "expected": _said(one.case.allowed),
            "got": _said(one.allowed),
            "reasons": list(one.reasons),
        }
        for one in tried
    ]
