CREATE TABLE cached (
    app        TEXT NOT NULL,
    key        TEXT NOT NULL,
    value      BLOB NOT NULL,
    version    INTEGER NOT NULL,
    expires_at REAL NOT NULL,
    PRIMARY KEY (app, key)
) WITHOUT ROWID;
CREATE INDEX cached_by_expiry ON cached (expires_at) WHERE expires_at > 0;
