-- What is being done: found when the platform starts, whose leases are those of a dead process.
CREATE INDEX once_begun ON once (app) WHERE token != '';
