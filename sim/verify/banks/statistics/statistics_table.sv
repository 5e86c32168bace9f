// Every unit that gives one answer a stream that `verify` knows. This is the only list of them: the
// program reads it back from the model.
package statistics_table;
  localparam logic [7:0] Amax = 8'd0, Histogram = 8'd1, Log = 8'd2;

  localparam int MaxLanes = 8;
  localparam int RowBits = 48;
  // The unit and its lanes, then of an amax unit a row as in quantizer_lane_table.sv; of a threshold unit
  // the first field, the binades (histogram), mantissa bits (histogram) and count bits.
  localparam Rows = {
      {Amax, 8'd8, 4'd5, 4'd2, 8'd15, 5'd0, 3'd0, 8'd1},  // e5m2
      {Amax, 8'd8, 4'd4, 4'd3, 8'd7, 5'd0, 3'd1, 8'd1},  // e4m3fn
      {Amax, 8'd3, 4'd4, 4'd3, 8'd8, 5'd0, 3'd3, 8'd1},  // e4m3fnuz
      {Amax, 8'd1, 4'd2, 4'd1, 8'd1, 5'd0, 3'd2, 8'd1},  // e2m1fn
      {Amax, 8'd2, 4'd1, 4'd6, 8'd0, 5'd0, 3'd0, 8'd1},  // e1m6: its largest is subnormal
      {Amax, 8'd4, 4'd7, 4'd0, 8'd255, 5'd0, 3'd2, 8'd1},  // e7m0b255f: kept at -126
      {Histogram, 8'd2, 8'd100, 8'd8, 8'd1, 8'd8},
      {Histogram, 8'd1, 8'd120, 8'd8, 8'd1, 8'd9},
      {Histogram, 8'd8, 8'd80, 8'd64, 8'd1, 8'd24},
      {Histogram, 8'd4, 8'd80, 8'd64, 8'd0, 8'd13},
      {Histogram, 8'd3, 8'd90, 8'd40, 8'd2, 8'd28},
      {Histogram, 8'd2, 8'd1, 8'd253, 8'd0, 8'd16},
      {Log, 8'd2, 8'd0, 8'd0, 8'd0, 8'd8},
      {Log, 8'd8, 8'd0, 8'd0, 8'd0, 8'd24},
      {Log, 8'd3, 8'd0, 8'd0, 8'd0, 8'd13},
      {Log, 8'd1, 8'd0, 8'd0, 8'd0, 8'd28},
      {Histogram, 8'd2, 8'd252, 8'd2, 8'd2, 8'd8}
  };
  localparam int RowCount = $bits(Rows) / RowBits;

  // The first row is the most significant.
  function automatic logic [RowBits-1:0] row(int index);
    return Rows[(RowCount-1-index)*RowBits+:RowBits];
  endfunction
endpackage
