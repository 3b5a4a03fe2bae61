"""Recipes, registry, run folders, the columnar store, units, hashing, citations. No torch here."""
