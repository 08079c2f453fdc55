"""Runs one call of a working copy in this process, for `tapwater replay --local`.

The other end of the socket is the command: it sends the call, as the platform would, and answers
what the function asks. The standard streams are the terminal's, so that a debugger can use them.
"""

import json
import os
import socket
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tapwater.options import given as given_options
from tapwater.runtime.failing import pack_fail
from tapwater.runtime.link import BlockingLink
from tapwater.runtime.loading import Loaded, LoadError, load_here
from tapwater.runtime.runner import serve
from tapwater.testing.debugging import NoDebugger, open_debugger


def main(said: str) -> int:
    """Load the function and serve calls until the command says stop."""
    asked: Mapping[str, Any] = json.loads(said)
    link = BlockingLink(socket.socket(fileno=int(asked["fd"])))
    try:
        debugger = open_debugger(str(asked["debugger"]), folder=str(asked["image"]["code"]))
    except NoDebugger as error:
        return _refuse(link, str(error), "")
    try:
        loaded = _load(asked["image"])
    except LoadError as error:
        return _refuse(link, str(error).partition("\n")[0], str(error))
    if debugger is not None:
        loaded = replace(loaded, program=debugger.prepared(loaded.program))
    serve(link, loaded)
    return 0


def _load(image: Mapping[str, Any]) -> Loaded:
    loaded = load_here(image)
    environment = given_options().get("environment") or {}
    os.environ.update({str(name): str(value) for name, value in dict(environment).items()})
    for hook in loaded.hooks[1]:
        hook()
    return loaded


def _refuse(link: BlockingLink, message: str, trace: str) -> int:
    call = link.next_call()
    if call is not None:
        link.send(pack_fail(call.number, "start_failed", message, trace))
    sys.stderr.flush()
    return 1
