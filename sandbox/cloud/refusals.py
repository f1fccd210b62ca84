"""A request that AWS refuses: its code and its words, as moto's answers carry them."""

from moto.core.exceptions import ServiceException


class Refused(ServiceException):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)


def constraint(value: object, member: str, rule: str) -> Refused:
    """The form in which AWS's own parameter checks speak."""
    return Refused(
        "ValidationError",
        f"1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: {rule}",
    )
