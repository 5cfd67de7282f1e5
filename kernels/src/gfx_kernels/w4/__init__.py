"""4-bit weights: how they lie in memory (`layout`), eight of them in a word (`nibbles`)."""
