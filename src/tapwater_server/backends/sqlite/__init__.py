"""State in SQLite files: one writer with group commit, many readers."""
