"""Encrypted files are age files: another program writes and reads the same, and every damaged bit is found."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kakehashi.errors import InputError, VerificationError
from kakehashi.exchange.age import ReadingKey, Recipient, decrypt, encrypt

#: Secret key and recipient that the age specification gives as a pair (c2sp.org/age, "The X25519 recipient type").
SECRET = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX"
PUBLIC = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj"
SIZES = (0, 1, 65_535, 65_536, 65_537, 131_072, 150_000)


def test_the_key_pair_of_the_specification():
    key = ReadingKey.parse(f"# created: 2026\n# public key: {PUBLIC}\n{SECRET}\n")
    assert str(key.recipient) == PUBLIC
    assert key.secret_text() == SECRET
    assert str(Recipient.parse(PUBLIC)) == PUBLIC


@pytest.mark.parametrize("size", SIZES)
def test_another_implementation_of_age_reads_ours_and_writes_what_we_read(size):
    pyrage = pytest.importorskip("pyrage")
    data, other = Random(size).randbytes(size), ReadingKey.generate()
    theirs = pyrage.x25519.Identity.from_str(SECRET)
    assert pyrage.decrypt(encrypt(data, [other.recipient, Recipient.parse(PUBLIC)]), [theirs]) == data
    assert decrypt(pyrage.encrypt(data, [theirs.to_public()]), ReadingKey.parse(SECRET)) == data


@given(st.binary(max_size=300), st.integers(1, 3), st.data())
@settings(max_examples=40, deadline=None)
def test_every_recipient_reads_and_nobody_else(data, count, draw):
    keys = [ReadingKey.generate() for _ in range(count)]
    sealed = encrypt(data, [key.recipient for key in keys])
    assert decrypt(sealed, draw.draw(st.sampled_from(keys))) == data
    with pytest.raises(InputError):
        decrypt(sealed, ReadingKey.generate())


def test_every_flipped_bit_and_every_cut_is_found():
    key, random = ReadingKey.generate(), Random(1)
    sealed = encrypt(b"synthetic " * 8_000, [key.recipient])
    head = sealed.index(b"\n--- ") + 50
    places = {*range(head), *(random.randrange(len(sealed)) for _ in range(100))}
    for place in places:
        flipped = bytearray(sealed)
        flipped[place] ^= 1 << random.randrange(8)
        with pytest.raises((InputError, VerificationError)):
            decrypt(bytes(flipped), key)
    for length in {*range(0, head, 7), *(random.randrange(len(sealed)) for _ in range(60)), len(sealed) - 1}:
        with pytest.raises((InputError, VerificationError)):
            decrypt(sealed[:length], key)
    whole = (
        sealed.index(b"\n", sealed.index(b"\n--- ") + 1) + 1 + 16
    )  # the nonce, then chunks of 64 KiB and a tag
    with pytest.raises(VerificationError):  # a cut between two chunks
        decrypt(sealed[: whole + 65_536 + 16], key)


def test_mistyped_keys_are_refused_and_secrets_never_repeated():
    for text in (PUBLIC[:-1] + "q", PUBLIC.replace("age1", "abe1"), PUBLIC + "q", "age1", "", PUBLIC.upper()):
        with pytest.raises(InputError):
            Recipient.parse(text)
    with pytest.raises(InputError) as said:
        ReadingKey.parse(SECRET[:-1] + "Q")
    assert "GFPYY" not in str(said.value).upper()
    assert "GFPYY" not in repr(ReadingKey.parse(SECRET)).upper()
    with pytest.raises(InputError):  # a point of small order agrees with everybody
        encrypt(b"x", [Recipient(bytes(32))])
    with pytest.raises(InputError):
        encrypt(b"x", [])
