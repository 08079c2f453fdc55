"""Blobs on one node: facts in SQLite beside the event log, bytes in files."""

from tapwater_server.assembly.parts.ground import Ground, Part
from tapwater_server.backends.files.blob_bytes import FileBlobBytes
from tapwater_server.backends.files.key_file import ensure_key
from tapwater_server.backends.sqlite.blobs import SqliteBlobFacts
from tapwater_server.services.blobs.http import BlobsApi
from tapwater_server.services.blobs.http_buckets import BucketsApi
from tapwater_server.services.blobs.http_forms import FormsApi
from tapwater_server.services.blobs.http_signing import SigningApi
from tapwater_server.services.blobs.http_uploads import UploadsApi
from tapwater_server.services.blobs.lifecycle import Lifecycle
from tapwater_server.services.blobs.permits import Permits
from tapwater_server.services.blobs.service import Blobs
from tapwater_server.services.blobs.streams import Streams
from tapwater_server.services.blobs.sweeping import Sweeping
from tapwater_server.services.blobs.uploads import Uploads


async def open(ground: Ground) -> Part:
    """Open the stores, and join them to the service and its API."""
    clock, ids, data = ground.clock, ground.ids, ground.settings.data
    facts = SqliteBlobFacts(
        database=ground.stores.data, log=ground.stores.eventlog, clock=clock, ids=ids
    )
    bytes = FileBlobBytes(data / "blobs", clock=clock)
    ground.stack.push_async_callback(bytes.close)
    streams = Streams(bytes=bytes, ids=ids)
    blobs = Blobs(facts=facts, streams=streams, clock=clock)
    uploads = Uploads(facts=facts, streams=streams, clock=clock, ids=ids)
    key = ensure_key(data / "blob-key")
    permits = Permits(rules=ground.rules, key=key, clock=clock)
    sweeping = Sweeping(
        facts=facts,
        bytes=bytes,
        streams=streams,
        lifecycle=Lifecycle(facts=facts, clock=ground.steady),
        clock=clock,
        began_at=clock.now(),
    )
    return Part(
        name="blobs",
        endpoints=(
            *BucketsApi(blobs=blobs, permits=permits).endpoints(),
            *UploadsApi(blobs=blobs, uploads=uploads, permits=permits).endpoints(),
            *SigningApi(key=key, clock=clock).endpoints(),
            *FormsApi(blobs=blobs, key=key, clock=clock).endpoints(),
            *BlobsApi(blobs=blobs, permits=permits).endpoints(),
        ),
        loops=(sweeping.run(),),
        erase=blobs.erase,
        service=blobs,
    )
