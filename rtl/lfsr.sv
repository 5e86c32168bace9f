// Random word of one lane: a 32-bit linear feedback shift register in xorshift form (13, 17, 5),
// period 2^32 - 1 (docs/numerics.md, "Lane words"; models/round/random.hpp, Lfsr).
//
// word_o is the register; step_i moves it on at the clock edge. Reset loads seed_i, 0 becomes 1.
// Latency: 0 (the word is there before it is asked for). Throughput: one word a cycle.
module lfsr (
    input  logic        clk_i,
    input  logic        rst_ni,
    input  logic [31:0] seed_i,
    input  logic        step_i,
    output logic [31:0] word_o
);

  logic [31:0] state_q, state_d;
  logic [31:0] shifted13, shifted17;

  always_comb begin
    shifted13 = state_q ^ (state_q << 13);
    shifted17 = shifted13 ^ (shifted13 >> 17);
    state_d   = state_q;
    if (step_i) state_d = shifted17 ^ (shifted17 << 5);
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q <= seed_i;
      if (seed_i == '0) state_q <= 32'd1;
    end else begin
      state_q <= state_d;
    end
  end

  assign word_o = state_q;

`ifndef SYNTHESIS
  logic past_q = 1'b0;  // a reset has been seen, and the cycle before was outside of it
  always_ff @(posedge clk_i) begin
    past_q <= rst_ni;
    if (past_q && rst_ni) begin
      NeverZero_A :
      assert (word_o != '0);
      if (!$past(step_i)) begin
        KeepsStill_A :
        assert ($stable(word_o));
      end
    end
  end
`endif

endmodule
