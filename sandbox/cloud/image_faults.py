"""How an image's apps behave: as its tag says, unless a fault says otherwise of all that run it, now or later."""

from sandbox.traffic import behaviours


class ImageFaults:
    """By digest, as a release names its image. Empty when no such fault is active."""

    def __init__(self) -> None:
        self._faulty: dict[str, str] = {}

    def begin(self, digest: str, behaviour: str) -> None:
        self._faulty[digest] = behaviour

    def clear(self) -> None:
        self._faulty.clear()

    def active(self) -> dict[str, str]:
        return dict(self._faulty)

    def behaviour(self, digest: str, tag: str) -> str:
        """What an app of that image does; the tag is what the image is known by where no fault is about it."""
        return self._faulty.get(digest) or behaviours.of_tag(tag)
