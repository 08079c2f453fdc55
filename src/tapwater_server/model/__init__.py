"""The dictionary of the house: frozen values, without I/O, time or chance."""
