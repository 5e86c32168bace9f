// Every quantizer lane that `verify` knows: a row is a format and a rounding. This is the only list of
// them: the program reads it back from the model, so C++ has no copy that could drift.
package quantizer_table;
  localparam logic [7:0] Ieee = 8'd0, Fn = 8'd1, Finite = 8'd2, Fnuz = 8'd3;

  localparam int RowBits = 32;
  // Exponent bits, mantissa bits, bias, non-finite codes, random bits (0: to nearest even).
  localparam Rows = {
      // The first four also stand in the wide bank, for exhaustive runs.
      {4'd5, 4'd2, 8'd15, Ieee, 8'd0},  // e5m2
      {4'd5, 4'd2, 8'd15, Ieee, 8'd24},
      {4'd4, 4'd3, 8'd7, Fn, 8'd0},  // e4m3fn
      {4'd4, 4'd3, 8'd7, Fn, 8'd24},
      {4'd5, 4'd2, 8'd15, Ieee, 8'd8},
      {4'd5, 4'd2, 8'd15, Ieee, 8'd1},
      {4'd4, 4'd3, 8'd7, Ieee, 8'd0},  // e4m3
      {4'd4, 4'd3, 8'd7, Ieee, 8'd24},
      {4'd4, 4'd3, 8'd7, Fn, 8'd16},
      {4'd3, 4'd4, 8'd3, Ieee, 8'd0},  // e3m4
      {4'd3, 4'd4, 8'd3, Ieee, 8'd24},
      {4'd2, 4'd5, 8'd1, Ieee, 8'd0},  // e2m5
      {4'd2, 4'd5, 8'd1, Ieee, 8'd24},
      {4'd1, 4'd6, 8'd0, Ieee, 8'd0},  // e1m6: subnormals alone
      {4'd1, 4'd6, 8'd0, Ieee, 8'd24},
      {4'd5, 4'd2, 8'd16, Fnuz, 8'd0},  // e5m2fnuz
      {4'd5, 4'd2, 8'd16, Fnuz, 8'd24},
      {4'd4, 4'd3, 8'd8, Fnuz, 8'd0},  // e4m3fnuz
      {4'd4, 4'd3, 8'd8, Fnuz, 8'd24},
      {4'd4, 4'd3, 8'd11, Fnuz, 8'd0},  // e4m3b11fnuz
      {4'd4, 4'd3, 8'd11, Fnuz, 8'd24},
      {4'd3, 4'd2, 8'd3, Finite, 8'd0},  // e3m2fn
      {4'd3, 4'd2, 8'd3, Finite, 8'd24},
      {4'd2, 4'd3, 8'd1, Finite, 8'd0},  // e2m3fn
      {4'd2, 4'd3, 8'd1, Finite, 8'd24},
      {4'd2, 4'd1, 8'd1, Finite, 8'd0},  // e2m1fn
      {4'd2, 4'd1, 8'd1, Finite, 8'd24},
      {4'd4, 4'd1, 8'd7, Finite, 8'd0},  // e4m1f
      {4'd4, 4'd1, 8'd7, Finite, 8'd24},
      {4'd4, 4'd1, 8'd7, Fn, 8'd0},  // e4m1fn
      {4'd3, 4'd0, 8'd3, Finite, 8'd0},  // e3m0f
      {4'd3, 4'd0, 8'd3, Finite, 8'd24},
      {4'd3, 4'd0, 8'd3, Ieee, 8'd0},  // e3m0: an infinity, no NaN
      {4'd3, 4'd0, 8'd3, Fn, 8'd24},  // e3m0fn
      {4'd3, 4'd0, 8'd4, Fnuz, 8'd0},  // e3m0fnuz
      {4'd5, 4'd0, 8'd15, Ieee, 8'd0},  // e5m0
      {4'd5, 4'd0, 8'd15, Ieee, 8'd24},
      {4'd6, 4'd1, 8'd31, Ieee, 8'd0},  // e6m1
      {4'd6, 4'd1, 8'd31, Ieee, 8'd24},
      {4'd7, 4'd0, 8'd63, Ieee, 8'd0},  // e7m0
      {4'd7, 4'd0, 8'd63, Fnuz, 8'd24},  // e7m0b63fnuz
      {4'd5, 4'd2, 8'd127, Ieee, 8'd0},  // e5m2b127: its smallest normal is fp32's
      {4'd5, 4'd2, 8'd127, Ieee, 8'd24},
      {4'd5, 4'd2, 8'd128, Finite, 8'd0},  // e5m2b128f: one binade into fp32's subnormals
      {4'd5, 4'd2, 8'd140, Ieee, 8'd0},  // e5m2b140: in the middle of them
      {4'd5, 4'd2, 8'd140, Ieee, 8'd24},
      {4'd4, 4'd3, 8'd160, Fn, 8'd0},  // e4m3b160fn: quanta below fp32's smallest value
      {4'd4, 4'd3, 8'd160, Fn, 8'd24},
      {4'd6, 4'd1, 8'd255, Ieee, 8'd0},  // e6m1b255: below fp32 but for its largest values
      {4'd4, 4'd3, 8'd0, Ieee, 8'd0},  // e4m3b0: nothing below 2
      {4'd4, 4'd3, 8'd0, Ieee, 8'd24},
      {4'd2, 4'd1, 8'd200, Finite, 8'd0},  // e2m1b200f: every fp32 number but zero overflows
      {4'd7, 4'd0, 8'd255, Finite, 8'd24},  // e7m0b255f
      {4'd1, 4'd2, 8'd1, Finite, 8'd24}  // e1m2b1f
  };
  localparam int RowCount = $bits(Rows) / RowBits;

  // The first row is the most significant.
  function automatic logic [RowBits-1:0] row(int index);
    return Rows[(RowCount-1-index)*RowBits+:RowBits];
  endfunction
endpackage
