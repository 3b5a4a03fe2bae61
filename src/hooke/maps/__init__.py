"""Maps of biology: build, correct, evaluate, recall."""
