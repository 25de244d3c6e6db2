"""All near-duplicate pairs across sides as maps: sketches of files, prefixes by shingle, and pairs by range."""
