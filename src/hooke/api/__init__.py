"""The Python interface behind every command; `import hooke` offers these functions, loaded when first used."""
