"""Landlock: files may be written in a few places only. Needs no privilege; Linux 5.13 and later."""

import ctypes
import os
import struct

from tapwater.runtime import kernel

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same on every machine
_VERSION_FLAG = 1
_PATH_BENEATH = 1

_WRITE_FILE = 1 << 1
# Removing and making directories, files, sockets, fifos, devices, symlinks.
_CHANGE_DIR = sum(1 << bit for bit in range(4, 13))
_REFER, _TRUNCATE = 1 << 13, 1 << 14
_SCOPE_ABSTRACT_UNIX, _SCOPE_SIGNAL = 1, 2
_ABI_REFER, _ABI_TRUNCATE, _ABI_NET, _ABI_SCOPES = 2, 3, 4, 6


def abi() -> int:
    """Give the version of Landlock here; 0: none.

    >>> abi() >= 0
    True
    """
    try:
        return kernel.syscall(
            "landlock_create_ruleset", _CREATE_RULESET, None, ctypes.c_size_t(0), _VERSION_FLAG
        )
    except OSError:
        return 0


def write_rights(version: int) -> int:
    """Give the rights to change files that this version knows."""
    rights = _WRITE_FILE | _CHANGE_DIR
    if version >= _ABI_REFER:
        rights |= _REFER
    if version >= _ABI_TRUNCATE:
        rights |= _TRUNCATE
    return rights


def ruleset(version: int) -> bytes:
    """Give the kernel's struct: the rights we take in hand, and the scopes.

    >>> len(ruleset(1)), len(ruleset(4)), len(ruleset(6))
    (8, 16, 24)
    """
    rights = write_rights(version)
    if version >= _ABI_SCOPES:
        # Instances of one function share a network, where abstract sockets live: keep them apart.
        return struct.pack("=QQQ", rights, 0, _SCOPE_ABSTRACT_UNIX | _SCOPE_SIGNAL)
    if version >= _ABI_NET:
        return struct.pack("=QQ", rights, 0)
    return struct.pack("=Q", rights)


def restrict_writes(version: int, folders: tuple[str, ...], files: tuple[str, ...]) -> None:
    """Allow writing below ``folders`` and into ``files`` only, from now on, for good."""
    rights = write_rights(version)
    attributes = ruleset(version)
    rules = kernel.syscall(
        "landlock_create_ruleset",
        _CREATE_RULESET,
        attributes,
        ctypes.c_size_t(len(attributes)),
        0,
    )
    try:
        for folder in folders:
            _allow(rules, folder, rights)
        for file in files:
            _allow(rules, file, _WRITE_FILE)
        kernel.syscall("landlock_restrict_self", _RESTRICT_SELF, rules, 0)
    finally:
        os.close(rules)


def _allow(rules: int, path: str, rights: int) -> None:
    place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        beneath = struct.pack("=Qi", rights, place)
        kernel.syscall("landlock_add_rule", _ADD_RULE, rules, _PATH_BENEATH, beneath, 0)
    finally:
        os.close(place)
