"""Who may read or write what from a browser or phone: the language, checked and judged.

Beside ``web`` and below the rooms: deploying checks rules, services ask them, a command tries them.
"""
