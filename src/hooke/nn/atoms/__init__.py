"""Parts of networks on atoms in space."""
