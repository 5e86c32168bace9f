"""The verb `report`: its figures against those of `sweep --csv`, summarised here."""
import html.parser
import math
import sqlite3
import statistics

import harness

MEASURES = ("mean_relative_error", "mse", "cosine", "sqnr_db")


class Page(html.parser.HTMLParser):
    """Tables by the heading before them and the setting they are in; elements must nest."""

    VOID = {"meta"}

    def __init__(self, text):
        super().__init__()
        self.open, self.tables, self.references, self.cell, self.caption = [], {}, [], None, []
        self.setting = ""
        self.feed(text)
        assert not self.open, self.open

    def handle_starttag(self, tag, attributes):
        self.references += [value for name, value in attributes if name in ("src", "href", "action", "data")]
        if tag in self.VOID:
            return
        self.open.append(tag)
        if tag in ("th", "td", "h3", "summary"):
            self.cell = ""
        if tag == "table":
            self.rows = self.tables[self.setting, self.caption] = []
        if tag == "tr":
            self.rows.append([])

    def handle_startendtag(self, tag, attributes):
        pass

    def handle_data(self, data):
        if self.cell is not None:
            self.cell += data

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, tag
        if tag in ("th", "td"):
            self.rows[-1].append(self.cell)
        elif tag == "h3":
            self.caption = self.cell
        elif tag == "summary":
            self.setting = self.cell
        if tag in ("th", "td", "h3", "summary"):
            self.cell = None


def loss(measure, value):
    return {"cosine": 1 - value, "sqnr_db": -value}.get(measure, value)


