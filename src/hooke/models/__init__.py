"""Architectures, one file each; the registry name is the file stem."""
