"""What a recipe can name as an encoder."""
