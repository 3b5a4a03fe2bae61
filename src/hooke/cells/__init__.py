"""States of cells: profiles, controls, perturbations, annotations, maps."""
