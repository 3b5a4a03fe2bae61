"""MiniMol's published checkpoint as an encoder (Kläser et al. 2024)."""
