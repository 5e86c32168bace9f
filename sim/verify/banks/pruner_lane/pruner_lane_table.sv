// Every number of random bits that `verify` knows of a pruner lane. This is the only list of them: the
// program reads it back from the model.
package pruner_lane_table;
  localparam int RowBits = 8;
  localparam Rows = {
      8'd1, 8'd8, 8'd16, 8'd24
  };
  localparam int RowCount = $bits(Rows) / RowBits;

  // The first row is the least significant.
  function automatic logic [RowBits-1:0] row(int index);
    return Rows[index*RowBits+:RowBits];
  endfunction
endpackage
