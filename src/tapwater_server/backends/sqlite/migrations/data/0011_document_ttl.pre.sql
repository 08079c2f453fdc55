CREATE TABLE doc_ttl (
    app      TEXT NOT NULL,
    name     TEXT NOT NULL,
    field    TEXT NOT NULL,
    declared INTEGER NOT NULL,
    PRIMARY KEY (app, name)
) WITHOUT ROWID;
