CREATE TABLE cached (
    app        TEXT NOT NULL,
    key        TEXT NOT NULL,
    value      BLOB NOT NULL,
    json       INTEGER NOT NULL,
    version    INTEGER NOT NULL,
    expires_at REAL NOT NULL,
    PRIMARY KEY (app, key)
) WITHOUT ROWID;
