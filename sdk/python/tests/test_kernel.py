"""A Python whose kernel is on another machine: what it logs goes there, one record and one answer after the other."""

import json
import os
import signal
import socket
import tempfile
import threading
import unittest
from unittest import mock

from lazuli import kernel
from lazuli.errors import UnavailableError


class KernelTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.address = os.path.join(folder.name, "magics")
        self.server = socket.socket(socket.AF_UNIX)
        self.addCleanup(self.server.close)
        self.server.bind(self.address)
        self.server.listen()
        environment = mock.patch.dict(os.environ, LAZULI_MAGICS=self.address)
        environment.start()
        self.addCleanup(environment.stop)
        self.addCleanup(kernel.close)

    def serve(self, *answers):
        """One connection; before it gives an answer that is a function, that is called."""

        def work():
            link, _ = self.server.accept()
            with link, link.makefile("r") as said:
                self.assertEqual(json.loads(said.readline()), {"open": "records"})
                for given in answers:
                    self.heard.append(json.loads(said.readline()))
                    if callable(given):
                        given = given()
                    try:
                        link.sendall((json.dumps(given) + "\n").encode())
                    except OSError:
                        # Who asked has gone.
                        return

        self.heard = []
        thread = threading.Thread(target=work)
        thread.start()
        self.addCleanup(thread.join)
        return thread

    def test_each_record_has_its_own_answer(self):
        self.serve({"appended": True}, {"appended": False}, {"error": "the disk is full"})
        self.assertTrue(kernel.append("r", {"record": "tag"}))
        self.assertFalse(kernel.append("r", None))
        with self.assertRaisesRegex(UnavailableError, "the disk is full"):
            kernel.append("r", None)
        self.assertEqual(self.heard[:2], [{"run": "r", "record": {"record": "tag"}}, {"run": "r", "record": None}])

    def test_an_interrupt_leaves_no_answer_to_the_next_one(self):
        main = threading.main_thread().ident

        def interrupting():
            signal.pthread_kill(main, signal.SIGINT)
            return {"appended": False}

        first = self.serve(interrupting)
        with self.assertRaises(KeyboardInterrupt):
            kernel.append("r", {})
        first.join()
        self.serve({"appended": True})
        self.assertTrue(kernel.append("r", {}))

    def test_a_kernel_that_is_gone_is_told_and_one_that_is_back_is_found(self):
        self.serve({"appended": True}).join(0)
        self.assertTrue(kernel.append("r", {}))
        with self.assertRaisesRegex(UnavailableError, "nothing was logged"):
            kernel.append("r", {})
        self.serve({"appended": True})
        self.assertTrue(kernel.append("r", {}))

    def test_without_one_nothing_is_taken(self):
        with mock.patch.dict(os.environ, LAZULI_MAGICS=""):
            self.assertFalse(kernel.append("r", {}))


if __name__ == "__main__":
    unittest.main()
