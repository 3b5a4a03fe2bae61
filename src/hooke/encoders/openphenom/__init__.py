"""Weights in the public OpenPhenom layout as an image encoder."""
