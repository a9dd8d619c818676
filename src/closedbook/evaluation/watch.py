"""Who is told how far many questions are."""

from typing import Protocol, runtime_checkable


@runtime_checkable
class Watch(Protocol):
    """Is told in units that whoever counts chooses: questions, seconds."""

    def start(self, title: str, total: float) -> None:
        """It begins, and comes to so many units."""

    def advance(self, units: float) -> None:
        """So many more are done."""

    def stop(self) -> None:
        """It is over."""


class Unwatched:
    """Is told, and does nothing."""

    def start(self, title: str, total: float) -> None:
        pass

    def advance(self, units: float) -> None:
        pass

    def stop(self) -> None:
        pass
