"""Registries of container images, as far as tools ask for them: names, and no images."""
