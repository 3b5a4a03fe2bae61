"""Training objectives, one file each; the registry name is the file stem."""
