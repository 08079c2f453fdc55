CREATE TABLE app_user (
    app      TEXT NOT NULL,
    id       TEXT NOT NULL,
    email    TEXT NOT NULL,
    version  INTEGER NOT NULL,
    disabled INTEGER NOT NULL,
    body     TEXT NOT NULL,
    PRIMARY KEY (app, id)
) WITHOUT ROWID;
CREATE UNIQUE INDEX app_user_by_email ON app_user (app, email) WHERE email <> '';

CREATE TABLE app_user_link (
    app     TEXT NOT NULL,
    issuer  TEXT NOT NULL,
    subject TEXT NOT NULL,
    user    TEXT NOT NULL,
    PRIMARY KEY (app, issuer, subject)
) WITHOUT ROWID;
CREATE INDEX app_user_link_by_user ON app_user_link (app, user);

CREATE TABLE app_user_code (
    app        TEXT NOT NULL,
    hash       BLOB NOT NULL,
    user       TEXT NOT NULL,
    purpose    TEXT NOT NULL,
    email      TEXT NOT NULL,
    expires_at REAL NOT NULL,
    PRIMARY KEY (app, hash)
) WITHOUT ROWID;
CREATE INDEX app_user_code_by_user ON app_user_code (app, user, purpose);
CREATE INDEX app_user_code_by_end ON app_user_code (expires_at);

CREATE TABLE app_user_session (
    app        TEXT NOT NULL,
    id         TEXT NOT NULL,
    user       TEXT NOT NULL,
    hash       BLOB NOT NULL,
    opened_at  REAL NOT NULL,
    used_at    REAL NOT NULL,
    expires_at REAL NOT NULL,
    agent      TEXT NOT NULL,
    PRIMARY KEY (app, id)
) WITHOUT ROWID;
CREATE UNIQUE INDEX app_user_session_by_hash ON app_user_session (app, hash);
CREATE INDEX app_user_session_by_user ON app_user_session (app, user, opened_at);
CREATE INDEX app_user_session_by_end ON app_user_session (expires_at);

CREATE TABLE app_user_spent (
    app        TEXT NOT NULL,
    hash       BLOB NOT NULL,
    session    TEXT NOT NULL,
    user       TEXT NOT NULL,
    expires_at REAL NOT NULL,
    spent_at   REAL NOT NULL,
    next       BLOB NOT NULL,
    salt       BLOB NOT NULL,
    PRIMARY KEY (app, hash)
) WITHOUT ROWID;
CREATE INDEX app_user_spent_by_session ON app_user_spent (app, session);
CREATE INDEX app_user_spent_by_end ON app_user_spent (expires_at);

CREATE TABLE app_user_key (
    app        TEXT NOT NULL,
    id         TEXT NOT NULL,
    hash       BLOB NOT NULL,
    name       TEXT NOT NULL,
    user       TEXT NOT NULL,
    roles      TEXT NOT NULL,
    created_at REAL NOT NULL,
    expires_at REAL NOT NULL,
    used_at    REAL NOT NULL,
    PRIMARY KEY (app, id)
) WITHOUT ROWID;
CREATE UNIQUE INDEX app_user_key_by_hash ON app_user_key (app, hash);
CREATE INDEX app_user_key_by_user ON app_user_key (app, user);

CREATE TABLE app_user_refused (
    app        TEXT NOT NULL,
    subject    TEXT NOT NULL,
    generation INTEGER NOT NULL,
    until      REAL NOT NULL,
    PRIMARY KEY (app, subject)
) WITHOUT ROWID;
CREATE INDEX app_user_refused_by_end ON app_user_refused (until);
