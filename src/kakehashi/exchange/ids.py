"""The ids that never change: extensions, TLP levels, and the names that ids are derived from.

An extension's id is the version-5 UUID of ``kakehashi.extension/<name>/1`` in the namespace below; a breaking change
of its schema takes a new number and with it a new id. Written out here so that a reader needs no arithmetic; a test
does it.
"""

from uuid import UUID, uuid5

from kakehashi.model.tlp import LEVELS as LEVELS

NAMESPACE = UUID("6d2f3c0e-9a41-4d5b-8f57-2b8d1c7e4a90")
"""Namespace of every id that Kakehashi derives."""

EXTENSIONS = {
    "vulnerability": "extension-definition--89d4c6fc-911f-551e-8a9c-052c02c5d8cb",
    "attack-pattern": "extension-definition--a369615c-7a65-5197-ad4f-546375b01ad4",
    "course-of-action": "extension-definition--97d1f743-5634-54da-897d-c49321fe330f",
    "measurement": "extension-definition--7062ad23-dd6f-516f-bbf5-4ca777d778cf",
    "alert": "extension-definition--9d2a69ca-1c20-59c8-a846-8c3de26c5baa",
    "incident": "extension-definition--901f1f42-9835-54e7-b70b-445fd54cd8eb",
    "disclosure": "extension-definition--e73a139c-e28f-5e68-8b0a-5a3e0af2dfef",
    "request": "extension-definition--2546bc10-d413-5f09-82c6-58343d6db2e4",
    "sharing": "extension-definition--abeeac93-88d2-5b5c-92cf-ce3cfff9362e",
    "tombstone": "extension-definition--00918b8c-e6e5-50ff-9ee6-d56501112947",
    "imported": "extension-definition--b9a867ee-266e-55c0-8ea5-4c2174cd7b8e",
    "signature": "extension-definition--f3987bb7-93b4-5f7c-b7cb-8b059eb2315f",
    "view": "extension-definition--6209c60d-5031-574e-8374-bbd1286a5d8c",
    "opening": "extension-definition--fee95544-0bde-5a5d-af7c-1694292e3480",
    "acknowledgement": "extension-definition--281b6b16-17c8-53c6-a04e-d7b9319d1ae5",
    "escalation": "extension-definition--b6fbb91d-4e1d-52ae-a80b-278ef618bf99",
}
"""Name of an extension → its id; the schema is ``schemas/<name>.schema.json``."""

TLP_EXTENSION = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d"
"""The TLP 2.0 extension of OASIS, with the one property ``tlp_2_0``."""

TLP_IDS = {
    "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487": "clear",
    "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb": "green",
    "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421": "amber",
    "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003": "amber+strict",
    "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1": "red",
    # TLP 1, as the STIX 2.1 standard fixes it (section 7.2.1.4); its AMBER let recipients tell their clients too.
    "marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9": "clear",
    "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da": "green",
    "marking-definition--f88d31f6-486f-44da-b317-01333bde0b82": "amber",
    "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed": "red",
}
"""Marking id → TLP 2.0 level; what stands behind such an id in a message is never asked."""

TLP_2 = dict(zip(LEVELS, TLP_IDS, strict=False))
"""TLP 2.0 level → marking id."""

OWNED_PREFIX = "kakehashi.extension/"


def derived_id(kind: str, *parts: str) -> str:
    """An id that the same parts always give: ``vulnerability--<uuid5>``.

    Examples:
        >>> derived_id("note", "a", "b") == derived_id("note", "a", "b") != derived_id("note", "ab")
        True
    """
    return f"{kind}--{uuid5(NAMESPACE, '/'.join((kind, *(p.replace('/', '%2F') for p in parts))))}"
