"""Reads the options a file spells out, without running it. Pure.

Only a guess that saves time: with it the first sandbox already has the memory and the network
the module asks for. What counts is the manifest, made by running the module in confinement.
"""

import ast
from collections.abc import Mapping
from typing import Any

from tapwater_server.control import options

SOURCE_CHARS_MAX = 1 << 20


def peek(source: str) -> Mapping[str, Any]:
    """Give the literal keyword arguments of ``options(...)`` calls at the top of a file.

    >>> peek('options(memory="1GB", timeout=T)')
    {'memory': '1GB'}
    """
    if len(source) > SOURCE_CHARS_MAX or "options(" not in source:
        return {}
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}  # The module will say so itself when it is imported.
    found: dict[str, Any] = {}
    for statement in tree.body:
        for call in _calls(statement):
            found |= _literals(call)
    return found


def _calls(statement: ast.stmt) -> list[ast.Call]:
    """Give the calls of ``options`` that a statement is, or decorates with."""
    candidates: list[ast.expr] = []
    if isinstance(statement, ast.Expr):
        candidates = [statement.value]
    elif isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
        candidates = list(statement.decorator_list)
    return [one for one in candidates if isinstance(one, ast.Call) and _name(one) == "options"]


def _name(call: ast.Call) -> str:
    function = call.func
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _literals(call: ast.Call) -> dict[str, Any]:
    values = {}
    for keyword in call.keywords:
        if keyword.arg is None or keyword.arg not in options.READERS:
            continue
        try:
            value = ast.literal_eval(keyword.value)
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            continue
        if not options.complain("", {keyword.arg: value}):
            values[keyword.arg] = value
    return values
