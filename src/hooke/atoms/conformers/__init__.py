"""Conformers: which molecules have some, their stereo, validity, force field and distances from one another."""
