"""Atoms in space: frames with energies and forces of quantum methods, in the units that their source states."""
