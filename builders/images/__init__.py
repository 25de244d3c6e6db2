"""How image references become stored images: locating, decoding, normalising, hashing, packing."""
