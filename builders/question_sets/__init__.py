"""How existing question sets, their passages and published training sets are read."""
