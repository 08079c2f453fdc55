"""The CEL evaluator alone, loaded when the first rule is read.

``import cel`` would load the package's own command line as well (prompt_toolkit, typer, rich): 250
modules, a tenth of a second of each start and 13 MB, of which nothing is ever used here.
"""

import sys
from functools import cache
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from typing import Any

_PACKAGE = "cel"
_EVALUATOR = "cel.cel"  # what ``cel`` gives away as its own


def broke(error: BaseException) -> bool:
    """Say whether the evaluator itself broke. Its panics are no ``Exception``, and of a class that
    is made where it is raised: there is nothing to import.
    """
    kind = type(error)
    return (kind.__module__, kind.__name__) == ("pyo3_runtime", "PanicException")


@cache
def evaluator() -> Any:
    """Give the module that has ``compile``.

    Raises:
        ImportError: the package is not installed, or looks different from what we know.
    """
    loaded = sys.modules.get(_EVALUATOR)
    if loaded is not None:
        return loaded  # A second load would end the process: it installs a logger, once.
    package = PathFinder.find_spec(_PACKAGE)
    places = package.submodule_search_locations if package is not None else None
    spec = PathFinder.find_spec(_EVALUATOR, places) if places else None
    if spec is None or spec.loader is None:
        raise ImportError(f"{_EVALUATOR} (common-expression-language) is not installed")
    module = sys.modules[_EVALUATOR] = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
