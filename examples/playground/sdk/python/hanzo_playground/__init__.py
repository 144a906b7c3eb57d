"""Client of the Playground control plane."""

from .client import Client, Node, PlaygroundError

__version__ = "0.1.18"
__all__ = ["Client", "Node", "PlaygroundError", "__version__"]
