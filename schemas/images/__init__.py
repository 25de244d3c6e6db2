"""Which image format bytes are in, and how they are decoded within limits."""