class Report(harness.CommandTest):
    SPACE = ["--formats", "e5m2,e4m3fn,e3m4f,e2m1fn,e3m0f,e1m2f", "--round", "rne,sr", "--scale", "none,amax-po2"]

    def page(self, *arguments):
        self.good("report", *arguments, "-o", "r.html")
        text = (self.folder / "r.html").read_text()
        return text, Page(text)

    def sweep(self):
        """A store, and its rows by setting."""
        name = self.write_gradients(tensors=5, elements=700)
        by_setting = {}
        for row in self.rows("sweep", name, *self.SPACE, "--db", "s.db"):
            setting = f"{row['rounding']} {row['overflow']} scale {row['scale']} sparsity {row['sparsity']}"
            by_setting.setdefault(setting, []).append(row)
        return by_setting

    def assert_number(self, text, expected):
        if math.isnan(expected):
            self.assertEqual(text, "nan")
        else:
            self.assertAlmostEqual(float(text), expected, delta=6e-4 * abs(expected) + 1e-12)

    def test_medians_winners_and_margins_are_those_of_the_sweep(self):
        by_setting = self.sweep()
        _, page = self.page("--db", "s.db")
        self.assertEqual({setting for setting, _ in page.tables}, set(by_setting))
        for setting, rows in by_setting.items():
            head, *formats = page.tables[setting, "Formats, medians over the tensors"]
            self.assertEqual(len(formats), 6)
            for line in formats:
                shown = dict(zip(head, line, strict=True))
                mine = [r for r in rows if r["format"] == shown["format"]]
                self.assertEqual(int(shown["tensors"]), 5)
                for column in (*MEASURES, "zero_fraction", "saturated_fraction"):
                    values = [v for v in (float(r[column]) for r in mine) if not math.isnan(v)]
                    self.assert_number(shown[column], statistics.median(values) if values else math.nan)
            wins = {}
            head, *tensors = page.tables[setting, "Best format of each tensor"]
            self.assertEqual(len(tensors), 5 * 2)
            for line in tensors:
                bits = line[head.index("bits")]
                for measure in MEASURES:
                    at = head.index(f"best by {measure}")
                    mine = [(loss(measure, float(r[measure])), r["format"]) for r in rows
                            if r["tensor"] == line[1] and not math.isnan(float(r[measure]))
                            and str(1 + int(r["exponent_bits"]) + int(r["mantissa_bits"])) == bits]
                    if not mine:
                        self.assertEqual(line[at], "")
                        continue
                    best, *others = sorted(mine)
                    self.assertIn(line[at], [f for value, f in mine if value == best[0]])
                    wins.setdefault((bits, measure), []).append(line[at])
                    if others and best[0] != 0:
                        margin = others[0][0] - best[0] if measure == "sqnr_db" else others[0][0] / best[0] - 1
                        self.assert_number(line[at + 2], margin)
            for bits, measure, text, _ in page.tables[setting, "Best formats"][1:]:
                found = dict(part.split(" ") for part in text.split(", ")) if "none" not in text else {}
                mine = wins.get((bits, measure), [])
                self.assertEqual({f: int(n) for f, n in found.items()}, {f: mine.count(f) for f in mine})

    def test_one_file_that_fetches_nothing_and_says_how_it_was_made(self):
        self.sweep()
        text, page = self.page("--db", "s.db", "--title", "<script>alert(1)</script> & co")
        self.assertEqual(page.references, [])
        for word in ("http:", "https:", "url(", "@import", "<script>alert"):
            self.assertNotIn(word, text)
        self.assertIn("&lt;script&gt;alert(1)&lt;/script&gt; &amp; co", text)
        self.assertIn("db = s.db", text)
        again, _ = self.page("--db", "s.db", "--title", "<script>alert(1)</script> & co")
        self.assertEqual(text, again)

    def test_the_table_counts_what_the_page_counts(self):
        self.sweep()
        _, page = self.page("--db", "s.db")
        shown = {(setting, *row[:2], *win.split(" ")) for (setting, caption), rows in page.tables.items()
                 if caption == "Best formats" for row in rows[1:] if "none" not in row[2] for win in row[2].split(", ")}
        rows = self.rows("report", "--db", "s.db", "-o", "r.html")
        self.assertEqual({(r["bits"], r["candidates"]) for r in rows}, {("8", "3"), ("4", "3")})
        self.assertIn("Formats compared: 3 of 4 bits, 3 of 8 bits.", (self.folder / "r.html").read_text())
        self.assertEqual({tuple(r[c] for c in ("setting", "bits", "measure", "format", "wins")) for r in rows}, shown)

    def test_tensors_are_selected_and_names_are_text(self):
        odd = "step0/<b>&\"x/grad_output"
        name = self.write("t", {odd: harness.f32(0.3, -0.7, 1.1), "other": harness.f32(1.3)})
        self.good("sweep", name, "--tensors", "*", "--formats", "e4m3fn", "--db", "s.db")
        _, page = self.page("--db", "s.db")
        rows = page.tables["rne standard scale none sparsity 0", "Best format of each tensor"]
        self.assertEqual([row[1] for row in rows[1:]], [odd])
        _, page = self.page("--db", "s.db", "--tensors", "*")
        rows = page.tables["rne standard scale none sparsity 0", "Best format of each tensor"]
        self.assertEqual({row[1] for row in rows[1:]}, {odd, "other"})
        self.refused_saying(["report", "--db", "s.db", "--tensors", "x", "-o", "n.html"], "--tensors 'x'", "other")

    def test_tensors_without_numbers_are_reported_as_undefined(self):
        name = self.write("t", {"step0/a/grad_output": ("F32", [0], b""), "step0/b/grad_output": harness.f32(0.0, 0.0)})
        self.good("sweep", name, "--formats", "e4m3fn,e5m2", "--db", "s.db")
        _, page = self.page("--db", "s.db")
        rankings = page.tables["rne standard scale none sparsity 0", "Best formats"]
        self.assertIn(["8", "mean_relative_error", "none: it is defined for no tensor", "nan"], rankings)

    def test_results_of_other_seeds_count_once(self):
        name = self.write_gradients(tensors=1)
        for seed in (1, 2, 3):
            self.good("sweep", name, "--formats", "e4m3fn", "--sparsity", "0.5", "--seed", seed, "--db", "s.db")
        _, page = self.page("--db", "s.db")
        rows = page.tables["rne standard scale none sparsity 0.5", "Formats, medians over the tensors"]
        self.assertEqual([row[:3] for row in rows[1:]], [["e4m3fn", "8", "1"]])

    def test_what_is_no_store_is_refused_and_the_old_report_stays(self):
        (self.folder / "r.html").write_text("old")
        report = lambda db: ["report", "--db", db, "-o", "r.html"]
        self.refused_saying(report("none.db"), "none.db", "gradpath sweep --db")
        (self.folder / "text.db").write_text("no database, but a text that is long enough to look like a file\n" * 9)
        self.refused_saying(report("text.db"), "text.db", "gradpath sweep --db")
        with sqlite3.connect(self.folder / "other.db") as other:
            other.execute("CREATE TABLE x (y)")
        other.close()
        self.refused_saying(report("other.db"), "no results store of version")
        self.sweep()
        with sqlite3.connect(self.folder / "s.db") as store:
            store.execute("DELETE FROM sweep")
        store.close()
        self.refused_saying(report("s.db"), "holds no result")
        self.refused_saying(["report", "--db", "s.db", "-o", "s.db"], "is an input")
        self.refused_saying(["report", "-o", "r.html"], "--db")
        self.refused_saying(["report", "--db", "s.db"], "--output")
        self.assertEqual((self.folder / "r.html").read_text(), "old")
        self.assertNotIn("none.db", self.files())


if __name__ == "__main__":
    harness.main()
