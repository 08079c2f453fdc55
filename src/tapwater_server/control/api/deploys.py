"""Deploying an app: the bundle comes in the body, the progress goes out line by line."""

import asyncio
import errno
import logging
import tempfile
from contextlib import ExitStack
from typing import BinaryIO, cast

from tapwater_server.control import foreign
from tapwater_server.control.api.apps import addresses, parse_alias
from tapwater_server.control.api.showing import revision_line
from tapwater_server.control.api.streamed import Emit, lines
from tapwater_server.control.apply import Order
from tapwater_server.control.house import House
from tapwater_server.model.errors import Invalid, TapwaterError, TooLarge
from tapwater_server.model.ids import RESERVED_APPS
from tapwater_server.model.limits import BUNDLE_BYTES_MAX
from tapwater_server.web.asked import Asked
from tapwater_server.web.endpoint import Streamed
from tapwater_server.web.node import app_in_path
from tapwater_server.web.problems import problem

NOTE_CHARS_MAX = 500
_IN_MEMORY_BYTES_MAX = 4 << 20
_log = logging.getLogger(__name__)


async def deploy(house: House, asked: Asked) -> Streamed:
    app = app_in_path(asked)
    if app in RESERVED_APPS:
        raise Invalid(f"no app can be called {app}: the dashboard has that name")
    alias = parse_alias(asked.text("alias") or "live")
    traffic = asked.flag("traffic", default=True)
    note = (asked.text("note") or "")[:NOTE_CHARS_MAX]
    archive = await _receive(asked, house)

    async def run(emit: Emit) -> None:
        try:
            if house.turns.count(app):
                emit({"step": "turn", "state": "note", "detail": "another deploy is running"})
            order = Order(app=app, archive=archive, alias=alias, traffic=traffic, note=note)
            await _run(house, asked, order, emit)
        finally:
            archive.close()

    return Streamed(lines(run))


async def _run(house: House, asked: Asked, order: Order, emit: Emit) -> None:
    try:
        async with house.turns.of(order.app):
            await house.leaving.finish(order.app)
            foreign.check_ours(house.registry.revisions(order.app), instead=foreign.CODE)
            revision = await house.deploying.deploy(order, said=emit)
    except TapwaterError as error:
        emit({"problem": problem(error)})
        return
    except Exception as error:  # The border of a request whose status has been sent already.
        _log.exception("deploy failed by a mistake of ours", extra={"app": order.app})
        emit({"problem": problem(_surprise(error))})
        return
    line = revision_line(
        revision,
        aliases=house.registry.aliases(order.app),
        addresses=addresses(house, asked),
        default=house.registry.default_app() == order.app,
    )
    emit({"revision": line})


def _surprise(error: Exception) -> TapwaterError:
    """What the client may know of an error nobody expected."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return TapwaterError("The server's disk is full; nothing has changed.")
    return TapwaterError("Something went wrong here; the platform's log says what.")


async def _receive(asked: Asked, house: House) -> BinaryIO:
    """Keep the body in memory while it is small, then on disk.

    Raises:
        TooLarge: it has more than ``BUNDLE_BYTES_MAX`` bytes.
        Invalid: it is empty.
        ConnectionResetError: the client went away before its end.
    """
    scratch = str(house.settings.scratch)
    with ExitStack() as closing:
        spool = closing.enter_context(
            tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES_MAX, dir=scratch)
        )
        size = 0
        async for part in asked.chunks():
            size += len(part)
            _check_size(size)
            if size > _IN_MEMORY_BYTES_MAX:
                await asyncio.to_thread(spool.write, part)
            else:
                spool.write(part)
        if not size:
            raise Invalid("the body must be the bundle, a tar.gz")
        closing.pop_all()
    return cast(BinaryIO, spool)


def _check_size(size: int) -> None:
    if size > BUNDLE_BYTES_MAX:
        raise TooLarge(f"the bundle has more than {BUNDLE_BYTES_MAX >> 20} MiB")
