"""Finding the handler that a function's settings name, in the module they name."""

import importlib
import sys
from collections.abc import Callable
from typing import Any

from tapwater.clouds.aws.faults import Fault

Handler = Callable[[Any, Any], Any]


def find(name: str) -> Handler:
    """Import the module of a handler, and take the handler out of it.

    Raises:
        Fault: there is no such thing. What the module itself raises is let through.
    """
    modname, dot, attribute = name.rpartition(".")
    if not dot:
        why = "not enough values to unpack (expected 2, got 1)"
        raise Fault("MalformedHandlerName", f"Bad handler '{name}': {why}")
    module = _imported(modname)
    try:
        found: Handler = getattr(module, attribute)
    except AttributeError:
        missing = f"Handler '{attribute}' missing on module '{modname}'"
        raise Fault("HandlerNotFound", missing) from None
    return found


def _imported(modname: str) -> Any:
    if modname.split(".")[0] in sys.builtin_module_names:
        what = f"Cannot use built-in module {modname} as a handler module"
        raise Fault("BuiltInModuleConflict", what)
    try:
        return importlib.import_module(modname.replace("/", "."))
    except ImportError as error:
        what = f"Unable to import module '{modname}': {error}"
        raise Fault("ImportModuleError", what) from error
    except SyntaxError as error:
        trace = [f'  File "{error.filename}" Line {error.lineno}\n    {error.text}']
        what = f"Syntax error in module '{modname}': {error}"
        raise Fault("UserCodeSyntaxError", what, trace) from error
