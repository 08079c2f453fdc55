"""Stops in the user's code: pdb in this terminal, or debugpy for an editor."""

import bdb
import functools
import importlib
import inspect
import pdb
import sys
import traceback
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from types import CodeType, FrameType, TracebackType
from typing import Any, Protocol

from tapwater.problem import Problem
from tapwater.runtime.program import Handler, Program

HOST = "127.0.0.1"  # A debugger runs any code for who reaches it.


class NoDebugger(Exception):
    """The debugger cannot be had; the text says what to do."""


class Debugger(Protocol):
    """What makes a program stop."""

    def prepared(self, program: Program) -> Program:
        """The same program, which stops where its handler begins."""
        ...


def open_debugger(said: str, *, folder: str) -> Debugger | None:
    """Open ``pdb``, ``debugpy:PORT``, or none.

    Raises:
        NoDebugger: debugpy is not installed here, or its port is taken.
    """
    if said == "pdb":
        return Pdb(folder)
    if said.startswith("debugpy:"):
        _open_debugpy(int(said.partition(":")[2]))
    return None


def _open_debugpy(port: int) -> None:
    try:
        debugpy = importlib.import_module("debugpy")  # Of the app's own environment.
    except ImportError as error:
        raise NoDebugger(
            f"debugpy is not installed for {sys.executable}: "
            f"uv pip install --python {sys.executable} debugpy"
        ) from error
    try:
        host, found = debugpy.listen((HOST, port))
    except (RuntimeError, OSError) as error:
        raise NoDebugger(f"debugpy cannot listen on {HOST}:{port}: {error}") from error
    sys.stderr.write(f"debugpy waits on {host}:{found}: attach your editor to it\n")
    sys.stderr.flush()
    debugpy.wait_for_client()


class _Stops(pdb.Pdb):
    """Lets everything run until a frame that is wanted begins; from there on it is pdb."""

    def __init__(self, wanted: Callable[[FrameType], bool]) -> None:
        super().__init__()
        self._wanted: Callable[[FrameType], bool] | None = wanted

    def begin(self, frame: FrameType) -> None:
        """Look at each call of this thread from now on."""
        self.reset()
        self.botframe = frame
        sys.settrace(self.trace_dispatch)

    def stop_here(self, frame: FrameType) -> bool:
        if self._wanted is not None:
            return self._wanted(frame)
        return super().stop_here(frame)

    def user_call(self, frame: FrameType, argument_list: Any) -> None:
        if self._wanted is None:
            super().user_call(frame, argument_list)
            return
        self._wanted = None
        self.set_step()  # The next line is the first of what is wanted.


class Pdb:
    """Stops at the first line of the handler, and again where an exception leaves it."""

    def __init__(self, folder: str) -> None:
        self._folder = folder.rstrip("/") + "/"

    def prepared(self, program: Program) -> Program:
        """The same program with its handlers, or its whole app, watched."""
        handlers: Mapping[str, Handler] = {
            verb: replace(handler, function=self._watched(handler.function))
            for verb, handler in program.handlers.items()
        }
        app = program.app
        if program.style == "asgi":
            app = self._watched_async(app, self._in_folder)
        elif program.style == "wsgi":
            app = self._watched_plain(app, self._in_folder)
        return replace(program, handlers=handlers, app=app)

    def _in_folder(self, frame: FrameType) -> bool:
        return frame.f_code.co_filename.startswith(self._folder)

    def _watched(self, function: Callable[..., Any]) -> Callable[..., Any]:
        code = _code_of(function)

        def is_handler(frame: FrameType) -> bool:
            return frame.f_code is code

        wanted = is_handler if code is not None else self._in_folder
        if inspect.iscoroutinefunction(inspect.unwrap(function)):
            return self._watched_async(function, wanted)
        return self._watched_plain(function, wanted)

    def _watched_plain(
        self, function: Callable[..., Any], wanted: Callable[[FrameType], bool]
    ) -> Callable[..., Any]:
        @_like(function)
        def watched(*given: Any, **named: Any) -> Any:
            _Stops(wanted).begin(sys._getframe())
            try:
                value = function(*given, **named)
            except BaseException as error:
                raise _examined(error) from None
            if not inspect.isgenerator(value):  # Its code runs later, in this thread.
                sys.settrace(None)
            return value

        return watched

    def _watched_async(
        self, function: Callable[..., Awaitable[Any]], wanted: Callable[[FrameType], bool]
    ) -> Callable[..., Awaitable[Any]]:
        @_like(function)
        async def watched(*given: Any, **named: Any) -> Any:
            _Stops(wanted).begin(sys._getframe())
            try:
                return await function(*given, **named)
            except BaseException as error:
                raise _examined(error) from None
            finally:
                sys.settrace(None)

        return watched


def _examined(error: BaseException) -> BaseException:
    """Let the person look at where it was raised; give what goes on from here."""
    sys.settrace(None)
    if isinstance(error, bdb.BdbQuit):
        return RuntimeError("ended in the debugger")
    if isinstance(error, Exception) and not isinstance(error, Problem):
        where: TracebackType | None = error.__traceback__
        traceback.print_exception(type(error), error, where.tb_next if where else None)
        pdb.post_mortem(where)
    return error


def _like(function: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Name the watched one like the other; a whole app may be an object without a name."""

    def named(watched: Callable[..., Any]) -> Callable[..., Any]:
        return functools.update_wrapper(watched, function, updated=())

    return named


def _code_of(function: Callable[..., Any]) -> CodeType | None:
    inner = inspect.unwrap(function)
    if isinstance(inner, functools.partial):
        inner = inner.func
    code = getattr(inner, "__code__", None) or getattr(type(inner).__call__, "__code__", None)
    return code if isinstance(code, CodeType) else None
