"""Embedded models: catalogue, weights, and the server that runs them on this machine."""

from kakehashi.evaluate.local.catalogue import EmbeddedModel, embedded_model, embedded_models
from kakehashi.evaluate.local.server import LocalServer, RuntimeSettings, server_count
from kakehashi.evaluate.local.weights import have_weights, pull, weights_path

__all__ = [
    "EmbeddedModel",
    "LocalServer",
    "RuntimeSettings",
    "embedded_model",
    "embedded_models",
    "have_weights",
    "pull",
    "server_count",
    "weights_path",
]
