"""Web pages for looking at results on this machine; the standard library's server, nothing leaves it."""
