"""What all packages agree on: content, tables, ids, recipe, errors."""
