"""Data sets, one file each, with a card and an offline twin; the registry name is the file stem."""
