"""Modalities: what each kind of thing can do; the name is the file or folder."""
