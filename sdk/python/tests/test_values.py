import math
import unittest
from decimal import Decimal

from lazuli import values


class Scalar:
    """What numpy's scalars and torch's one-element tensors have in common."""

    def __init__(self, value):
        self.value = value

    def item(self):
        return self.value


class Array:
    def __init__(self, *elements):
        self.elements = list(elements)

    def tolist(self):
        return self.elements

    def item(self):
        if len(self.elements) != 1:
            raise ValueError("can only convert an array of size 1 to a Python scalar")
        return self.elements[0]

    def __iter__(self):
        return iter(self.elements)


class Frame:
    columns = ["x", "y"]

    def to_dict(self, orient):
        assert orient == "list"
        return {"x": [1, 2], "y": [0.5, math.nan]}


class ScalarTest(unittest.TestCase):
    def test_numbers_and_texts_become_json(self):
        for value, expected in [
            (3, 3),
            (0.1, 0.1),
            (True, 1),
            ("liblinear", "liblinear"),
            (Scalar(0.25), 0.25),
            (Scalar(True), 1),
            (Array(7), 7),
            (Decimal("0.5"), 0.5),
            (math.nan, "NaN"),
            (math.inf, "Infinity"),
            (Scalar(-math.inf), "-Infinity"),
        ]:
            with self.subTest(value=value):
                converted = values.scalar("m", value)
                self.assertEqual(converted, expected)
                self.assertIs(type(converted), type(expected))

    def test_wrong_types_say_what_to_use(self):
        for value, hint in [
            ([1, 2], "got a list; use log_list"),
            (Array(1, 2), "got a Array; use log_list"),
            ({"a": 1}, "got a dict; use log_row"),
            (Frame(), "got a Frame; use log_row for one row or log_table for columns"),
            (None, "got a None; use float(..)"),
            (1j, "got a complex; use float(..)"),
        ]:
            with self.subTest(value=value), self.assertRaises(TypeError) as raised:
                values.scalar("m", value)
            self.assertIn(hint, str(raised.exception))

    def test_a_step_is_whole(self):
        self.assertEqual(values.step("m", Scalar(3)), 3)
        self.assertIsNone(values.step("m", None))
        for wrong in (1.5, "1", True):
            with self.subTest(wrong=wrong), self.assertRaises(TypeError):
                values.step("m", wrong)


class StructureTest(unittest.TestCase):
    def test_lists(self):
        self.assertEqual(values.sequence("m", Array(1, 2.5, math.nan)), [1, 2.5, "NaN"])
        self.assertEqual(values.sequence("m", (Scalar(1), "a")), [1, "a"])
        for wrong in (1, "abc", {"a": 1}):
            with self.subTest(wrong=wrong), self.assertRaisesRegex(TypeError, "use log for one value"):
                values.sequence("m", wrong)
        with self.assertRaisesRegex(TypeError, "got a list among them"):
            values.sequence("m", [[1, 2]])

    def test_tables(self):
        self.assertEqual(values.table("m", {"x": Array(1, 2), "y": [0.5, math.inf]}), {"x": [1, 2], "y": [0.5, "Infinity"]})
        self.assertEqual(values.table("m", Frame()), {"x": [1, 2], "y": [0.5, "NaN"]})
        self.assertEqual(values.table("m", [{"x": 1}, {"x": 2}]), [{"x": 1}, {"x": 2}])
        with self.assertRaisesRegex(ValueError, "must be of the same length"):
            values.table("m", {"x": [1], "y": [1, 2]})
        with self.assertRaisesRegex(TypeError, "takes columns"):
            values.table("m", 3)

    def test_rows(self):
        self.assertEqual(values.row("m", {"x": 1, "y": math.nan}), {"x": 1, "y": "NaN"})
        with self.assertRaisesRegex(ValueError, "at least one column"):
            values.row("m", {})

    def test_documents(self):
        matrix = {"schema_type": "confusion_matrix", "schema_version": "v1", "data": {"matrix": [Array(3, 1), [math.nan, 2]]}}
        expected = {**matrix, "data": {"matrix": [[3, 1], ["NaN", 2]]}}
        self.assertEqual(values.document("m", "log_confusion_matrix", "confusion_matrix", matrix), expected)
        text = '{"schema_type": "residuals", "schema_version": "v1", "data": {}}'
        self.assertEqual(values.document("m", "log_residuals", "residuals", text)["data"], {})
        for wrong, problem in [
            ("{", "no JSON"),
            ({"data": {}}, "needs `schema_type`"),
            ({"schema_type": "predictions", "data": {}}, "takes the schema_type 'residuals'"),
        ]:
            with self.subTest(wrong=wrong), self.assertRaisesRegex(ValueError, problem):
                values.document("m", "log_residuals", "residuals", wrong)

    def test_names(self):
        self.assertEqual(values.check_name("run", "AUC / fold 1"), "AUC / fold 1")
        for wrong in ("", " a", "a\nb", "x" * 300):
            with self.subTest(wrong=wrong), self.assertRaises(ValueError):
                values.check_name("run", wrong)
        self.assertEqual(values.check_key("metric", " loss of a "), " loss of a ")
        for wrong in ("", " ", "a\nb", "x" * 300):
            with self.subTest(wrong=wrong), self.assertRaises(ValueError):
                values.check_key("metric", wrong)
        with self.assertRaisesRegex(TypeError, "the metric name is a int"):
            values.check_name("metric", 3)


class ShapeTest(unittest.TestCase):
    def check(self, kind, logged, expected):
        points = [{"step": step, "value": value} for step, value in enumerate(logged)]
        self.assertEqual(values.metrics_as_sdk_v1([{"name": "m", "kind": kind, "points": points}]), {"m": expected})

    def test_what_was_logged_once_is_its_value(self):
        self.check("scalar", [0.5], 0.5)
        self.check("scalar", ["Infinity"], math.inf)
        self.check("list", [[1, 2]], [1, 2])
        self.check("row", [{"x": 1, "y": 2}], {"x": 1, "y": 2})
        self.check("table", [{"x": [1, 2], "y": [3, 4]}], {"x": [1, 2], "y": [3, 4]})
        self.check("table", [[{"x": 1}, {"x": 2, "y": 3}]], {"x": [1, 2], "y": [None, 3]})
        self.check("image", [{"artifact": "images/a.png"}], "images/a.png")

    def test_what_was_logged_again_grows(self):
        self.check("scalar", [1, 2], [1, 2])
        self.check("list", [[1], [2, 3]], [1, 2, 3])
        self.check("row", [{"x": 1, "y": 2}, {"x": 3, "z": 4}], {"x": [1, 3], "y": [2, None], "z": [None, 4]})
        self.check("table", [{"x": [1]}, {"x": [2]}], {"x": [1, 2]})
        self.check("table", [{"x": []}], {"x": []})
        self.check("image", [{"artifact": "a"}, {"artifact": "b"}], ["a", "b"])


if __name__ == "__main__":
    unittest.main()
