// Chooses the pruning threshold for a target sparsity from mean and variance of log2|x|, the way of
// arXiv 2006.08173: sums while the stream passes, then the threshold of the lognormal law from a table
// (docs/numerics.md, "Threshold units"; models/prune/threshold_unit.hpp, LogThreshold).
//
// Latency: the result is there at most 7 * CountBits + 84 cycles after the last beat is accepted;
// ready_o is low until it is taken. Throughput: one beat a cycle otherwise. ready_o depends on
// registers alone.
module threshold_log #(
    parameter int unsigned Lanes     = 8,
    parameter int unsigned CountBits = 24  // 6..28; a stream has fewer than 2^CountBits elements
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

  localparam int unsigned LaneBits = 13;  // log2|x| + 127 of an element: 5 fraction bits
  localparam int unsigned BeatCountBits = $clog2(Lanes + 1);
  localparam int unsigned SumBits = LaneBits + CountBits;
  localparam int unsigned SquareSumBits = 2 * LaneBits + CountBits;
  localparam int unsigned WideBits = 2 * LaneBits + 2 * CountBits;  // count^2 * variance
  localparam int unsigned KeptBits = CountBits + 17;
  localparam int unsigned StepBits = $clog2(WideBits + 1);

  localparam logic [3:0] Count = 4'd0, Square = 4'd1, Subtract = 4'd2, Divide = 4'd3;
  localparam logic [3:0] LogCount = 4'd4, LogKept = 4'd5, LogVariance = 4'd6, Look = 4'd7;
  localparam logic [3:0] Join = 4'd8, Done = 4'd9;
  logic [3:0] state_q, state_d;

  // --- The beat at work. closing: the stream's last beat is in.
  logic valid_q, last_q, closing_q;
  logic [Lanes*32-1:0] data_q;
  logic [Lanes-1:0] mask_q;
  logic [15:0] target_q;
  assign ready_o = !closing_q;

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

  // --- The logarithms of a beat: exponent field and a table of the fraction.
  logic [Lanes-1:0] is_counted;
  logic [Lanes*LaneBits-1:0] logs;
  logic [Lanes*2*LaneBits-1:0] squares;
  for (genvar i = 0; i < Lanes; i++) begin : gen_lanes
    logic [7:0] field, fraction;
    logic unused_fraction;
    assign field         = data_q[i*32+23+:8];
    assign is_counted[i] = mask_q[i] && field != 8'd0 && field != 8'hff;
    log2_table u_log2 (
        .index_i(data_q[i*32+17+:6]),
        .value_o(fraction)
    );
    assign unused_fraction               = ^fraction[2:0];
    assign logs[i*LaneBits+:LaneBits]    = {field, fraction[7:3]};
    assign squares[i*2*LaneBits+:2*LaneBits] =
        (2 * LaneBits)'(logs[i*LaneBits+:LaneBits]) * (2 * LaneBits)'(logs[i*LaneBits+:LaneBits]);
    logic unused_data;
    assign unused_data = ^{data_q[i*32+31], data_q[i*32+:17]};
  end

  logic [BeatCountBits-1:0] beat_elements, beat_count;
  logic [LaneBits+BeatCountBits-1:0] beat_sum;
  logic [2*LaneBits+BeatCountBits-1:0] beat_squares;
  always_comb begin
    beat_elements = '0;
    beat_count    = '0;
    beat_sum      = '0;
    beat_squares  = '0;
    for (int unsigned i = 0; i < Lanes; i++) begin
      beat_elements = beat_elements + BeatCountBits'(mask_q[i]);
      if (is_counted[i]) begin
        beat_count   = beat_count + BeatCountBits'(1);
        beat_sum     = beat_sum + (LaneBits + BeatCountBits)'(logs[i*LaneBits+:LaneBits]);
        beat_squares = beat_squares + (2 * LaneBits + BeatCountBits)'(squares[i*2*LaneBits+:2*LaneBits]);
      end
    end
  end

  logic [CountBits-1:0] count_q, count_d;
  logic [SumBits-1:0] sum_q, sum_d;
  logic [SquareSumBits-1:0] square_sum_q, square_sum_d;
  logic [KeptBits-1:0] kept_q, kept_d;  // elements not to become zero, in 65536ths
  logic [16:0] kept_share;
  assign kept_share = 17'h10000 - {1'b0, target_q};

  // --- One adder, a bit a cycle, for what follows: count * square_sum - sum^2; sum / count; the
  // logarithms by shifting left up to the leading one.
  logic [StepBits-1:0] step_q, step_d;
  logic [WideBits-1:0] wide_q, wide_d, factor_q, factor_d;
  logic [SumBits-1:0] bits_q, bits_d;
  logic [CountBits:0] remainder_q, remainder_d, remainder_next;
  logic [15:0] mean_q, mean_d;  // 8 fraction bits, exponents as fields
  logic [15:0] log_count_q, log_count_d, log_kept_q, log_kept_d, log_here;
  logic [7:0] log_fraction;
  log2_table u_log2 (
      .index_i(wide_q[WideBits-2-:6]),
      .value_o(log_fraction)
  );
  assign log_here       = {8'(WideBits - 1) - 8'(step_q), log_fraction};
  assign remainder_next = {remainder_q[CountBits-1:0], bits_q[SumBits-1]};

  // --- The table: where the logarithms point to, in half octaves, clamped to it.
  logic signed [17:0] kept_octaves_q, kept_octaves_d, variance_octaves_q, variance_octaves_d;
  logic [10:0] row_at;  // 7 bits between two rows
  logic [11:0] column_at;
  logic [1:0] corner_q, corner_d;
  logic [8:0] table_index;
  logic signed [14:0] table_value, low_q, low_d, first_q, first_d, between;
  logic signed [14:0] from, to;
  logic [6:0] weight;
  logic signed [23:0] product;
  threshold_table u_table (
      .index_i(table_index),
      .value_o(table_value)
  );
  always_comb begin
    row_at = kept_octaves_q[10:0];
    if (kept_octaves_q > 18'sd1535) row_at = 11'd1535;
    column_at = 12'(variance_octaves_q + 18'sd1024);
    if (variance_octaves_q < -18'sd1024) column_at = '0;
    if (variance_octaves_q > 18'sd2047) column_at = 12'd3071;
    // Corners: 0 and 1 of the row, 2 and 3 of the next. first is the corner before.
    table_index = 9'((9'(row_at[10:7]) + 9'(corner_q[1])) * 9'd25) + 9'(column_at[11:7]) + 9'(corner_q[0]);
  end
  always_comb begin
    from    = first_q;
    to      = table_value;
    weight  = column_at[6:0];
    if (state_q == Join) begin
      from   = low_q;
      to     = first_q;
      weight = row_at[6:0];
    end
    product = (24'(to) - 24'(from)) * $signed({17'b0, weight});
    between = from + 15'(product >>> 7);
  end

  logic signed [17:0] alpha_log_q, alpha_log_d;
  always_comb begin
    state_d            = state_q;
    count_d            = count_q;
    sum_d              = sum_q;
    square_sum_d       = square_sum_q;
    kept_d             = kept_q;
    step_d             = step_q;
    wide_d             = wide_q;
    factor_d           = factor_q;
    bits_d             = bits_q;
    remainder_d        = remainder_q;
    mean_d             = mean_q;
    log_count_d        = log_count_q;
    log_kept_d         = log_kept_q;
    kept_octaves_d     = kept_octaves_q;
    variance_octaves_d = variance_octaves_q;
    corner_d           = corner_q;
    low_d              = low_q;
    first_d            = first_q;
    alpha_log_d        = alpha_log_q;
    unique case (state_q)
      Count: begin
        if (valid_q) begin
          count_d      = count_q + CountBits'(beat_count);
          sum_d        = sum_q + SumBits'(beat_sum);
          square_sum_d = square_sum_q + SquareSumBits'(beat_squares);
          kept_d       = kept_q + (KeptBits'(kept_share) * KeptBits'(beat_elements));
          if (last_q) begin
            state_d  = Square;
            step_d   = '0;
            wide_d   = '0;
            factor_d = WideBits'(square_sum_d);
            bits_d   = SumBits'(count_d);
          end
        end
      end
      Square: begin
        if (bits_q[0]) wide_d = wide_q + factor_q;
        factor_d = factor_q << 1;
        bits_d   = bits_q >> 1;
        step_d   = step_q + StepBits'(1);
        if (step_q == StepBits'(CountBits - 1)) begin
          state_d  = Subtract;
          step_d   = '0;
          factor_d = WideBits'(sum_q);
          bits_d   = sum_q;
        end
      end
      Subtract: begin
        if (bits_q[0]) wide_d = wide_q - factor_q;
        factor_d = factor_q << 1;
        bits_d   = bits_q >> 1;
        step_d   = step_q + StepBits'(1);
        if (step_q == StepBits'(SumBits - 1)) begin
          state_d     = Divide;
          step_d      = '0;
          factor_d    = wide_d;
          remainder_d = '0;
          mean_d      = '0;
          bits_d      = sum_q;
        end
      end
      Divide: begin
        // sum * 8 / count, a bit of sum and then three zeros a cycle. With no count it stays idle.
        remainder_d = remainder_next;
        mean_d      = mean_q << 1;
        if (remainder_next >= {1'b0, count_q} && count_q != '0) begin
          remainder_d = remainder_next - {1'b0, count_q};
          mean_d      = {mean_q[14:0], 1'b1};
        end
        bits_d = bits_q << 1;
        step_d = step_q + StepBits'(1);
        if (step_q == StepBits'(SumBits + 2)) begin
          state_d = LogCount;
          step_d  = StepBits'(WideBits - CountBits);
          wide_d  = {count_q, {WideBits - CountBits{1'b0}}};
        end
      end
      LogCount: begin
        wide_d = wide_q << 1;
        step_d = step_q + StepBits'(1);
        if (wide_q[WideBits-1] || count_q == '0) begin
          log_count_d = log_here;
          state_d     = LogKept;
          step_d      = StepBits'(WideBits - KeptBits);
          wide_d      = {kept_q, {WideBits - KeptBits{1'b0}}};
        end
      end
      LogKept: begin
        wide_d = wide_q << 1;
        step_d = step_q + StepBits'(1);
        if (wide_q[WideBits-1] || kept_q == '0) begin
          log_kept_d = log_here;
          state_d    = LogVariance;
          step_d     = '0;
          wide_d     = factor_q;
        end
      end
      LogVariance: begin
        // In 256ths: 65536ths of an element have 16 octaves, 32nds of an octave squared 10.
        kept_octaves_d     = $signed({2'b00, log_count_q}) + 18'sd4096 - $signed({2'b00, log_kept_q});
        variance_octaves_d = $signed({2'b00, log_here}) - $signed({1'b0, log_count_q, 1'b0}) - 18'sd2560;
        wide_d             = wide_q << 1;
        step_d             = step_q + StepBits'(1);
        if (wide_q == '0) variance_octaves_d = -18'sd1024;
        if (wide_q[WideBits-1] || wide_q == '0) begin
          state_d  = Look;
          corner_d = '0;
        end
      end
      Look: begin
        corner_d = corner_q + 2'd1;
        first_d  = table_value;
        if (corner_q == 2'd1) low_d = between;
        if (corner_q == 2'd3) begin
          first_d = between;
          state_d = Join;
        end
      end
      Join: begin
        alpha_log_d = $signed({2'b00, mean_q}) + 18'sd4 + 18'(between);
        state_d     = Done;
      end
      Done: begin
        if (ready_i) begin
          count_d      = '0;
          sum_d        = '0;
          square_sum_d = '0;
          kept_d       = '0;
          state_d      = Count;
        end
      end
      default: state_d = Count;
    endcase
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q            <= Count;
      count_q            <= '0;
      sum_q              <= '0;
      square_sum_q       <= '0;
      kept_q             <= '0;
      step_q             <= '0;
      wide_q             <= '0;
      factor_q           <= '0;
      bits_q             <= '0;
      remainder_q        <= '0;
      mean_q             <= '0;
      log_count_q        <= '0;
      log_kept_q         <= '0;
      kept_octaves_q     <= '0;
      variance_octaves_q <= '0;
      corner_q           <= '0;
      low_q              <= '0;
      first_q            <= '0;
      alpha_log_q        <= '0;
    end else begin
      state_q            <= state_d;
      count_q            <= count_d;
      sum_q              <= sum_d;
      square_sum_q       <= square_sum_d;
      kept_q             <= kept_d;
      step_q             <= step_d;
      wide_q             <= wide_d;
      factor_q           <= factor_d;
      bits_q             <= bits_d;
      remainder_q        <= remainder_d;
      mean_q             <= mean_d;
      log_count_q        <= log_count_d;
      log_kept_q         <= log_kept_d;
      kept_octaves_q     <= kept_octaves_d;
      variance_octaves_q <= variance_octaves_d;
      corner_q           <= corner_d;
      low_q              <= low_d;
      first_q            <= first_d;
      alpha_log_q        <= alpha_log_d;
    end
  end

  logic [9:0] alpha_fraction;
  exp2_table u_exp2 (
      .index_i(alpha_log_q[7:2]),
      .value_o(alpha_fraction)
  );
  assign valid_o = state_q == Done;
  always_comb begin
    alpha_o = {alpha_log_q[15:8], alpha_fraction, 13'b0};
    if (alpha_log_q >= 18'sd65280) alpha_o = 31'h7f7fffff;
    if (alpha_log_q < 18'sd256 || kept_octaves_q <= 0 || count_q == '0) alpha_o = '0;
  end

  if (Lanes < 1 || CountBits < 6 || CountBits > 28) begin : gen_wrong_parameters
    $error("expected a lane or more, 6 to 28 bits of count");
  end

`ifndef SYNTHESIS
  logic past_q = 1'b0;  // a reset has been seen, and the cycle before was outside of it
  always_ff @(posedge clk_i) begin
    past_q <= rst_ni;
    if (past_q && rst_ni) begin
      WorksOnNothingNew_A :
      assert (state_q == Count || !valid_q);
      LogOfACount_A :
      assert (log_count_q < 16'(CountBits << 8));
      // LogKept shifts at most KeptBits - 1 times.
      LeadingOneAhead_A :
      assert (state_q != LogKept || kept_q == '0 || (wide_q >> step_q) != '0);
      if ($past(valid_o && !ready_i)) begin
        HoldsUntilTaken_A :
        assert (valid_o && $stable(alpha_o));
      end
    end
  end
`endif

endmodule
