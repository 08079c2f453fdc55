"""Folders and key files on the local disk."""
