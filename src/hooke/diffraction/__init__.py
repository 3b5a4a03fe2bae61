"""Diffraction: single particles in an X-ray beam, from snapshots to an intensity and a density."""
