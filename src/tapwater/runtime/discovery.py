"""Look at an imported module and decide what it is: verbs, an app, or reactive."""

import inspect
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any

from tapwater import on
from tapwater.options import Options
from tapwater.options import options as tapwater_options
from tapwater.runtime.binding import compile_plan
from tapwater.runtime.context import Identity
from tapwater.runtime.program import VERBS, Handler, Program, is_async

_PATTERNS = ("collection", "path", "topic")  # Arguments of triggers whose {names} are parameters.


class Unusable(Exception):
    """The module is no function, or one that cannot be called; the text says why."""


def discover(
    module: ModuleType,
    *,
    file: str,
    identity: Identity,
    path_names: frozenset[str],
    concurrency: int,
) -> Program:
    """Find the module's handlers.

    Raises:
        Unusable: there are none, or one cannot be called.
    """
    finder = _Finder(module, file, identity, path_names)
    style = app_style(getattr(module, "app", None))
    if style:
        return Program(style=style, identity=identity, app=module.app, concurrency=concurrency)
    reactive = finder.reactive()
    if reactive is not None:
        handler, triggers = reactive
        return Program(
            style="event",
            identity=identity,
            handlers={"": handler},
            triggers=triggers,
            concurrency=concurrency,
        )
    handlers = finder.verbs()
    websocket = finder.websocket()
    if not handlers and websocket is None:
        raise Unusable(_nothing(file))
    return Program(
        style="verbs",
        identity=identity,
        handlers=handlers,
        websocket=websocket,
        concurrency=concurrency,
    )


def _nothing(file: str) -> str:
    if "/reactive/" in f"/{file}":
        return f"{file} decorates no function with @on.…(...)"
    return f"{file} defines no get(), post(), …, handler, app or websocket"


def app_style(app: Any) -> str:
    """Whether it is a whole ASGI or WSGI app; empty for neither.

    >>> app_style(lambda environ, start_response: [])
    'wsgi'
    """
    if not callable(app) or inspect.isclass(app):
        return ""
    if is_async(app):
        return "asgi"
    try:
        names = list(inspect.signature(app).parameters)
    except (TypeError, ValueError):
        return ""
    if len(names) == 3:
        return "asgi"  # A plain function that gives a coroutine: old middleware does.
    return "wsgi" if len(names) == 2 else ""


def foreign_verbs(module: ModuleType) -> tuple[str, ...]:
    """Names like ``get`` that came from elsewhere: ``from requests import get`` is no handler."""
    names = (*VERBS, "handler", "websocket")
    return tuple(
        name
        for name in names
        if callable(getattr(module, name, None))
        and not _own(module, getattr(module, name))
        and getattr(module, name) is not tapwater_options
    )


def _own(module: ModuleType, value: Any) -> bool:
    if isinstance(value, Options) or value is tapwater_options or inspect.isclass(value):
        return False
    if not inspect.isroutine(value):
        return callable(value)
    return getattr(value, "__module__", None) == module.__name__


class _Finder:
    def __init__(
        self, module: ModuleType, file: str, identity: Identity, path_names: frozenset[str]
    ) -> None:
        self._module = module
        self._file = file
        self._identity = identity
        self._path_names = path_names

    def verbs(self) -> dict[str, Handler]:
        found = {verb.upper(): function for verb in VERBS if (function := self._function(verb))}
        catch_all = self._function("handler")
        if catch_all is not None:
            found[""] = catch_all
        return {verb: self._handler(function) for verb, function in found.items()}

    def websocket(self) -> Handler | None:
        function = self._function("websocket")
        if function is None:
            return None
        if not is_async(function):
            raise Unusable(f"{self._where(function)}: write async def websocket(ws)")
        return self._handler(function)

    def reactive(self) -> tuple[Handler, tuple[on.Triggered, ...]] | None:
        marked = [
            function
            for function in dict.fromkeys(filter(inspect.isroutine, vars(self._module).values()))
            if on.triggers(function) and function.__module__ == self._module.__name__
        ]
        if not marked:
            return None
        if len(marked) > 1:
            listed = ", ".join(f"{one.__name__}()" for one in marked)
            raise Unusable(f"{self._file}: one file is one function, this decorates {listed}")
        function, triggers = marked[0], on.triggers(marked[0])
        batches = {one.source == "batch" for one in triggers}
        if len(batches) > 1:
            raise Unusable(
                f"{self._where(function)}: takes batches, so all triggers must be @on.batch"
            )
        handler = self._handler(
            function, reactive=True, batch=True in batches, path_names=_pattern_names(triggers)
        )
        return handler, triggers

    def _function(self, name: str) -> Callable[..., Any] | None:
        value = getattr(self._module, name, None)
        return value if callable(value) and _own(self._module, value) else None

    def _handler(
        self,
        function: Callable[..., Any],
        *,
        reactive: bool = False,
        batch: bool = False,
        path_names: frozenset[str] | None = None,
    ) -> Handler:
        asynchronous = is_async(function)
        try:
            plan = compile_plan(
                function,
                path_names=self._path_names if path_names is None else path_names,
                identity=self._identity,
                is_async=asynchronous,
                reactive=reactive,
                batch=batch,
            )
        except (TypeError, ValueError) as error:
            raise Unusable(f"{self._where(function)}: {error}") from error
        return Handler(function=function, plan=plan, is_async=asynchronous)

    def _where(self, function: Callable[..., Any]) -> str:
        code = getattr(inspect.unwrap(function), "__code__", None)
        line = f":{code.co_firstlineno}" if code is not None else ""
        return f"{self._file}{line}: {getattr(function, '__name__', 'handler')}()"


def _pattern_names(triggers: Iterable[on.Triggered]) -> frozenset[str]:
    """The ``{names}`` in what the triggers listen to."""
    patterns = [str(one.arguments.get(name, "")) for one in triggers for name in _PATTERNS]
    return frozenset(part.partition("}")[0] for text in patterns for part in text.split("{")[1:])
