"""Verbs that one kind of data alone has: one file each."""
