"""Which hosts are this machine alone: what may be reached unencrypted, and all that a throwaway chain may reach."""

from ipaddress import ip_address


def is_loopback(host: str | None) -> bool:
    """127.0.0.0/8, ::1, or `localhost`; no name is looked up, because what it resolves to can change. None, as of a URL without a host, is not."""
    if host is None:
        return False
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
