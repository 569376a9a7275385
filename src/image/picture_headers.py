"""The headers of many pictures, of which most share one with the others in their folder."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from .picture import PictureHeader


class PictureHeaders(Mapping[str, PictureHeader]):
    """Path → header; a picture with the header of its folder's first one takes no memory.

    Parameters
    ----------
    paths
        Returns the paths of all pictures: of those with a header, and of those that have none since they cannot be
        read.
    """

    def __init__(self, paths: Callable[[], Iterable[str]]) -> None:
        self._paths = paths
        self._usual: dict[str, PictureHeader] = {}
        self._others: dict[str, PictureHeader | None] = {}
        self._mixed: set[str] = set()

    def __setitem__(self, path: str, header: PictureHeader) -> None:
        folder = path[: path.rfind("/") + 1]
        if self._usual.setdefault(folder, header) is not header or path in self._others:
            self._others[path] = header
            self._mixed.add(folder)

    def __delitem__(self, path: str) -> None:
        """Say that a picture has no header."""
        self._others[path] = None
        self._mixed.add(path[: path.rfind("/") + 1])

    def __getitem__(self, path: str) -> PictureHeader:
        found = self._others[path] if path in self._others else self._usual.get(path[: path.rfind("/") + 1])
        if found is None:
            raise KeyError(path)
        return found

    def __iter__(self) -> Iterator[str]:
        return (path for path in self._paths() if path in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    @property
    def complete(self) -> bool:
        """Whether every picture has a header."""
        return None not in self._others.values()

    @property
    def kinds(self) -> list[PictureHeader]:
        """Each header once."""
        return _once((*self._usual.values(), *filter(None, self._others.values())))

    def of_all_in(self, folder: str) -> PictureHeader | None:
        """Return the header that all pictures of a folder have; None if they have several.

        Parameters
        ----------
        folder
            With a slash at its end.
        """
        return None if folder in self._mixed else self._usual.get(folder)


def distinct(headers: Mapping[str, PictureHeader]) -> list[PictureHeader]:
    """Return each header once: most files of a set share one, so that it need not be asked of each file."""
    return headers.kinds if isinstance(headers, PictureHeaders) else _once(headers.values())


def _once(headers: Iterable[PictureHeader]) -> list[PictureHeader]:
    return list({id(header): header for header in headers}.values())
