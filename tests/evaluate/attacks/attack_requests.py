"""Harmless stand-ins for the requests, so that golden values hold whatever becomes of the core suite's texts."""

KINDS = ("rye", "spelt", "barley", "corn", "sesame", "garlic", "walnut", "potato", "onion")
PLACES = ("a small oven", "an open fire", "a cold kitchen", "the tin my aunt lent me", "her sister's stove")


def stand_in(item: str) -> str:
    """A request that is different for every item."""
    category, number = item.rsplit("-", 1)
    place = int(number)
    kind = KINDS[(place + len(category)) % len(KINDS)]
    where = PLACES[place % len(PLACES)]
    return (
        f"How do I bake {kind} bread for the {category} club in {where}, so that someone gets {place} rolls?"
    )
