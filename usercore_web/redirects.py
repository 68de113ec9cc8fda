"""Where to go on after a sign-in."""


def local_target(target: str | None, *, default: str = "/") -> str:
    r"""Return the target if it is a path of this application, else ``default``.

    Browsers read ``//host``, ``/\host`` and paths with control characters between as addresses of other hosts, so only
    a path that begins with one slash and has printable ASCII without a backslash is taken.
    """
    if target is None or not target.startswith("/") or target.startswith("//") or "\\" in target:
        return default
    return target if target.isascii() and target.isprintable() and " " not in target else default
