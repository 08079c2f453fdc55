"""Where the time of live calls goes."""
