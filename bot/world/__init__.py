"""The local market: a real chain with the real protocols' bytecode, seeded pools and traders."""
