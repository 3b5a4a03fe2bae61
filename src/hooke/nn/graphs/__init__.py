"""Parts of networks on molecular graphs."""
