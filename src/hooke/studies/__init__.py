"""Studies: what runs suites, sweeps, searches and comparisons, and writes their reports."""
