"""The tiny language model: how it was trained, how its quantised copies are packed."""
