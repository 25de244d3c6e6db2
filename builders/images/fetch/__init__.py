"""How images are fetched from URLs: within limits in flight and per host, and never from a private address."""
