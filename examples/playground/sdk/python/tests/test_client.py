import unittest
from importlib import metadata

import hanzo_playground
from hanzo_playground import Client, PlaygroundError

from .control_plane import ControlPlane


class ClientTest(unittest.TestCase):
    def test_registered_nodes_are_listed(self):
        with ControlPlane() as url:
            client = Client(url + "/")
            self.assertTrue(client.healthy())
            self.assertTrue(client.server_version())
            node = client.register("greeter", "http://localhost:9000")
            self.assertEqual(client.nodes(), [node])

    def test_a_refusal_is_an_error_with_its_reason(self):
        with ControlPlane() as url:
            with self.assertRaisesRegex(PlaygroundError, "id must be") as caught:
                Client(url).register("Not An Id", "http://localhost:9000")
            self.assertEqual(caught.exception.status, 400)

    def test_nobody_there_is_not_healthy(self):
        self.assertFalse(Client("http://127.0.0.1:1").healthy())


class VersionTest(unittest.TestCase):
    def test_the_package_and_its_metadata_agree(self):
        try:
            installed = metadata.version("hanzo-playground")
        except metadata.PackageNotFoundError:
            self.skipTest("hanzo-playground isn't installed")
        self.assertEqual(installed, hanzo_playground.__version__)


if __name__ == "__main__":
    unittest.main()
