"""A seccomp filter as bytes: rules in, classic BPF out. Installs it on the calling process."""

import ctypes
import struct
from collections.abc import Iterable
from typing import NamedTuple

from tapwater.runtime import kernel

ALLOW = 0x7FFF0000
KILL = 0x80000000
ERRNO = 0x00050000
EPERM = 1
ENOSYS = 38
EAFNOSUPPORT = 97
EPROTONOSUPPORT = 93

ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
X32_BIT = 0x40000000

_LOAD = 0x20  # BPF_LD | BPF_W | BPF_ABS
_AND = 0x54  # BPF_ALU | BPF_AND | BPF_K
_JUMP_EQUAL = 0x15
_JUMP_GREATER = 0x25
_JUMP_GREATER_EQUAL = 0x35
_RETURN = 0x06
_NUMBER_AT, _ARCHITECTURE_AT, _ARGUMENTS_AT = 0, 4, 16
_INSTRUCTION = struct.Struct("=HBBI")
_JUMP_MAX = 255
_MODE_FILTER = 2


class Masked(NamedTuple):
    """Refuse when (argument & mask) == value, or, with ``unless``, when it is none of ``values``.

    Only the low 32 bits of an argument are looked at: enough for flags, families and requests,
    which the kernel itself reads as 32 bits; for those it reads as 64, ``high`` must be zero too.
    """

    argument: int
    values: tuple[int, ...]
    mask: int = 0xFFFFFFFF
    unless: bool = False
    high: bool = False


class Rule(NamedTuple):
    """One system call: what to answer, always or where one of ``when`` holds."""

    number: int
    error: int = EPERM
    when: tuple[Masked, ...] = ()


def _op(code: int, value: int, true: int = 0, false: int = 0) -> bytes:
    assert 0 <= true <= _JUMP_MAX
    assert 0 <= false <= _JUMP_MAX
    return _INSTRUCTION.pack(code, true, false, value)


def _masked(test: Masked, error: int) -> list[bytes]:
    refuse = _op(_RETURN, ERRNO | error)
    at = _ARGUMENTS_AT + 8 * test.argument
    ops: list[bytes] = []
    if test.high:
        ops += [_op(_LOAD, at + 4), _op(_JUMP_EQUAL, 0, true=1), refuse]
    ops.append(_op(_LOAD, at))
    if test.mask != 0xFFFFFFFF:
        ops.append(_op(_AND, test.mask))
    count = len(test.values)
    for index, value in enumerate(test.values):
        # Found: over the rest of the values, and over the refusal where finding is good.
        over = count - index - 1
        if test.unless:
            ops.append(_op(_JUMP_EQUAL, value, true=over + 1))
        else:
            last = index == count - 1
            ops.append(_op(_JUMP_EQUAL, value, true=over, false=1 if last else 0))
    ops.append(refuse)
    return ops


def _rule(rule: Rule) -> list[bytes]:
    if rule.when:
        body = [op for test in rule.when for op in _masked(test, rule.error)]
        body.append(_op(_RETURN, ALLOW))
    else:
        body = [_op(_RETURN, ERRNO | rule.error)]
    return [_op(_JUMP_EQUAL, rule.number, false=len(body)), *body]


def assemble(machine: str, rules: Iterable[Rule], *, unknown: Iterable[tuple[int, int]]) -> bytes:
    """Make a filter that allows what no rule names.

    ``unknown`` are ranges of numbers (first, last) that answer ENOSYS: calls that this filter's
    author has not seen, so that a newer kernel does not open doors by itself.
    """
    ops = [
        _op(_LOAD, _ARCHITECTURE_AT),
        _op(_JUMP_EQUAL, ARCHITECTURES[machine], true=1),
        _op(_RETURN, KILL),
        _op(_LOAD, _NUMBER_AT),
    ]
    if machine == "x86_64":
        ops += [_op(_JUMP_GREATER_EQUAL, X32_BIT, false=1), _op(_RETURN, KILL)]
    for first, last in unknown:
        ops += [
            _op(_JUMP_GREATER_EQUAL, first, false=2),
            _op(_JUMP_GREATER, last, true=1),
            _op(_RETURN, ERRNO | ENOSYS),
        ]
    for rule in rules:
        ops += _rule(rule)
    ops.append(_op(_RETURN, ALLOW))
    return b"".join(ops)


def install(program: bytes) -> None:
    """Put the filter on this process and all it will start; it cannot be taken off.

    Needs no_new_privs or CAP_SYS_ADMIN.
    """
    code = ctypes.create_string_buffer(program, len(program))
    head = struct.pack("=HxxxxxxQ", len(program) // _INSTRUCTION.size, ctypes.addressof(code))
    holder = ctypes.create_string_buffer(head, len(head))
    kernel.prctl(kernel.PR_SET_SECCOMP, _MODE_FILTER, ctypes.addressof(holder))
