CREATE TABLE recording (
    id        TEXT PRIMARY KEY,
    app       TEXT NOT NULL,
    function  TEXT NOT NULL,
    revision  TEXT NOT NULL,
    at        REAL NOT NULL,
    why       TEXT NOT NULL,
    method    TEXT NOT NULL,
    path      TEXT NOT NULL,
    ending    TEXT NOT NULL,
    status    INTEGER NOT NULL,
    replay_of TEXT NOT NULL,
    size      INTEGER NOT NULL,
    packed    BLOB NOT NULL
);
CREATE INDEX recording_of_function ON recording (app, function, id);
CREATE INDEX recording_at ON recording (at);
CREATE INDEX recording_size ON recording (id, size);
