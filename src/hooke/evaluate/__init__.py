"""Splits, metrics, intervals, calibration and baselines, on arrays. No torch here."""
