"""Levels of the Traffic Light Protocol 2.0, which records of several rooms carry."""

LEVELS = ("clear", "green", "amber", "amber+strict", "red")
"""Least restricted first."""


def may_show(marking: str, clearance: str) -> bool:
    """Whether something of a level may be shown to readers who are cleared up to another; what is unknown is not.

    Examples:
        >>> may_show("green", "amber"), may_show("red", "amber"), may_show("purple", "red")
        (True, False, False)
    """
    return marking in LEVELS and clearance in LEVELS and LEVELS.index(marking) <= LEVELS.index(clearance)
