"""The check of objects gives the verdicts of stix2-validator on so many valid and so many invalid objects."""

from random import Random
from time import process_time

import pytest
from stix_corpus import KINDS, spoiled, whole

from kakehashi.exchange import problems_of

pytestmark = pytest.mark.filterwarnings("ignore")


def corpus(seed, valid, invalid):
    """Objects by chance until the oracle has called so many valid and so many invalid; their verdicts with them."""
    validator = pytest.importorskip("stix2validator")
    options = validator.ValidationOptions(version="2.1", silent=True)
    random, wanted, made = Random(seed), {True: valid, False: invalid}, []
    while any(wanted.values()):
        kind = random.choice(KINDS)
        whole_one = wanted[False] == 0 or random.random() < 0.7
        obj = whole(kind, random.randrange(1, 5000)) if whole_one else spoiled(kind, random)
        try:
            verdict = bool(validator.validate_instance(obj, options).is_valid)
        except Exception:  # it stumbles over what it has already found wrong
            verdict = False
        if wanted[verdict]:
            wanted[verdict] -= 1
            made.append((obj, verdict))
    return made


def test_verdicts_agree_on_150_valid_and_50_invalid_objects():
    for obj, verdict in corpus(21, 150, 50):
        assert (problems_of(obj) == []) == verdict, (obj, problems_of(obj))


@pytest.mark.proof
def test_verdicts_agree_on_5000_valid_and_500_invalid_objects(record_property):
    made = corpus(22, 5000, 500)
    start = process_time()
    ours = [problems_of(obj) == [] for obj, _ in made]
    spent = process_time() - start
    assert [verdict for _, verdict in made] == ours
    record_property(
        "speed", f"{len(made) / spent:,.0f} objects a second of one core, same verdicts on 5,000 + 500"
    )
