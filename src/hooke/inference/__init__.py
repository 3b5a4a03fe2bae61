"""Predict and embed with a trained run: streamed and resumable."""
