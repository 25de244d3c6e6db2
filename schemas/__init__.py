"""What everything else agrees on: content, tables, ids, recipe, errors."""
