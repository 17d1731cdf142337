"""Inspect tasks as our methods, and our suites as Inspect tasks: the only room that imports inspect_ai.

``adapter``, ``method`` and ``logs`` do without it and run in the main process; ``worker``, ``provider`` and ``tasks``
import it, in a process of their own or under ``inspect eval``. Import nothing from here but modules.
"""
