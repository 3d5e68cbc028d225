"""What happened, durable before it happens: one SQLite file, one writer, readers at any time."""
