"""The Runtime API and the Extensions API in the sandbox, for who is a process of its own."""
