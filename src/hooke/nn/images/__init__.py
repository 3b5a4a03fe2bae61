"""Parts of networks on images."""
