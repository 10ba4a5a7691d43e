"""The incidents of the catalogue, made again from plain text: each a release, the one before, and a benign twin."""
