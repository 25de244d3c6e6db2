"""How one PDF file becomes one page: text in reading order, figures at their places."""
