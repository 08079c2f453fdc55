-- What blocks are searched by, and what is added up: both written with the blocks they are of.

CREATE TABLE mark (
    kind      TEXT NOT NULL,
    seq_first INTEGER NOT NULL,
    words     TEXT NOT NULL,  -- "|e:ok|u:7|…|": what its items have; "|u:*|": too many to say
    took_max  REAL NOT NULL,  -- milliseconds
    traces    BLOB NOT NULL,  -- eight bytes of each trace
    PRIMARY KEY (kind, seq_first),
    FOREIGN KEY (kind, seq_first) REFERENCES block (kind, seq_first) ON DELETE CASCADE
);

CREATE TABLE sum (
    step     INTEGER NOT NULL,  -- seconds: 3600, 86400
    at       INTEGER NOT NULL,  -- seconds since the epoch, start of the step
    project  TEXT NOT NULL,
    app      TEXT NOT NULL,
    function TEXT NOT NULL,
    revision TEXT NOT NULL,
    route    TEXT NOT NULL,
    amounts  BLOB NOT NULL,     -- msgpack: quantity -> sum
    PRIMARY KEY (step, at, project, app, function, revision, route)
) WITHOUT ROWID;

CREATE TABLE sum_user (
    at      INTEGER NOT NULL,  -- start of the day
    project TEXT NOT NULL,
    app     TEXT NOT NULL,
    user    TEXT NOT NULL,
    amounts BLOB NOT NULL,
    PRIMARY KEY (at, project, app, user)
) WITHOUT ROWID;

CREATE TABLE tally (
    step     INTEGER NOT NULL,  -- seconds: 60, 600, 3600
    at       INTEGER NOT NULL,
    app      TEXT NOT NULL,
    function TEXT NOT NULL,
    revision TEXT NOT NULL,
    route    TEXT NOT NULL,
    calls    BLOB NOT NULL,     -- msgpack of ports/stats.py's Tally
    PRIMARY KEY (step, at, app, function, revision, route)
) WITHOUT ROWID;

CREATE TABLE journal (
    only     INTEGER PRIMARY KEY CHECK (only = 1),
    position INTEGER NOT NULL  -- everything before it in the journal is in this file
);
