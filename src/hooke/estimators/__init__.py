"""Estimators without a gradient: saved as plain arrays, trained, predicted and reported like networks; the name is the file."""
