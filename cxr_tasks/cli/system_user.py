"""Who works at the command line."""

import getpass


def system_user() -> str:
    """Return who is signed in at the system; empty where it knows no name, and nobody can sign."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""
