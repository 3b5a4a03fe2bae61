"""Self-consistent fields of many geometries of one molecule at once: restricted Kohn-Sham theory in float64."""
