"""py-irt's 2PL on stored answers; run by the peers' own python: ``irt_peer.py answers.npz least_recovery epochs…``.

Trains afresh for each number of epochs until abilities and slopes are recovered at least so well, and prints
one JSON object. Only training is timed, not the making of py-irt's data set.
"""

import json
import sys
from importlib.metadata import version
from time import perf_counter, process_time

import numpy as np
import pyro
import torch
from py_irt.config import IrtConfig
from py_irt.dataset import Dataset
from py_irt.training import IrtModelTrainer


def dataset(y: np.ndarray) -> Dataset:
    m, n = y.shape
    models, items = [f"m{i:05d}" for i in range(m)], [f"i{j:05d}" for j in range(n)]
    rows, columns = np.nonzero(~np.isnan(y))
    return Dataset(
        item_ids=set(items),
        subject_ids=set(models),
        item_id_to_ix={name: k for k, name in enumerate(items)},
        ix_to_item_id=dict(enumerate(items)),
        subject_id_to_ix={name: k for k, name in enumerate(models)},
        ix_to_subject_id=dict(enumerate(models)),
        observation_subjects=rows.tolist(),
        observation_items=columns.tolist(),
        observations=y[rows, columns].tolist(),
        training_example=[True] * len(rows),
    )


def train(y: np.ndarray, epochs: int) -> tuple[float, float, dict]:
    torch.manual_seed(0)
    pyro.set_rng_seed(0)
    trainer = IrtModelTrainer(
        data_path=None,
        config=IrtConfig(model_type="2pl", priors="hierarchical", epochs=epochs),
        dataset=dataset(y),
        verbose=False,
    )
    began, began_cpu = perf_counter(), process_time()
    trainer.train(epochs=epochs)
    return perf_counter() - began, process_time() - began_cpu, trainer.last_params


def main() -> None:
    path, least, *wanted = sys.argv[1:]
    stored = np.load(path)
    y, theta, slope = stored["y"], stored["theta"], stored["slope"]
    tried = []
    for epochs in map(int, wanted):
        seconds, cpu, found = train(y, epochs)
        ability = abs(float(np.corrcoef(found["ability"], theta)[0, 1]))
        slopes = float(np.corrcoef(np.abs(found["disc"]), slope)[0, 1])
        tried.append({"epochs": epochs, "seconds": seconds, "cpu": cpu, "ability": ability, "slope": slopes})
        if ability >= float(least.split(",")[0]) and slopes >= float(least.split(",")[1]):
            break
    print(
        json.dumps(
            {
                "tried": tried,
                "versions": {name: version(name) for name in ("py-irt", "torch", "pyro-ppl")},
                "threads": torch.get_num_threads(),
            }
        )
    )


if __name__ == "__main__":
    main()
