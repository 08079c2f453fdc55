-- Where each errand stands. Small rows: they are rewritten at each lease and settlement.
--
-- state: 0 ready    could be leased now
--        1 delayed  its time has not come (due)
--        2 held     others of its key must come first
--        3 leased   until due
--        4 done
--        5 dead
--        6 gone     replaced or dropped; only the id is kept, so that it is not taken again
CREATE TABLE errand (
    seq          INTEGER PRIMARY KEY AUTOINCREMENT,
    id           TEXT NOT NULL UNIQUE,
    app          TEXT NOT NULL,
    line         TEXT NOT NULL,
    key          TEXT NOT NULL,
    at_once      INTEGER NOT NULL,
    priority     INTEGER NOT NULL,
    state        INTEGER NOT NULL,
    attempt      INTEGER NOT NULL,
    lost         INTEGER NOT NULL,   -- leases that ended with nobody settling
    unsettled    INTEGER NOT NULL,   -- 1: the last lease is not settled; held, or lost
    lease        INTEGER NOT NULL,   -- rises with each lease and each settlement
    due          REAL NOT NULL,
    expires_at   REAL NOT NULL,
    published_at REAL NOT NULL,
    settled_at   REAL NOT NULL,
    replaces     TEXT NOT NULL,
    first_at     REAL NOT NULL,      -- when the first of a chain of replaced ones was published
    function     TEXT NOT NULL,
    event        TEXT NOT NULL,
    root         TEXT NOT NULL,
    depth        INTEGER NOT NULL,
    reason       TEXT NOT NULL,
    result       BLOB NOT NULL
);

-- What each errand says. Written once.
CREATE TABLE errand_content (
    seq        INTEGER PRIMARY KEY,
    revision   TEXT NOT NULL,
    trace      TEXT NOT NULL,
    attributes BLOB NOT NULL,
    body       BLOB NOT NULL
);

CREATE INDEX errand_ready ON errand (line, priority DESC, seq) WHERE state = 0;
CREATE INDEX errand_due ON errand (line, due) WHERE state IN (1, 3);
CREATE INDEX errand_expiring ON errand (line, expires_at) WHERE expires_at > 0 AND state < 3;
CREATE INDEX errand_replaced ON errand (line, replaces)
    WHERE replaces <> '' AND state < 3 AND lease = 0;

-- Of keys: the first that is open, the smallest limit, what is ready, what is leased, who is next.
CREATE INDEX errand_keyed ON errand (line, key, seq) WHERE key <> '' AND state < 4;
CREATE INDEX errand_key_limit ON errand (line, key, at_once) WHERE key <> '' AND state < 4;
CREATE INDEX errand_key_ready ON errand (line, key) WHERE key <> '' AND state = 0;
CREATE INDEX errand_leased ON errand (line, key) WHERE state = 3;
CREATE INDEX errand_key_next ON errand (line, key, priority DESC, seq)
    WHERE key <> '' AND at_once > 1 AND state IN (0, 2);

CREATE INDEX errand_by_app ON errand (app, seq);
CREATE INDEX errand_open ON errand (app, line) WHERE state < 4;
CREATE INDEX errand_dead ON errand (app, seq) WHERE state = 5;
CREATE INDEX errand_over ON errand (settled_at) WHERE state IN (4, 6);
