-- Projects and their apps; budgets, and the steps of theirs that were reached.

CREATE TABLE project (
    name TEXT PRIMARY KEY
) WITHOUT ROWID;

CREATE TABLE project_app (
    app     TEXT PRIMARY KEY,
    project TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE budget (
    name TEXT PRIMARY KEY,
    body BLOB NOT NULL -- JSON, see model/budget.py
) WITHOUT ROWID;

CREATE TABLE budget_mark (
    budget     TEXT NOT NULL,
    since      REAL NOT NULL, -- when the period began
    at_percent REAL NOT NULL,
    reached_at REAL NOT NULL,
    spent      REAL NOT NULL,
    told_at    REAL NOT NULL,
    PRIMARY KEY (budget, since, at_percent)
) WITHOUT ROWID;
