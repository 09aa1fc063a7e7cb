"""Who asks, when a load balancer asks for them.

`X-Forwarded-For` is a list to which every proxy appends the address it saw, behind whatever the client itself wrote.
So only the last entries can be believed, one per proxy that is ours, and only if our proxy is who is connected. An
address is never taken for a proxy because it is a private one: internal clients are private, too.
`X-Forwarded-Host` is not read: load balancers pass on what the client wrote there.
"""

import ipaddress
from collections.abc import Callable, MutableMapping
from functools import lru_cache
from typing import Any

Scope = MutableMapping[str, Any]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

EVERYONE = (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0"))
_SECURE = {"http": {"http": "http", "https": "https"}, "websocket": {"http": "ws", "https": "wss"}}


class Proxies:
    """The proxies in front of the app."""

    def __init__(self, networks: tuple[Network, ...], hops: int) -> None:
        self._hops = hops

        @lru_cache(maxsize=1024)
        def is_trusted(address: str) -> bool:
            try:
                parsed = ipaddress.ip_address(address)
            except ValueError:  # a unix socket, a test client
                return False
            return any(parsed in network for network in networks)

        self._is_trusted: Callable[[str], bool] = is_trusted

    def resolve(self, scope: Scope) -> None:
        """Put the address and the scheme of the client where the app looks for them."""
        peer = scope.get("client")
        if peer is None or not self._is_trusted(peer[0]):
            return
        addresses = schemes = b""
        for name, value in scope["headers"]:
            if name == b"x-forwarded-for":
                addresses = addresses + b"," + value if addresses else value
            elif name == b"x-forwarded-proto":
                schemes = schemes + b"," + value if schemes else value
        if address := _address(self._entry(addresses)):
            scope["client"] = (address, 0)
        if scheme := _SECURE[scope["type"]].get(self._entry(schemes).lower()):
            scope["scheme"] = scheme

    def _entry(self, header: bytes) -> str:
        entries = header.decode("latin-1").split(",")
        return entries[-min(self._hops, len(entries))].strip()


@lru_cache(maxsize=1024)
def _address(entry: str) -> str | None:
    """The address without the port that some load balancers add; None if it is none."""
    host = entry[1:].partition("]")[0] if entry.startswith("[") else entry
    if host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return None


@lru_cache(maxsize=1024)
def is_private(address: str) -> bool:
    """Whether an address is one of a private network."""
    try:
        return ipaddress.ip_address(address).is_private
    except ValueError:
        return False
