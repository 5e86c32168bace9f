// Every pruner and quantizer that `verify` knows. This is the only list of them: the program reads it
// back from the model.
package stages_table;
  localparam logic [3:0] Quantizer = 4'd0, Pruner = 4'd1, ToStandard = 4'd0, ToLargest = 4'd1;

  localparam int MaxLanes = 8;
  localparam int RowBits = 48;
  // Module, overflow, lanes, then a row as in quantizer_lane_table.sv. A pruner has random bits alone.
  localparam Rows = {
      {Quantizer, ToStandard, 8'd8, quantizer_lane_table::row(0)},  // e5m2, rne
      {Quantizer, ToStandard, 8'd2, 4'd3, 4'd2, 8'd3, 4'd6, 1'b0, 3'd0, 8'd4},  // e3m2, sr:4
      {Quantizer, ToLargest, 8'd8, 4'd5, 4'd2, 8'd15, 4'd6, 1'b0, 3'd0, 8'd24},  // e5m2, sr
      {Quantizer, ToStandard, 8'd8, 4'd4, 4'd3, 8'd7, 4'd0, 1'b0, 3'd1, 8'd1},  // e4m3fn, rne
      {Quantizer, ToLargest, 8'd8, 4'd4, 4'd3, 8'd7, 4'd6, 1'b0, 3'd1, 8'd24},  // e4m3fn, sr
      {Quantizer, ToStandard, 8'd4, 4'd4, 4'd3, 8'd8, 4'd6, 1'b0, 3'd3, 8'd16},  // e4m3fnuz, sr:16
      {Quantizer, ToStandard, 8'd8, 4'd2, 4'd1, 8'd1, 4'd6, 1'b0, 3'd2, 8'd24},  // e2m1fn, sr
      {Quantizer, ToLargest, 8'd3, 4'd3, 4'd0, 8'd3, 4'd6, 1'b0, 3'd2, 8'd8},  // e3m0f, sr:8
      {Quantizer, ToLargest, 8'd1, 4'd3, 4'd4, 8'd3, 4'd6, 1'b0, 3'd0, 8'd24},  // e3m4, sr
      {Quantizer, ToStandard, 8'd5, 4'd5, 4'd2, 8'd15, 4'd7, 1'b0, 3'd0, 8'd8},  // e5m2, sru:8
      {Quantizer, ToStandard, 8'd2, 4'd4, 4'd3, 8'd7, 4'd2, 1'b1, 3'd1, 8'd1},  // e4m3fn, rtz, scaled
      {Quantizer, ToLargest, 8'd8, 4'd5, 4'd2, 8'd15, 4'd7, 1'b1, 3'd0, 8'd24},  // e5m2, sru, scaled
      {Pruner, ToStandard, 8'd2, 32'd8},
      {Pruner, ToStandard, 8'd8, 32'd24},
      {Pruner, ToStandard, 8'd3, 32'd8},
      {Pruner, ToStandard, 8'd1, 32'd1}
  };
  localparam int RowCount = $bits(Rows) / RowBits;

  // The first row is the most significant.
  function automatic logic [RowBits-1:0] row(int index);
    return Rows[(RowCount-1-index)*RowBits+:RowBits];
  endfunction
endpackage
