"""Whether files are what they should be: checksums, bills of materials, owners, prefixes."""
