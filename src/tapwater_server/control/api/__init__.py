"""The control API: what the command line, the dashboard and scripts administer Tapwater with."""
