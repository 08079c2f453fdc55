-- What is deployed, who may deploy, and what apps keep secret.

CREATE TABLE app (
    app         TEXT PRIMARY KEY,
    number_last INTEGER NOT NULL  -- Kept when the app goes: numbers are never used again.
) WITHOUT ROWID;

CREATE TABLE revision (
    id       TEXT PRIMARY KEY,
    app      TEXT NOT NULL,
    number   INTEGER NOT NULL,
    format   INTEGER NOT NULL,  -- of the document
    document BLOB NOT NULL,     -- JSON
    UNIQUE (app, number)
) WITHOUT ROWID;

CREATE TABLE alias (
    app     TEXT NOT NULL,
    name    TEXT NOT NULL,
    weights BLOB NOT NULL,  -- JSON: revision id -> weight
    PRIMARY KEY (app, name)
) WITHOUT ROWID;

CREATE TABLE setting (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE secret (
    app    TEXT NOT NULL,
    name   TEXT NOT NULL,
    nonce  BLOB NOT NULL,
    sealed BLOB NOT NULL,
    PRIMARY KEY (app, name)
) WITHOUT ROWID;

CREATE TABLE token (
    name  TEXT PRIMARY KEY,
    hash  BLOB NOT NULL UNIQUE,  -- SHA-256 of the text
    admin INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE token_app (
    token TEXT NOT NULL REFERENCES token (name) ON DELETE CASCADE,
    app   TEXT NOT NULL,
    PRIMARY KEY (token, app)
) WITHOUT ROWID;
