-- What was done once already: a token while somebody is at it, none when it is done.
CREATE TABLE once (
    app    TEXT NOT NULL,
    scope  TEXT NOT NULL,
    key    TEXT NOT NULL,
    token  TEXT NOT NULL,
    until  REAL NOT NULL,
    result BLOB NOT NULL DEFAULT x'',
    PRIMARY KEY (app, scope, key)
) WITHOUT ROWID;

CREATE INDEX once_until ON once (until);
