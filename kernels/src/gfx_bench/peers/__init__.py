"""Other people's implementations: how to find them, and how to give them their layouts."""
