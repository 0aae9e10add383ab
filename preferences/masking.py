"""An address as its owner recognises it and nobody else can read it."""


def masked(address: str) -> str:
    """The first letter and the domain's ending.

    >>> masked("anna@mail.example")
    'a…@m….example'
    """
    local, _, domain = address.rpartition("@")
    name, dot, ending = domain.rpartition(".")
    return f"{local[:1]}…@{name[:1]}…{dot}{ending}"
