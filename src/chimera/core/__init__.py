"""The pure heart: the words and the decisions. No I/O, no clock, no SDK, no randomness."""
