// Every front end that `verify` knows. This is the only list of them: the program reads it back from
// the model.
package front_end_table;
  localparam logic [7:0] Histogram = 8'd0, Logs = 8'd1;

  localparam int RowBits = 80;
  // Threshold unit; first field, binades (histogram) and count bits of it; random bits of the pruner;
  // lanes, then a row as in quantizer_lane_table.sv. The histograms' mantissa bits are the same for all.
  localparam Rows = {
      {Histogram, 8'd118, 8'd8, 8'd8, 8'd8, 8'd2, 4'd4, 4'd3, 8'd7, 4'd6, 1'b1, 3'd1, 8'd8},  // e4m3fn, sr:8
      {Histogram, 8'd80, 8'd64, 8'd13, 8'd16, 8'd8, 4'd5, 4'd2, 8'd15, 4'd6, 1'b1, 3'd0, 8'd24},  // e5m2, sr
      {Logs, 8'd0, 8'd0, 8'd13, 8'd16, 8'd4, 4'd4, 4'd3, 8'd7, 4'd0, 1'b1, 3'd1, 8'd1},  // e4m3fn, rne
      {Histogram, 8'd80, 8'd64, 8'd13, 8'd16, 8'd3, 4'd2, 4'd1, 8'd1, 4'd7, 1'b1, 3'd2, 8'd8},  // e2m1fn, sru:8
      {Logs, 8'd0, 8'd0, 8'd13, 8'd16, 8'd1, 4'd4, 4'd3, 8'd8, 4'd2, 1'b1, 3'd3, 8'd1}  // e4m3fnuz, rtz
  };
  localparam int RowCount = $bits(Rows) / RowBits;
  localparam int HistogramBits = 1;

  // The first row is the most significant.
  function automatic logic [RowBits-1:0] row(int index);
    return Rows[(RowCount-1-index)*RowBits+:RowBits];
  endfunction
endpackage
