"""Positional and structural encodings of molecular graphs."""
