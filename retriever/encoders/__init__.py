"""Which encoders a recipe can name."""
