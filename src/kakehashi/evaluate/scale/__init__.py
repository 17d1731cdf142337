"""More than one machine: the only room that imports ray, and only when it is asked for."""

from kakehashi.evaluate.scale.cluster import RayCluster, RayEndpoint

__all__ = ["RayCluster", "RayEndpoint"]
