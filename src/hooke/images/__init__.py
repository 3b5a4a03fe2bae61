"""Images of cells: planes, channels, tiles, normalisation, masks."""
