"""Look at annotations: what is left without their wrapping, and what lists are made of."""

import types
import typing
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Union, get_args, get_origin

from tapwater.runtime import foreign

NONE = type(None)
_LISTS: dict[Any, Callable[[Any], Any]] = {
    list: list,
    set: set,
    frozenset: frozenset,
    tuple: tuple,
    Sequence: list,
    Iterable: list,
}


def bare(annotation: Any) -> Any:
    """The annotation without ``Annotated``, ``Required`` and the like.

    >>> bare(typing.Annotated[int, "x"])
    <class 'int'>
    """
    while True:
        if hasattr(annotation, "__value__") and hasattr(annotation, "__type_params__"):
            annotation = annotation.__value__  # type X = ...
        elif get_origin(annotation) is typing.Annotated:
            if foreign.wants(annotation):
                return annotation
            annotation = get_args(annotation)[0]
        elif get_origin(annotation) in (typing.Required, typing.NotRequired):
            annotation = get_args(annotation)[0]
        elif isinstance(annotation, typing.NewType):
            annotation = annotation.__supertype__
        else:
            return annotation


def is_union(annotation: Any) -> bool:
    """Whether it is ``A | B`` in either spelling."""
    return get_origin(annotation) in (Union, types.UnionType)


def sequence_of(annotation: Any) -> tuple[Callable[[Any], Any], Any] | None:
    """How to build a list-like and of what, None for what is none.

    >>> sequence_of(list[int])
    (<class 'list'>, <class 'int'>)
    """
    origin, arguments = get_origin(annotation) or annotation, get_args(annotation)
    try:
        make = _LISTS.get(origin)
    except TypeError:
        return None
    if make is None:
        return None
    if make is tuple and (len(arguments) != 2 or arguments[1] is not ...):
        return None if arguments else (tuple, Any)
    return make, arguments[0] if arguments else Any
