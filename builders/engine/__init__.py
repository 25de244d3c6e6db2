"""How steps run: fingerprints, shards, accounts, resume."""
