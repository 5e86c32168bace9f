// Chooses the pruning threshold for a target sparsity from a histogram of a stream's magnitudes: it
// counts exponents with MantissaBits bits of the mantissa and solves for the threshold at the stream's
// end, by additions alone (docs/numerics.md, "Threshold units"; models/prune/threshold_unit.hpp,
// HistogramThreshold).
//
// Latency: the result is there Binades * 2^MantissaBits + 14 - MantissaBits cycles after the last beat
// is accepted; ready_o is low until it is taken, and for Binades * 2^MantissaBits cycles after reset.
// Throughput: one beat a cycle otherwise. ready_o depends on registers alone.
module threshold_histogram #(
    parameter int unsigned Lanes        = 8,
    parameter int unsigned MantissaBits = 1,   // 0..2: 2^MantissaBits buckets a binade
    parameter int unsigned FirstField   = 80,  // fp32 exponent field of the lowest binade, 1 or more
    parameter int unsigned Binades      = 64,  // 2 or more; FirstField + Binades at most 254
    parameter int unsigned CountBits    = 24   // 6..28; a stream has fewer than 2^CountBits elements
) (
    input  logic                clk_i,
    input  logic                rst_ni,
    input  logic [        15:0] target_i,  // fraction of zeros in 65536ths, taken with each beat
    input  logic                valid_i,
    output logic                ready_o,
    input  logic [Lanes*32-1:0] data_i,
    input  logic [   Lanes-1:0] mask_i,
    input  logic                last_i,
    output logic                valid_o,
    input  logic                ready_i,
    output logic [        30:0] alpha_o    // fp32 without its sign; 0: the zeros are enough
);

  localparam int unsigned Buckets = Binades << MantissaBits;
  localparam int unsigned IndexBits = $clog2(Buckets);
  localparam int unsigned PerBinade = 1 << MantissaBits;
  localparam int unsigned BeatCountBits = $clog2(Lanes + 1);
  // Counts and sums of values have 8 fraction bits; the threshold's fraction is solved to 10 bits.
  localparam int unsigned SolvedBits = 10;
  localparam int unsigned SurplusBits = CountBits + 10;
  localparam int unsigned WideBits = CountBits + 27 - MantissaBits;
  localparam int unsigned Steps = SolvedBits - MantissaBits;

  localparam logic [2:0] Clear = 3'd0, Count = 3'd1, Begin = 3'd2, Scan = 3'd3, Prepare = 3'd4;
  localparam logic [2:0] Solve = 3'd5, Done = 3'd6;
  logic [2:0] state_q, state_d;

  // --- The beat at work. closing: the stream's last beat is in.
  logic valid_q, last_q, closing_q;
  logic [Lanes*32-1:0] data_q;
  logic [Lanes-1:0] mask_q;
  logic [15:0] target_q;
  assign ready_o = state_q == Count && !closing_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      valid_q   <= 1'b0;
      last_q    <= 1'b0;
      data_q    <= '0;
      mask_q    <= '0;
      target_q  <= '0;
      closing_q <= 1'b0;
    end else begin
      valid_q  <= valid_i && ready_o;
      last_q   <= last_i;
      data_q   <= data_i;
      mask_q   <= mask_i;
      target_q <= target_i;
      if (valid_i && ready_o && last_i) closing_q <= 1'b1;
      if (state_q == Done && ready_i) closing_q <= 1'b0;
    end
  end

  // --- What each element is: a zero, below the buckets, in one, or above them (infinities and NaNs
  // too: they count as elements alone).
  logic [Lanes-1:0] is_zero, is_below, is_inside;
  logic [Lanes*IndexBits-1:0] lane_index;
  always_comb begin
    is_zero    = '0;
    is_below   = '0;
    is_inside  = '0;
    lane_index = '0;
    for (int unsigned i = 0; i < Lanes; i++) begin
      is_zero[i]   = mask_q[i] && data_q[i*32+:31] == '0;
      is_below[i]  = mask_q[i] && data_q[i*32+:31] != '0 && data_q[i*32+23+:8] < 8'(FirstField);
      is_inside[i] = mask_q[i] && data_q[i*32+23+:8] >= 8'(FirstField) &&
          data_q[i*32+23+:8] < 8'(FirstField + Binades);
      lane_index[i*IndexBits+:IndexBits] =
          IndexBits'((data_q[i*32+23-MantissaBits+:8+MantissaBits]) -
                     (8 + MantissaBits)'(FirstField << MantissaBits));
    end
  end

  // --- The counters: while counting at the elements' buckets, otherwise all at the scan's.
  logic [IndexBits-1:0] scan_q, scan_d;
  logic [Lanes*CountBits-1:0] lane_count;
  logic clears;
  assign clears = state_q == Clear || state_q == Scan;
  for (genvar i = 0; i < Lanes; i++) begin : gen_banks
    histogram_bank #(
        .Buckets  (Buckets),
        .CountBits(CountBits)
    ) u_bank (
        .clk_i,
        .index_i(state_q == Count ? lane_index[i*IndexBits+:IndexBits] : scan_q),
        .add_i  (valid_q && is_inside[i]),  // valid_q: state_q is Count
        .clear_i(clears),
        .count_o(lane_count[i*CountBits+:CountBits])
    );
  end

  logic [CountBits-1:0] bucket_count;
  logic [BeatCountBits-1:0] beat_elements, beat_zeros, beat_below;
  always_comb begin
    bucket_count  = '0;
    beat_elements = '0;
    beat_zeros    = '0;
    beat_below    = '0;
    for (int unsigned i = 0; i < Lanes; i++) begin
      bucket_count  = bucket_count + lane_count[i*CountBits+:CountBits];
      beat_elements = beat_elements + BeatCountBits'(mask_q[i]);
      beat_zeros    = beat_zeros + BeatCountBits'(is_zero[i]);
      beat_below    = beat_below + BeatCountBits'(is_below[i]);
    end
  end

  logic [CountBits-1:0] zeros_q, zeros_d, below_q, below_d;
  logic [CountBits+15:0] wanted_q, wanted_d;  // zeros wanted, in 65536ths of an element

  // --- The scan, a bucket a cycle from the lowest. In units of the bucket's binade: surplus is the
  // elements below the bucket less the zeros wanted, sum is the sum of their values.
  logic signed [SurplusBits-1:0] surplus_q, surplus_d, next_surplus;
  logic [CountBits+9:0] sum_q, sum_d, sum_here, next_sum;
  logic found_q, found_d, reached;
  logic [IndexBits-1:0] bucket_q, bucket_d;
  logic [CountBits-1:0] count_q, count_d;
  logic [MantissaBits:0] scan_low;
  logic [MantissaBits+1:0] place;  // of the bucket in its binade: the leading one, then its bits
  logic signed [WideBits-1:0] at_edge, sum_at_edge;
  always_comb begin
    scan_low = scan_q[MantissaBits:0] & (MantissaBits + 1)'(PerBinade - 1);
    place    = (MantissaBits + 2)'(PerBinade) + (MantissaBits + 2)'(scan_low);
    // The next binade's unit is twice as large.
    sum_here = sum_q;
    if (scan_low == '0) sum_here = sum_q >> 1;
    next_surplus = surplus_q + $signed({2'b00, bucket_count, 8'b0});
    next_sum     = sum_here + (((CountBits + 10)'(bucket_count) *
                               (CountBits + 10)'({place, 1'b1})) << (7 - MantissaBits));
    // Expected zeros at the upper edge of the bucket: elements - sum / edge.
    at_edge     = WideBits'(next_surplus) * $signed({{WideBits - MantissaBits - 2{1'b0}}, place} + WideBits'(1));
    sum_at_edge = $signed({{WideBits - CountBits - 10{1'b0}}, next_sum} << MantissaBits);
    reached     = at_edge >= sum_at_edge;
  end

  // --- The solution inside the bucket, a bit a cycle: the excess at the trial is
  // surplus * a - sum + count * (a - low)^2 / (2 width), kept up by additions. In units of the last
  // step's square.
  logic signed [WideBits-1:0] excess_q, excess_d, linear_q, linear_d, trial;
  logic [WideBits-1:0] square_q, square_d, cross_q, cross_d;
  logic [Steps-1:0] rest_q, rest_d;
  logic [3:0] step_q, step_d;
  logic [MantissaBits:0] found_low;
  logic [MantissaBits+1:0] found_place;
  always_comb begin
    found_low   = bucket_q[MantissaBits:0] & (MantissaBits + 1)'(PerBinade - 1);
    found_place = (MantissaBits + 2)'(PerBinade) + (MantissaBits + 2)'(found_low);
    trial       = excess_q + linear_q + $signed(cross_q) + $signed(square_q);
  end

  always_comb begin
    state_d   = state_q;
    scan_d    = scan_q;
    zeros_d   = zeros_q;
    below_d   = below_q;
    wanted_d  = wanted_q;
    surplus_d = surplus_q;
    sum_d     = sum_q;
    found_d   = found_q;
    bucket_d  = bucket_q;
    count_d   = count_q;
    excess_d  = excess_q;
    linear_d  = linear_q;
    square_d  = square_q;
    cross_d   = cross_q;
    rest_d    = rest_q;
    step_d    = step_q;
    unique case (state_q)
      Clear: begin
        scan_d = scan_q + IndexBits'(1);
        if (scan_q == IndexBits'(Buckets - 1)) begin
          scan_d  = '0;
          state_d = Count;
        end
      end
      Count: begin
        if (valid_q) begin
          zeros_d  = zeros_q + CountBits'(beat_zeros);
          below_d  = below_q + CountBits'(beat_below);
          wanted_d = wanted_q + (CountBits + 16)'(target_q) * (CountBits + 16)'(beat_elements);
          if (last_q) state_d = Begin;
        end
      end
      Begin: begin
        surplus_d = $signed({2'b00, zeros_q, 8'b0}) + $signed({2'b00, below_q, 8'b0}) -
            $signed({2'b00, wanted_q[CountBits+15:8]});
        sum_d     = '0;
        found_d   = 1'b0;
        state_d   = Scan;
      end
      Scan: begin
        if (!found_q) begin
          if (reached) begin
            found_d  = 1'b1;
            bucket_d = scan_q;
            count_d  = bucket_count;
            sum_d    = sum_here;
          end else begin
            surplus_d = next_surplus;
            sum_d     = next_sum;
          end
        end
        scan_d = scan_q + IndexBits'(1);
        if (scan_q == IndexBits'(Buckets - 1)) begin
          scan_d  = '0;
          state_d = Prepare;
        end
      end
      Prepare: begin
        excess_d = ((WideBits'(surplus_q) * $signed({{WideBits - MantissaBits - 2{1'b0}}, found_place})) <<<
                    (2 * SolvedBits - 2 * MantissaBits - 7)) -
            $signed({{WideBits - CountBits - 10{1'b0}}, sum_q} << (2 * SolvedBits - MantissaBits - 7));
        linear_d = WideBits'(surplus_q) <<< (2 * SolvedBits - 2 * MantissaBits - 8);
        square_d = WideBits'(count_q) << (2 * SolvedBits - 2 * MantissaBits - 2);
        cross_d  = '0;
        rest_d   = '0;
        step_d   = '0;
        state_d  = Solve;
      end
      Solve: begin
        rest_d   = {rest_q[Steps-2:0], trial < 0};
        linear_d = linear_q >>> 1;
        square_d = square_q >> 2;
        cross_d  = cross_q >> 1;
        if (trial < 0) begin
          excess_d = trial;
          cross_d  = (cross_q + (square_q << 1)) >> 1;
        end
        step_d = step_q + 4'd1;
        if (step_q == 4'(Steps - 1)) state_d = Done;
      end
      Done: begin
        if (ready_i) begin
          zeros_d  = '0;
          below_d  = '0;
          wanted_d = '0;
          state_d  = Count;
        end
      end
      default: state_d = Clear;
    endcase
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q   <= Clear;
      scan_q    <= '0;
      zeros_q   <= '0;
      below_q   <= '0;
      wanted_q  <= '0;
      surplus_q <= '0;
      sum_q     <= '0;
      found_q   <= 1'b0;
      bucket_q  <= '0;
      count_q   <= '0;
      excess_q  <= '0;
      linear_q  <= '0;
      square_q  <= '0;
      cross_q   <= '0;
      rest_q    <= '0;
      step_q    <= '0;
    end else begin
      state_q   <= state_d;
      scan_q    <= scan_d;
      zeros_q   <= zeros_d;
      below_q   <= below_d;
      wanted_q  <= wanted_d;
      surplus_q <= surplus_d;
      sum_q     <= sum_d;
      found_q   <= found_d;
      bucket_q  <= bucket_d;
      count_q   <= count_d;
      excess_q  <= excess_d;
      linear_q  <= linear_d;
      square_q  <= square_d;
      cross_q   <= cross_d;
      rest_q    <= rest_d;
      step_q    <= step_d;
    end
  end

  // The solved bits, then a one: the middle of what they leave open.
  logic [IndexBits+SolvedBits-MantissaBits-1:0] solution;
  assign solution = {bucket_q, rest_q};
  assign valid_o  = state_q == Done;
  always_comb begin
    alpha_o = {8'(FirstField + Binades), 23'b0};
    if (found_q) begin
      alpha_o = {8'(FirstField) + 8'(solution >> SolvedBits), solution[SolvedBits-1:0], 1'b1, 12'b0};
    end
    if ({zeros_q, 16'b0} >= wanted_q) alpha_o = '0;
  end

  if (Lanes < 1 || MantissaBits > 2 || FirstField < 1 || Binades < 2 || FirstField + Binades > 254 ||
      CountBits < 6 || CountBits > 28) begin : gen_wrong_parameters
    $error("expected a lane or more, 0 to 2 mantissa bits, fields from 1 to 254, two binades or more, 6 to 28 bits of count");
  end

`ifndef SYNTHESIS
  logic past_q = 1'b0;  // a reset has been seen, and the cycle before was outside of it
  always_ff @(posedge clk_i) begin
    past_q <= rst_ni;
    if (past_q && rst_ni) begin
      WorksOnNothingNew_A :
      assert (state_q == Count || !valid_q);
      if (state_q == Solve) begin
        LosesNoBit_A :
        assert (excess_q[1:0] == '0 &&
                (step_q == 4'(Steps - 1) || {linear_q[0], square_q[1:0], cross_q[1:0]} == '0));
      end
      if ($past(valid_o && !ready_i)) begin
        HoldsUntilTaken_A :
        assert (valid_o && $stable(alpha_o));
      end
    end
  end
`endif

endmodule
