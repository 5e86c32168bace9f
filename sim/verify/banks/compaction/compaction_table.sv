// Every compactor and decompactor that `verify` knows. This is the only list of them: the program
// reads it back from the model.
package compaction_table;
  localparam int MaxLanes = 8, MaxCodeBits = 8;
  localparam int RowBits = 32;
  // The format, as in quantizer_lane_table.sv (exponent bits, mantissa bits, bias, non-finite codes), and
  // the number of lanes.
  localparam Rows = {
      {4'd5, 4'd2, 8'd15, 5'd0, 3'd0, 8'd8},  // e5m2
      {4'd4, 4'd3, 8'd8, 5'd0, 3'd3, 8'd8},  // e4m3fnuz: the code of the sign alone is its NaN
      {4'd2, 4'd1, 8'd1, 5'd0, 3'd2, 8'd3},  // e2m1fn
      {4'd3, 4'd2, 8'd3, 5'd0, 3'd2, 8'd4},  // e3m2fn
      {4'd4, 4'd3, 8'd7, 5'd0, 3'd1, 8'd1}  // e4m3fn
  };
  localparam int RowCount = $bits(Rows) / RowBits;

  // The first row is the most significant.
  function automatic logic [RowBits-1:0] row(int index);
    return Rows[(RowCount-1-index)*RowBits+:RowBits];
  endfunction
endpackage
