CREATE TABLE errand (
    id           TEXT PRIMARY KEY,
    app          TEXT NOT NULL,
    function     TEXT NOT NULL,
    revision     TEXT NOT NULL,
    root         TEXT NOT NULL,
    depth        INTEGER NOT NULL,
    body         BLOB NOT NULL,
    published_at REAL NOT NULL,
    hidden_until REAL NOT NULL,
    state        TEXT NOT NULL,   -- waiting, leased, done, dead
    attempt      INTEGER NOT NULL,
    settled_at   REAL NOT NULL,
    result       BLOB NOT NULL,
    reason       TEXT NOT NULL
);
CREATE INDEX errand_open ON errand (hidden_until) WHERE state IN ('waiting', 'leased');
CREATE INDEX errand_dead ON errand (app, settled_at) WHERE state = 'dead';
CREATE INDEX errand_done ON errand (settled_at) WHERE state = 'done';
