"""Models that read query and document together and order what an encoder found."""
