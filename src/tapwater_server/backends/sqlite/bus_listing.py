"""Looking at errands, and what people do with them: revive, drop, sweep, erase."""

import sqlite3
from collections.abc import Sequence
from typing import Any

from tapwater_server.backends.sqlite.bus_heads import Head
from tapwater_server.backends.sqlite.bus_keys import order_keys
from tapwater_server.model.ids import AppId
from tapwater_server.ports.bus import ErrandState, Filter, LineStats

CHUNK_MAX = 500  # Rows removed in one write: others wait for no more than that.

_COLUMNS = """
errand.id, app, line, function,
CASE WHEN state = 4 THEN 'done' WHEN state = 5 THEN 'dead'
     WHEN state = 3 AND due > :now THEN 'leased' ELSE 'waiting' END AS standing,
attempt, published_at, settled_at,
CASE WHEN state < 3 OR (state = 3 AND due <= :now) THEN due ELSE 0.0 END,
key, event, root, depth, result, reason
"""
_STATE = f"""
SELECT {_COLUMNS}, body, attributes FROM errand JOIN errand_content USING (seq)
WHERE errand.id = :id AND state < 6
"""
_MATCHES = """
app = :app AND (:line = '' OR line = :line)
AND (:reason = '' OR instr(reason, :reason) > 0)
AND published_at >= :since AND (:until = 0.0 OR published_at < :until)
"""
_OF_APP = f"""
SELECT {_COLUMNS} FROM errand WHERE {_MATCHES} AND state < 6
AND (:state = '' OR standing = :state)
AND (:after = '' OR seq < (SELECT seq FROM errand WHERE id = :after))
ORDER BY seq DESC LIMIT :count_max
"""
_OF_IDS = f"""
SELECT {_COLUMNS} FROM errand WHERE {_MATCHES} AND state < 6
AND (:state = '' OR standing = :state)
AND (:after = '' OR seq < (SELECT seq FROM errand WHERE id = :after))
AND +seq IN (SELECT seq FROM errand WHERE id IN (SELECT value FROM json_each(:ids)))
ORDER BY seq DESC LIMIT :count_max
"""
