"""The world in: raw messages, in order, with every gap filled and every reorg said."""
