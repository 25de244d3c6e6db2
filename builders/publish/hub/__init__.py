"""How a dataset reaches the Hub: one atomic commit, resumable uploads, and what must hold before."""
