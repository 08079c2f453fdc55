-- Groups of errors, and the rules that tell people of what goes wrong.

CREATE TABLE fault (
    id      TEXT PRIMARY KEY,
    app     TEXT NOT NULL,
    last_at REAL NOT NULL,
    body    TEXT NOT NULL -- JSON, see model/fault.py
) WITHOUT ROWID;

CREATE INDEX fault_app ON fault (app, last_at);
CREATE INDEX fault_last ON fault (last_at);

CREATE TABLE alert (
    app  TEXT NOT NULL, -- "": the node's
    name TEXT NOT NULL,
    body TEXT NOT NULL, -- JSON, see model/alert.py
    PRIMARY KEY (app, name)
) WITHOUT ROWID;
