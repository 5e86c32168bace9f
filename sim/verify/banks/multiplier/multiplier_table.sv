// Every multiplier that `verify` knows, by its format: as in quantizer_lane_table.sv. This is the only list
// of them: the program reads it back from the model.
package multiplier_table;
  localparam int RowBits = 32;
  localparam Rows = {
      {4'd5, 4'd2, 8'd15, 5'd0, 3'd0, 8'd1},  // e5m2
      {4'd4, 4'd3, 8'd7, 5'd0, 3'd1, 8'd1},  // e4m3fn
      {4'd3, 4'd4, 8'd3, 5'd0, 3'd0, 8'd1},  // e3m4
      {4'd2, 4'd1, 8'd1, 5'd0, 3'd2, 8'd1},  // e2m1fn
      {4'd1, 4'd6, 8'd0, 5'd0, 3'd0, 8'd1},  // e1m6
      {4'd7, 4'd0, 8'd63, 5'd0, 3'd3, 8'd1}  // e7m0fnuz: a significand is one or none
  };
  localparam int RowCount = $bits(Rows) / RowBits;

  // The first row is the most significant.
  function automatic logic [RowBits-1:0] row(int index);
    return Rows[(RowCount-1-index)*RowBits+:RowBits];
  endfunction
endpackage
