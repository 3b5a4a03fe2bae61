"""Molecules: SMILES to arrays (numpy, RDKit), and the batch that torch sees."""
