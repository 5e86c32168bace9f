"""The verb `formats`, against the tables of the standards."""
import math

import harness

# OCP OFP8 v1.0, tables 1 and 2; OCP MX v1.0, tables 1, 4, 5; IEEE 754-2019, table 3.5.
STANDARD = {  # bits, E, M, bias, max finite, min normal, min subnormal, infinities, NaNs
    "e5m2": (8, 5, 2, 15, 57344, 2**-14, 2**-16, 2, 6),
    "e4m3fn": (8, 4, 3, 7, 448, 2**-6, 2**-9, 0, 2),
    "e3m2fn": (6, 3, 2, 3, 28, 0.25, 0.0625, 0, 0),
    "e2m3fn": (6, 2, 3, 1, 7.5, 1, 0.125, 0, 0),
    "e2m1fn": (4, 2, 1, 1, 6, 1, 0.5, 0, 0),
    "fp16": (16, 5, 10, 15, 65504, 2**-14, 2**-24, 2, 2046),
    "fp32": (32, 8, 23, 127, (2 - 2**-23) * 2.0**127, 2.0**-126, 2.0**-149, 2, 2**24 - 2),
}


class Formats(harness.CommandTest):
    def test_columns_are_the_contract(self):
        self.assertEqual(self.good("formats", "--csv", "-").splitlines()[0],
                         "format,bits,exponent_bits,mantissa_bits,bias,max_finite,min_normal,"
                         "min_subnormal,infinities,nans,source")

    def test_rows_are_those_of_the_standards(self):
        rows = {row["format"]: row for row in self.rows("formats")}
        for name, expected in STANDARD.items():
            found = [float(cell) for column, cell in rows[name].items()
                     if column not in ("format", "source")]
            self.assertEqual(found, list(map(float, expected)), name)
            self.assertTrue(rows[name]["source"])

    def test_every_named_format_is_listed(self):
        names = ("fp32 tf32 fp16 bf16 dlfloat16 e5m2 e4m3 e4m3fn e3m4 e5m2fnuz e4m3fnuz e4m3b11fnuz "
                 "e8m0fnu e3m2fn e2m3fn e2m1fn")
        self.assertEqual([row["format"] for row in self.rows("formats")], names.split())

    def test_counts_of_infinities_and_nans_are_those_of_the_codes(self):
        for row in self.rows("formats"):
            if int(row["bits"]) > 16:
                continue
            values = [code["value"] for code in self.rows("formats", row["format"])]
            self.assertEqual(sum(v in ("inf", "-inf") for v in values), int(row["infinities"]), row)
            self.assertEqual(values.count("nan"), int(row["nans"]), row)
            finite = [float.fromhex(v) for v in values if v not in ("inf", "-inf", "nan")]
            self.assertEqual(max(finite), float(row["max_finite"]), row)

    def test_codes_of_fp4(self):
        values = [0, 0.5, 1, 1.5, 2, 3, 4, 6]
        rows = self.rows("formats", "e2m1fn")
        self.assertEqual([row["code"] for row in rows], [f"0x{code:x}" for code in range(16)])
        found = [float.fromhex(row["value"]) for row in rows]
        self.assertEqual(found, values + [-v for v in values])
        self.assertEqual(math.copysign(1, found[8]), -1)

    def test_codes_are_hex_of_full_width_and_values_hex_floats(self):
        rows = self.rows("formats", "e5m2")
        self.assertEqual(rows[0x3c], {"code": "0x3c", "value": "0x1p+0"})
        self.assertEqual(rows[0x04], {"code": "0x04", "value": "0x1p-14"})
        self.assertEqual([rows[i]["value"] for i in (0x7c, 0xfc, 0x7d, 0xff)], ["inf", "-inf", "nan", "nan"])
        self.assertEqual(len(rows), 256)

    def test_unknown_format_names_the_nearest(self):
        self.refused_saying(["formats", "e4m3fnu"], "'e4m3fnu'", "e4m3fn")
        for bad in ("", "e9m2", "e0m3", "e5m24", "e1m0", "e5", "e5m2b256", "E5M2", "e5m2 "):
            self.refused_saying(["formats", bad], "format")

    def test_formats_with_too_many_codes_say_so(self):
        self.refused_saying(["formats", "fp32"], "fp32", "32 bits")


if __name__ == "__main__":
    harness.main()
