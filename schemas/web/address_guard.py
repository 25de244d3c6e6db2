"""Which addresses may be connected to: public ones, and private ones that the user lists."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from nyxqa.schemas.errors import UsageError, WorldError

Address = IPv4Address | IPv6Address
Block = IPv4Network | IPv6Network

# IANA IPv4 special-purpose registry (RFC 6890 and its updates), multicast and the reserved class E.
_NOT_PUBLIC_4 = [
    ip_network(block)
    for block in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
        "224.0.0.0/4", "240.0.0.0/4",
    )
]  # fmt: skip
_PUBLIC_6 = ip_network("2000::/3")  # the only global unicast block that is assigned (RFC 4291, IANA)
# Protocol assignments, which include Teredo, and documentation (IANA IPv6 special-purpose registry).
_NOT_PUBLIC_6 = [ip_network(block) for block in ("2001::/23", "2001:db8::/32", "3fff::/20")]
_NAT64 = ip_network("64:ff9b::/96")  # RFC 6052; the local-use 64:ff9b:1::/48 of RFC 8215 is outside 2000::/3
_ISATAP = (0x0000_5EFE, 0x0200_5EFE)  # RFC 5214
_NAME = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?")


class PrivateAddressError(WorldError):
    """A host whose address may not be connected to.

    :param host: Host as the URL names it.
    :param address: The address that was refused.
    """

    def __init__(self, host: str, address: str) -> None:
        super().__init__(f"{host} is at {address}, which is not a public address")
        self.host, self.address = host, address


def is_public(address: Address) -> bool:
    """Whether ``address`` is globally reachable; an IPv4 address embedded in it must be so too."""
    if isinstance(address, IPv4Address):
        return not any(address in block for block in _NOT_PUBLIC_4)
    embedded = _embedded_ipv4(address)
    if embedded is not None and not is_public(embedded):
        return False
    if address.ipv4_mapped is not None or address in _NAT64:
        return True
    return address in _PUBLIC_6 and not any(address in block for block in _NOT_PUBLIC_6)


def _embedded_ipv4(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that packets to ``address`` may reach: IPv4-mapped, NAT64, 6to4, ISATAP."""
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    last = int(address) & 0xFFFF_FFFF
    if address in _NAT64 or (int(address) >> 32) & 0xFFFF_FFFF in _ISATAP:
        return IPv4Address(last)
    return None


@dataclass(frozen=True)
class AddressGuard:
    """Decides which addresses may be connected to; without arguments only public ones.

    :param allow_all: Whether any address may be connected to.
    :param names: Host names, in lower case, that may be at any address.
    :param blocks: Blocks of private addresses that are allowed.
    """

    allow_all: bool = False
    names: frozenset[str] = frozenset()
    blocks: tuple[Block, ...] = ()

    @classmethod
    def from_recipe(cls, allow_private: bool | Sequence[str]) -> AddressGuard:
        """The guard that ``images.allow_private`` of a recipe describes.

        :raises UsageError: If an entry is not a host name, an address or a CIDR block.
        """
        if isinstance(allow_private, bool):
            return cls(allow_private)
        names, blocks = set(), list[Block]()
        for entry in allow_private:
            text = entry.strip().lower().rstrip(".")
            try:
                blocks.append(ip_network(text, strict=False))
            except ValueError:
                if not _NAME.fullmatch(text):
                    raise UsageError(
                        f"images.allow_private: {entry!r} is not a host name, an address or a CIDR block"
                    ) from None
                names.add(text)
        return cls(False, frozenset(names), tuple(blocks))

    def check(self, host: str, addresses: Sequence[str]) -> None:
        """Raise unless every address of ``host`` may be connected to.

        One refused address refuses the host: a name that mixes public and private addresses is an attempt to get past
        this check.

        :raises PrivateAddressError: Naming the first address that is refused.
        """
        if self.allow_all or host.lower().rstrip(".") in self.names:
            return
        for text in addresses:
            try:
                address = ip_address(text)
            except ValueError as error:
                raise PrivateAddressError(host, text) from error
            if not is_public(address) and not self._is_listed(address):
                raise PrivateAddressError(host, text)

    def _is_listed(self, address: Address) -> bool:
        """Whether an allowed block contains ``address``, or the IPv4 address embedded in it."""
        embedded = _embedded_ipv4(address) if isinstance(address, IPv6Address) else None
        return any((embedded or address) in block for block in self.blocks)
