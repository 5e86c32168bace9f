// The pruners, quantizers and compactors that `replay --rtl` can put in the place of its models: the
// default machine has 16 lanes. This is the only list of them: the program reads it back from the
// model. The rows with few lanes are there for the tests.
package drop_in_table;
  localparam logic [3:0] ToStandard = 4'd0, ToLargest = 4'd1;
  localparam int MaxLanes = 16;

  // Lanes, random bits.
  localparam int PrunerBits = 16;
  localparam Pruners = {{8'd16, 8'd24}, {8'd4, 8'd24}, {8'd3, 8'd24}};
  localparam int PrunerCount = $bits(Pruners) / PrunerBits;

  // Overflow, lanes, then a row as in quantizer_table.sv. All have a scale exponent.
  localparam int QuantizerBits = 44;
  localparam Quantizers = {
      {ToStandard, 8'd16, 4'd5, 4'd2, 8'd15, 4'd0, 1'b1, 3'd0, 8'd1},  // e5m2, rne
      {ToStandard, 8'd16, 4'd5, 4'd2, 8'd15, 4'd6, 1'b1, 3'd0, 8'd24},  // e5m2, sr
      {ToStandard, 8'd16, 4'd4, 4'd3, 8'd7, 4'd0, 1'b1, 3'd1, 8'd1},  // e4m3fn, rne
      {ToStandard, 8'd16, 4'd4, 4'd3, 8'd7, 4'd6, 1'b1, 3'd1, 8'd24},  // e4m3fn, sr
      {ToStandard, 8'd4, 4'd5, 4'd2, 8'd15, 4'd6, 1'b1, 3'd0, 8'd24},  // e5m2, sr
      {ToLargest, 8'd3, 4'd2, 4'd1, 8'd1, 4'd0, 1'b1, 3'd2, 8'd1}  // e2m1fn, rne
  };
  localparam int QuantizerCount = $bits(Quantizers) / QuantizerBits;

  // Lanes, code bits, whether the sign alone is a zero.
  localparam int CompactorBits = 16;
  localparam Compactors = {{8'd16, 7'd8, 1'b1}, {8'd4, 7'd8, 1'b1}, {8'd3, 7'd4, 1'b1}};
  localparam int CompactorCount = $bits(Compactors) / CompactorBits;

  // A list's first row is its most significant.
  function automatic logic [PrunerBits-1:0] pruner_row(int index);
    return Pruners[(PrunerCount-1-index)*PrunerBits+:PrunerBits];
  endfunction
  function automatic logic [QuantizerBits-1:0] quantizer_row(int index);
    return Quantizers[(QuantizerCount-1-index)*QuantizerBits+:QuantizerBits];
  endfunction
  function automatic logic [CompactorBits-1:0] compactor_row(int index);
    return Compactors[(CompactorCount-1-index)*CompactorBits+:CompactorBits];
  endfunction
endpackage
