"""Doing it once: from opportunities to one transaction, its life, and the verdict of the chain on it."""
