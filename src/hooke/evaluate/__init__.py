"""Splits, metrics, intervals and calibration, on arrays. No torch here."""
