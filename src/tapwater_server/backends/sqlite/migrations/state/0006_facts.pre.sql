-- What the interfaces of other clouds keep: small JSON values by account, kind and key.

CREATE TABLE fact (
    space   TEXT NOT NULL,
    kind    TEXT NOT NULL,
    key     TEXT NOT NULL,
    version INTEGER NOT NULL,
    value   BLOB NOT NULL, -- JSON
    PRIMARY KEY (space, kind, key)
) WITHOUT ROWID;
