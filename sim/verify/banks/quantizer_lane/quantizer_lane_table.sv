// Every quantizer lane that `verify` knows: a row is a format, a rounding and whether the lane has a
// scale. This is the only list of them: the program reads it back from the model, so C++ has no copy
// that could drift.
package quantizer_lane_table;
  localparam logic [2:0] Ieee = 3'(gradpath_pkg::Ieee), Fn = 3'(gradpath_pkg::Fn);
  localparam logic [2:0] Finite = 3'(gradpath_pkg::Finite), Fnuz = 3'(gradpath_pkg::Fnuz);
  localparam logic [3:0] Rne = 4'(gradpath_pkg::Rne), Rna = 4'(gradpath_pkg::Rna);
  localparam logic [3:0] Rtz = 4'(gradpath_pkg::Rtz), Rup = 4'(gradpath_pkg::Rup);
  localparam logic [3:0] Rdn = 4'(gradpath_pkg::Rdn), Rto = 4'(gradpath_pkg::Rto);
  localparam logic [3:0] Sr = 4'(gradpath_pkg::Sr), Sru = 4'(gradpath_pkg::Sru);
  localparam logic Plain = 1'b0, Scaled = 1'b1;

  // A row: exponent bits, mantissa bits, bias, rounding, scaled, non-finite codes, random bits.
  localparam int RowBits = 32;

  // Every named format up to 8 bits ...
  localparam int FormatBits = 19;  // exponent bits, mantissa bits, bias, non-finite codes
  localparam Formats = {
      {4'd5, 4'd2, 8'd15, Ieee},  // e5m2
      {4'd4, 4'd3, 8'd7, Ieee},  // e4m3
      {4'd4, 4'd3, 8'd7, Fn},  // e4m3fn
      {4'd3, 4'd4, 8'd3, Ieee},  // e3m4
      {4'd5, 4'd2, 8'd16, Fnuz},  // e5m2fnuz
      {4'd4, 4'd3, 8'd8, Fnuz},  // e4m3fnuz
      {4'd4, 4'd3, 8'd11, Fnuz},  // e4m3b11fnuz
      {4'd3, 4'd2, 8'd3, Finite},  // e3m2fn
      {4'd2, 4'd3, 8'd1, Finite},  // e2m3fn
      {4'd2, 4'd1, 8'd1, Finite}  // e2m1fn
  };
  localparam int FormatCount = $bits(Formats) / FormatBits;
  // ... with every rounding.
  localparam int RoundingBits = 12;  // rounding, random bits
  localparam Roundings = {
      {Rne, 8'd1}, {Rna, 8'd1}, {Rtz, 8'd1}, {Rup, 8'd1}, {Rdn, 8'd1}, {Rto, 8'd1},
      {Sr, 8'd24}, {Sr, 8'd8}, {Sru, 8'd24}, {Sru, 8'd8}
  };
  localparam int RoundingCount = $bits(Roundings) / RoundingBits;

  // Others, each for a corner that the named ones leave.
  localparam Others = {
      {4'd5, 4'd2, 8'd15, Sr, Plain, Ieee, 8'd1},
      {4'd5, 4'd2, 8'd15, Sru, Plain, Ieee, 8'd1},
      {4'd5, 4'd2, 8'd15, Sr, Plain, Ieee, 8'd32},
      {4'd5, 4'd2, 8'd15, Sru, Plain, Ieee, 8'd32},
      {4'd4, 4'd3, 8'd7, Sr, Plain, Fn, 8'd16},
      {4'd4, 4'd3, 8'd7, Sru, Plain, Fn, 8'd4},
      {4'd2, 4'd5, 8'd1, Rne, Plain, Ieee, 8'd1},  // e2m5
      {4'd2, 4'd5, 8'd1, Sr, Plain, Ieee, 8'd24},
      {4'd1, 4'd6, 8'd0, Rne, Plain, Ieee, 8'd1},  // e1m6: subnormals alone
      {4'd1, 4'd6, 8'd0, Rup, Plain, Ieee, 8'd1},
      {4'd1, 4'd6, 8'd0, Sr, Plain, Ieee, 8'd24},
      {4'd4, 4'd1, 8'd7, Rne, Plain, Finite, 8'd1},  // e4m1f
      {4'd4, 4'd1, 8'd7, Sr, Plain, Finite, 8'd24},
      {4'd4, 4'd1, 8'd7, Rne, Plain, Fn, 8'd1},  // e4m1fn
      {4'd3, 4'd0, 8'd3, Rne, Plain, Finite, 8'd1},  // e3m0f
      {4'd3, 4'd0, 8'd3, Rto, Plain, Finite, 8'd1},
      {4'd3, 4'd0, 8'd3, Sr, Plain, Finite, 8'd24},
      {4'd3, 4'd0, 8'd3, Rne, Plain, Ieee, 8'd1},  // e3m0: an infinity, no NaN
      {4'd3, 4'd0, 8'd3, Rtz, Plain, Ieee, 8'd1},
      {4'd3, 4'd0, 8'd3, Sr, Plain, Fn, 8'd24},  // e3m0fn
      {4'd3, 4'd0, 8'd4, Rne, Plain, Fnuz, 8'd1},  // e3m0fnuz
      {4'd3, 4'd0, 8'd4, Rdn, Plain, Fnuz, 8'd1},
      {4'd5, 4'd0, 8'd15, Rne, Plain, Ieee, 8'd1},  // e5m0
      {4'd5, 4'd0, 8'd15, Sr, Plain, Ieee, 8'd24},
      {4'd6, 4'd1, 8'd31, Rne, Plain, Ieee, 8'd1},  // e6m1
      {4'd6, 4'd1, 8'd31, Sru, Plain, Ieee, 8'd24},
      {4'd7, 4'd0, 8'd63, Rne, Plain, Ieee, 8'd1},  // e7m0
      {4'd7, 4'd0, 8'd63, Sr, Plain, Fnuz, 8'd24},  // e7m0b63fnuz
      {4'd5, 4'd2, 8'd127, Rne, Plain, Ieee, 8'd1},  // e5m2b127: its smallest normal is fp32's
      {4'd5, 4'd2, 8'd127, Sr, Plain, Ieee, 8'd24},
      {4'd5, 4'd2, 8'd128, Rne, Plain, Finite, 8'd1},  // e5m2b128f: one binade into fp32's subnormals
      {4'd5, 4'd2, 8'd140, Rne, Plain, Ieee, 8'd1},  // e5m2b140: in the middle of them
      {4'd5, 4'd2, 8'd140, Rto, Plain, Ieee, 8'd1},
      {4'd5, 4'd2, 8'd140, Sru, Plain, Ieee, 8'd24},
      {4'd4, 4'd3, 8'd160, Rne, Plain, Fn, 8'd1},  // e4m3b160fn: quanta below fp32's smallest value
      {4'd4, 4'd3, 8'd160, Sr, Plain, Fn, 8'd24},
      {4'd6, 4'd1, 8'd255, Rne, Plain, Ieee, 8'd1},  // e6m1b255: below fp32 but for its largest values
      {4'd4, 4'd3, 8'd0, Rne, Plain, Ieee, 8'd1},  // e4m3b0: nothing below 2
      {4'd4, 4'd3, 8'd0, Sr, Plain, Ieee, 8'd24},
      {4'd2, 4'd1, 8'd200, Rne, Plain, Finite, 8'd1},  // e2m1b200f: all fp32 numbers but 0 overflow
      {4'd7, 4'd0, 8'd255, Sr, Plain, Finite, 8'd24},  // e7m0b255f
      {4'd1, 4'd2, 8'd1, Sr, Plain, Finite, 8'd24},  // e1m2b1f
      {4'd5, 4'd2, 8'd15, Rne, Scaled, Ieee, 8'd1},
      {4'd5, 4'd2, 8'd15, Rtz, Scaled, Ieee, 8'd1},
      {4'd4, 4'd3, 8'd7, Rup, Scaled, Fn, 8'd1},
      {4'd4, 4'd3, 8'd7, Sr, Scaled, Fn, 8'd24},
      {4'd4, 4'd3, 8'd8, Sru, Scaled, Fnuz, 8'd8},
      {4'd2, 4'd1, 8'd1, Rne, Scaled, Finite, 8'd1},
      {4'd5, 4'd2, 8'd140, Rne, Scaled, Ieee, 8'd1},
      {4'd7, 4'd0, 8'd255, Rto, Scaled, Finite, 8'd1},
      {4'd4, 4'd3, 8'd0, Rdn, Scaled, Ieee, 8'd1}
  };
  localparam int RowCount = FormatCount * RoundingCount + $bits(Others) / RowBits;

  // The rows of a format stand together, in the order of Roundings. A list's first item is its most
  // significant.
  function automatic logic [RowBits-1:0] row(int index);
    logic [FormatBits-1:0] format;
    logic [RoundingBits-1:0] rounding;
    if (index >= FormatCount * RoundingCount) return Others[(RowCount-1-index)*RowBits+:RowBits];
    format   = Formats[(FormatCount-1-index/RoundingCount)*FormatBits+:FormatBits];
    rounding = Roundings[(RoundingCount-1-index%RoundingCount)*RoundingBits+:RoundingBits];
    return {format[18:3], rounding[11:8], Plain, format[2:0], rounding[7:0]};
  endfunction
endpackage
