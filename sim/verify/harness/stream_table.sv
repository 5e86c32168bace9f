// Every streaming module that `verify` knows. This is the only list of them: the program reads it back
// from the model.
package stream_table;
  localparam logic [7:0] Ieee = 8'd0, Fn = 8'd1, Finite = 8'd2, Fnuz = 8'd3;
  localparam logic [3:0] Quantizer = 4'd0, Pruner = 4'd1, ToStandard = 4'd0, ToLargest = 4'd1;

  localparam int MaxLanes = 8;
  localparam int RowBits = 48;
  // Module, overflow, lanes, exponent bits, mantissa bits, bias, non-finite codes, random bits
  // (0: to nearest even). A pruner has no format.
  localparam Rows = {
      {Quantizer, ToStandard, 8'd8, 4'd5, 4'd2, 8'd15, Ieee, 8'd0},  // e5m2
      {Quantizer, ToLargest, 8'd8, 4'd5, 4'd2, 8'd15, Ieee, 8'd24},
      {Quantizer, ToStandard, 8'd8, 4'd4, 4'd3, 8'd7, Fn, 8'd0},  // e4m3fn
      {Quantizer, ToLargest, 8'd8, 4'd4, 4'd3, 8'd7, Fn, 8'd24},
      {Quantizer, ToStandard, 8'd4, 4'd4, 4'd3, 8'd8, Fnuz, 8'd16},  // e4m3fnuz
      {Quantizer, ToStandard, 8'd8, 4'd2, 4'd1, 8'd1, Finite, 8'd24},  // e2m1fn
      {Quantizer, ToLargest, 8'd3, 4'd3, 4'd0, 8'd3, Finite, 8'd8},  // e3m0f
      {Quantizer, ToLargest, 8'd1, 4'd3, 4'd4, 8'd3, Ieee, 8'd24},  // e3m4
      {Pruner, ToStandard, 8'd8, 4'd0, 4'd0, 8'd0, Ieee, 8'd24},
      {Pruner, ToStandard, 8'd3, 4'd0, 4'd0, 8'd0, Ieee, 8'd8},
      {Pruner, ToStandard, 8'd1, 4'd0, 4'd0, 8'd0, Ieee, 8'd1}
  };
  localparam int RowCount = $bits(Rows) / RowBits;

  // The first row is the most significant.
  function automatic logic [RowBits-1:0] row(int index);
    return Rows[(RowCount-1-index)*RowBits+:RowBits];
  endfunction
endpackage
