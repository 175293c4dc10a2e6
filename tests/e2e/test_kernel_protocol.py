"""The published conformance tests of Jupyter, for everything that applies to Rust and to Python."""

import os
import tempfile
from pathlib import Path
from unittest import mock

import jupyter_kernel_test

from conftest import Home
from frontend import LIMIT, until


class InHome:
    """A kernel in a home of its own."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="lazuli-test-")
        cls.home = Home(Path(cls.folder.name))
        cls.environment = mock.patch.dict(os.environ, cls.home.environment, clear=True)
        cls.environment.start()
        super().setUpClass()
        # The published tests wait 15 seconds; a first cell on a busy machine may take longer.
        cls.kc.execute_interactive("0", timeout=LIMIT)
        # So may the first completion, for which Rust's kernel reads the standard library's sources.
        until("a completion", lambda: cls.kc.complete(cls.first_completion, reply=True, timeout=LIMIT)["content"]["matches"])

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.environment.stop()
        cls.home.stop()
        cls.folder.cleanup()


class RustKernel(InHome, jupyter_kernel_test.KernelTests):
    first_completion = "String::ne"
    kernel_name = "lazuli"
    language_name = "rust"
    file_extension = ".rs"

    code_hello_world = 'println!("hello, world")'
    code_stderr = 'eprintln!("to stderr")'
    code_generate_error = 'panic!("on purpose")'
    code_inspect_sample = "String"
    code_execute_result = [
        {"code": "6 * 7", "result": "42"},
        {"code": '"a".repeat(3)', "result": '"aaa"'},
        {"code": "let n = 20;\nn + 1", "result": "21"},
    ]
    code_display_data = [
        {"code": 'println!("EVCXR_BEGIN_CONTENT text/html\\n<b>bold</b>\\nEVCXR_END_CONTENT");', "mime": "text/html"}
    ]
    completion_samples = [
        {"text": "let word = String::new(); word.is_emp", "matches": {"is_empty()"}},
        {"text": "%rundet", "matches": {"%rundetails"}},
    ]
    complete_code_samples = ["1 + 1", "fn f() {}", "let x = 1;", "%run list"]
    incomplete_code_samples = ["fn f() {", "let x = (1,", '"open']
    invalid_code_samples = ["fn f() }", "let x = ];"]
    supported_history_operations = ("tail", "range", "search")
    code_history_pattern = "6*7"

class PythonKernel(InHome, jupyter_kernel_test.KernelTests):
    kernel_name = "lazuli-python"
    language_name = "python"
    file_extension = ".py"
    first_completion = "pri"

    code_hello_world = "print('hello, world')"
    code_stderr = "import sys; print('to stderr', file=sys.stderr)"
    code_generate_error = "raise Exception('on purpose')"
    code_inspect_sample = "print"
    code_page_something = "zip?"
    code_execute_result = [
        {"code": "6 * 7", "result": "42"},
        {"code": "'a' * 3", "result": "'aaa'"},
    ]
    code_display_data = [
        {"code": "from IPython.display import HTML, display; display(HTML('<b>bold</b>'))", "mime": "text/html"}
    ]
    code_clear_output = "from IPython.display import clear_output; clear_output()"
    completion_samples = [
        {"text": "zi", "matches": {"zip"}},
        {"text": "%submit --exp", "matches": {"--experiment"}},
    ]
    complete_code_samples = ["1", "print('hello, world')", "%run list"]
    incomplete_code_samples = ["print('''hello", "for i in range(3):"]
    invalid_code_samples = ["import = 7q"]
    # Not "range": of the session that runs, IPython says number 0.
    supported_history_operations = ("tail", "search")
    code_history_pattern = "6 ? 7"
