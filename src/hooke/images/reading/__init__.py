"""Folders of plate images: which planes they hold, and reading them into a store."""
