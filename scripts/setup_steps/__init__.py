"""Set-up of a clone, on the standard library alone: environments, fetched parts, the checklist."""
