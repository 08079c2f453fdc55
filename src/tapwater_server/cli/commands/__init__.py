"""One file per command, or per family of commands; each imports what is heavy when it runs."""
