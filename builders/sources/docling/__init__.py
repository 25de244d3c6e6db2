"""How one DoclingDocument becomes one page: its text, tables and pictures with the places that docling found."""
