"""Question sets and passage pools, read row by row from files and from the Hub."""
