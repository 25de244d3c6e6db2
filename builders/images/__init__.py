"""How image references become stored images: decoding, normalisation, hashes, packs."""
