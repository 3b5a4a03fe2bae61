"""Benchmark suites and studies: data, split, metric, baselines, one report."""
