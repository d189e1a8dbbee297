"""The judge: looks in, judgements out. Pure, and small enough to resume anywhere."""
