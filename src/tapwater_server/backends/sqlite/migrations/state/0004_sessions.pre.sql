-- Browsers that are signed in to the dashboard.

CREATE TABLE session (
    hash      BLOB PRIMARY KEY,  -- SHA-256 of the cookie's secret
    token     BLOB NOT NULL,     -- SHA-256 of the token it was opened with; empty: a user's
    app       TEXT NOT NULL,
    user      TEXT NOT NULL,
    opened_at REAL NOT NULL,
    used_at   REAL NOT NULL
) WITHOUT ROWID;
