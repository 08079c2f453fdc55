"""The roof: the ``tapwater`` command. It talks to the public API and to assembly, nothing else."""
