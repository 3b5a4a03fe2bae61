"""Parts of networks on perturbed cells."""
