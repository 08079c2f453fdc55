"""Events: published by anyone, looked up, replayed; and the dead letters of all lines."""
