CREATE TABLE blob_bucket (
    app        TEXT NOT NULL,
    name       TEXT NOT NULL,
    created_at REAL NOT NULL,
    versioning TEXT NOT NULL,
    lifecycle  TEXT NOT NULL,  -- JSON: list of rules
    PRIMARY KEY (app, name)
) WITHOUT ROWID;

-- One row for each version and marker; ``seq`` rises with the commits, so the newest is the highest.
CREATE TABLE blob (
    seq         INTEGER PRIMARY KEY AUTOINCREMENT,
    app         TEXT NOT NULL,
    bucket      TEXT NOT NULL,
    key         TEXT NOT NULL,
    version     TEXT NOT NULL,
    current     INTEGER NOT NULL,
    marker      INTEGER NOT NULL,
    size        INTEGER NOT NULL,
    etag        TEXT NOT NULL,
    stored_at   REAL NOT NULL,
    replaced_at REAL,           -- when another version took its place
    about       TEXT NOT NULL,  -- JSON
    checksums   TEXT NOT NULL   -- JSON
);
CREATE UNIQUE INDEX blob_shown ON blob (app, bucket, key) WHERE current = 1 AND marker = 0;
CREATE INDEX blob_by_key ON blob (app, bucket, key, seq);
CREATE INDEX blob_replaced ON blob (app, bucket, replaced_at) WHERE replaced_at IS NOT NULL;

CREATE TABLE blob_piece (
    seq    INTEGER NOT NULL,
    number INTEGER NOT NULL,
    size   INTEGER NOT NULL,
    piece  TEXT NOT NULL,  -- '' where the bytes are here
    data   BLOB NOT NULL
);
CREATE UNIQUE INDEX blob_piece_of ON blob_piece (seq, number);
CREATE INDEX blob_piece_named ON blob_piece (piece) WHERE piece <> '';

CREATE TABLE blob_upload (
    app      TEXT NOT NULL,
    id       TEXT NOT NULL,
    bucket   TEXT NOT NULL,
    key      TEXT NOT NULL,
    begun_at REAL NOT NULL,
    about    TEXT NOT NULL,  -- JSON
    PRIMARY KEY (app, id)
) WITHOUT ROWID;
CREATE INDEX blob_upload_of ON blob_upload (app, bucket, id);

CREATE TABLE blob_part (
    app       TEXT NOT NULL,
    upload    TEXT NOT NULL,
    number    INTEGER NOT NULL,
    size      INTEGER NOT NULL,
    etag      TEXT NOT NULL,
    stored_at REAL NOT NULL,
    checksums TEXT NOT NULL,  -- JSON
    piece     TEXT NOT NULL,
    data      BLOB NOT NULL
);
CREATE UNIQUE INDEX blob_part_of ON blob_part (app, upload, number);
CREATE INDEX blob_part_named ON blob_part (piece) WHERE piece <> '';

-- Pieces that nothing holds any more, until their bytes are gone.
CREATE TABLE blob_garbage (
    piece TEXT PRIMARY KEY,
    at    REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX blob_garbage_by_age ON blob_garbage (at);
