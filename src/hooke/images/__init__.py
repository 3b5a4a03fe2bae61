"""Planes of plate images as arrays: reading, storing, tiling, normalising, measuring, and a simulated screen."""
