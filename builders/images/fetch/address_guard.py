"""Which addresses may be connected to: public ones, and private ones that the recipe lists."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from nyxqa.builders.images.fetch.errors import FetchError
from nyxqa.schemas.errors import UsageError

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
_PUBLIC_6 = ip_network("2000::/3")  # the only global unicast block given out (RFC 4291, IANA)
# Protocol assignments with Teredo, and documentation (IANA IPv6 special-purpose registry).
_NOT_PUBLIC_6 = [ip_network(block) for block in ("2001::/23", "2001:db8::/32", "3fff::/20")]
_NAT64 = ip_network("64:ff9b::/96")  # RFC 6052
_ISATAP = (0x0000_5EFE, 0x0200_5EFE)  # RFC 5214
_NAME = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?")


def is_public(address: Address) -> bool:
    """Whether ``address`` is one of the internet at large, the IPv4 address inside it included."""
    if isinstance(address, IPv4Address):
        return not any(address in block for block in _NOT_PUBLIC_4)
    inner = _inside(address)
    if inner is not None and not is_public(inner):
        return False
    if address.ipv4_mapped is not None or address in _NAT64:
        return True
    return address in _PUBLIC_6 and not any(address in block for block in _NOT_PUBLIC_6)


def _inside(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that packets to ``address`` may end at: mapped, NAT64, 6to4, ISATAP."""
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    last = int(address) & 0xFFFF_FFFF
    if address in _NAT64 or (int(address) >> 32) & 0xFFFF_FFFF in _ISATAP:
        return IPv4Address(last)
    return None


@dataclass(frozen=True)
class Guard:
    """What ``images.allow_private`` allows.

    :param everything: Whether any address may be connected to.
    :param names: Host names, in lower case, whose addresses are not looked at.
    :param blocks: Blocks of addresses.
    """

    everything: bool
    names: frozenset[str]
    blocks: tuple[Block, ...]

    @classmethod
    def of(cls, allow_private: bool | Sequence[str]) -> Guard:
        """The guard of a recipe.

        :raises UsageError: If an entry is neither a host name nor an address nor a CIDR block.
        """
        if isinstance(allow_private, bool):
            return cls(allow_private, frozenset(), ())
        names, blocks = set(), list[Block]()
        for entry in allow_private:
            text = entry.strip().lower().rstrip(".")
            try:
                blocks.append(ip_network(text, strict=False))
            except ValueError:
                if not _NAME.fullmatch(text):
                    raise UsageError(
                        f"images.allow_private: {entry!r} is no host name, address or CIDR block"
                    ) from None
                names.add(text)
        return cls(False, frozenset(names), tuple(blocks))

    def check(self, host: str, addresses: Sequence[str]) -> None:
        """Raise unless every address of ``host`` may be connected to.

        One that may not spoils the others, for a name that mixes them tries to get past this check.

        :raises FetchError: With reason ``private_address``.
        """
        if self.everything or host.lower().rstrip(".") in self.names:
            return
        for text in addresses:
            address = ip_address(text)
            if not is_public(address) and not self._listed(address):
                raise FetchError("private_address", f"{host} is at {text}, which images.allow_private does not allow")

    def _listed(self, address: Address) -> bool:
        """Whether a block holds ``address``, where one inside another is judged as itself."""
        if isinstance(address, IPv6Address):
            inner = _inside(address)
            if inner is not None:
                address = inner
        return any(address in block for block in self.blocks)
