"""How an instance comes to its socket."""

import asyncio
import socket

from tapwater_server.instances.instance import Instance
from tapwater_server.instances.speech import open_output
from tapwater_server.model.function import Style
from tapwater_server.ports.sandbox import Guest


async def open_instance(instance: Instance, guest: Guest) -> None:
    """Take over the guest's socket and its plain output, and hear of its death."""
    sock = socket.socket(fileno=guest.socket_fd)
    sock.setblocking(False)
    # What reads another cloud's logs expects the lines as its functions wrote them.
    instance.speech.verbatim = instance.function.style is Style.FOREIGN
    loop = asyncio.get_running_loop()
    try:
        if instance.ahead is not None:
            instance.ahead.greet(sock)
        await loop.create_unix_connection(lambda: instance, sock=sock)
    except BaseException:
        sock.close()
        guest.kill()
        raise
    if guest.output_fd >= 0:
        await open_output(guest.output_fd, instance.on_output)
    guest.when_died(instance.died)
