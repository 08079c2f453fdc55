CREATE TABLE schedule (
    app        TEXT NOT NULL,
    name       TEXT NOT NULL,
    id         TEXT NOT NULL,
    times      TEXT NOT NULL,
    at         REAL NOT NULL,
    zone       TEXT NOT NULL,
    kind       TEXT NOT NULL,
    target     TEXT NOT NULL,
    payload    BLOB NOT NULL,
    missed     TEXT NOT NULL,
    overlap    TEXT NOT NULL,
    paused     INTEGER NOT NULL,
    since REAL NOT NULL,
    PRIMARY KEY (app, name)
) WITHOUT ROWID;

CREATE TABLE schedule_mark (
    app    TEXT NOT NULL,
    key    TEXT NOT NULL,
    said   TEXT NOT NULL,
    due_at REAL NOT NULL,
    run_at REAL NOT NULL,
    PRIMARY KEY (app, key)
) WITHOUT ROWID;
