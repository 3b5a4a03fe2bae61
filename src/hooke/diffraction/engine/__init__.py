"""What is computed by torch: expansion and merging, orientations by expectation maximisation, phasing."""
