"""Gaussian basis sets, integrals and integration grids as arrays, in atomic units: what density functional theory is made of."""
