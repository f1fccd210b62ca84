"""Where the sandbox's behaviour takes the place of moto's: methods replaced while a cloud runs, put back after it."""

import functools
from collections.abc import Callable
from typing import Any

_INHERITED = object()


class Seam:
    """Replaces methods of moto's classes. What was replaced twice is put back in reverse order."""

    def __init__(self) -> None:
        self._replaced: list[tuple[type, str, Any]] = []

    def replace(self, owner: type, name: str, value: Any) -> None:
        self._replaced.append((owner, name, vars(owner).get(name, _INHERITED)))
        setattr(owner, name, value)

    def around(self, owner: type, name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Decorates a function that is called with moto's method first, then with what the method was called with."""
        original = getattr(owner, name)

        def wrap(function: Callable[..., Any]) -> Callable[..., Any]:
            @functools.wraps(original)
            def method(this: Any, *args: Any, **kwargs: Any) -> Any:
                return function(original, this, *args, **kwargs)

            self.replace(owner, name, method)
            return function

        return wrap

    def instead(self, owner: type, name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Decorates a function that takes the place of moto's method."""

        def wrap(function: Callable[..., Any]) -> Callable[..., Any]:
            @functools.wraps(function)
            def method(this: Any, *args: Any, **kwargs: Any) -> Any:
                return function(this, *args, **kwargs)

            self.replace(owner, name, method)
            return function

        return wrap

    def close(self) -> None:
        while self._replaced:
            owner, name, value = self._replaced.pop()
            if value is _INHERITED:
                delattr(owner, name)
            else:
                setattr(owner, name, value)
