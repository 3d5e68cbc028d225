"""One TOML file a chain, read into `core.profile.ChainProfile`."""
