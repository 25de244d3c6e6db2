"""Code that draws the pictures of the sample, one module a topic."""
