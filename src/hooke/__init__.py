"""Hooke: foundation models from atoms to cells."""
