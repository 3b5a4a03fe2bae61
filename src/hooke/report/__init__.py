"""The HTML report, from report.json alone."""
