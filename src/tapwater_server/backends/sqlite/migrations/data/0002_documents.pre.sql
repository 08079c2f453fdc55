CREATE TABLE doc_collection (
    cid  INTEGER PRIMARY KEY,
    app  TEXT NOT NULL,
    path TEXT NOT NULL,
    name TEXT NOT NULL
);
CREATE UNIQUE INDEX doc_collection_by_path ON doc_collection (app, path);
CREATE INDEX doc_collection_by_name ON doc_collection (app, name, path);

CREATE TABLE document (
    rid        INTEGER PRIMARY KEY,
    cid        INTEGER NOT NULL,
    id         TEXT NOT NULL,
    version    INTEGER NOT NULL,
    created_at REAL NOT NULL,
    updated_at REAL NOT NULL,
    expires_at REAL NOT NULL,
    raw        BLOB NOT NULL
);
CREATE UNIQUE INDEX document_by_id ON document (cid, id);
CREATE INDEX document_by_end ON document (expires_at) WHERE expires_at > 0;

CREATE TABLE doc_version (
    one     INTEGER PRIMARY KEY CHECK (one = 1),
    version INTEGER NOT NULL
);
INSERT INTO doc_version (one, version) VALUES (1, 0);

CREATE TABLE doc_index (
    iid        INTEGER PRIMARY KEY AUTOINCREMENT,
    app        TEXT NOT NULL,
    id         TEXT NOT NULL,
    name       TEXT NOT NULL,
    definition BLOB NOT NULL,
    state      TEXT NOT NULL,
    built      INTEGER NOT NULL,
    reached    INTEGER NOT NULL,
    reason     TEXT NOT NULL
);
CREATE UNIQUE INDEX doc_index_by_id ON doc_index (app, id);
CREATE INDEX doc_index_by_name ON doc_index (app, name);

CREATE TABLE doc_entry (
    iid INTEGER NOT NULL,
    cid INTEGER NOT NULL,
    key BLOB NOT NULL,
    rid INTEGER NOT NULL,
    PRIMARY KEY (iid, cid, key)
) WITHOUT ROWID;
CREATE TABLE doc_dropped (
    iid INTEGER PRIMARY KEY
);
