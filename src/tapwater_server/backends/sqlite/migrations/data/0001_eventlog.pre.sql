CREATE TABLE event (
    seq          INTEGER PRIMARY KEY AUTOINCREMENT,
    app          TEXT NOT NULL,
    id           TEXT NOT NULL,
    type         TEXT NOT NULL,
    source       TEXT NOT NULL,
    subject      TEXT NOT NULL,
    at           REAL NOT NULL,
    recorded_at  REAL NOT NULL,
    data         BLOB NOT NULL,
    content_type TEXT NOT NULL,
    key          TEXT NOT NULL,
    root         TEXT NOT NULL,
    depth        INTEGER NOT NULL,
    trace        TEXT NOT NULL,
    extensions   TEXT NOT NULL
);
CREATE UNIQUE INDEX event_by_id ON event (app, id);

CREATE TABLE event_cursor (
    name TEXT PRIMARY KEY,
    seq  INTEGER NOT NULL
) WITHOUT ROWID;

CREATE INDEX event_by_app ON event (app, seq);
CREATE INDEX event_by_at ON event (at);
CREATE INDEX event_by_age ON event (recorded_at);
