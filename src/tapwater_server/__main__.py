"""``python -m tapwater_server`` is the command ``tapwater``."""

from tapwater_server.cli.main import main

if __name__ == "__main__":
    main()
