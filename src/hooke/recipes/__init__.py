"""Recipes by name: one TOML file for every published result, plus tiny_* that end in under 60 s on 2 cores."""
