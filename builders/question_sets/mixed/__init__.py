"""How questions over corpora of texts, tables and images (``[[qa]]``) are read."""
