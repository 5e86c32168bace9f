// Prunes a stream of fp32 beats stochastically against one threshold, Lanes values a beat
// (beat format: rtl/README.md; arithmetic: pruner_lane.sv).
//
// Latency: 2 cycles (operands and random words in a register, the results in a two-entry buffer).
// Throughput: one beat a cycle. ready_o depends on registers alone, never on ready_i or valid_i.
// alpha_i is held from the first beat of a stream until its last has left. Each lane's LFSR starts
// at its seed_i in reset and steps once per accepted beat.
module pruner #(
    parameter int unsigned Lanes      = 8,
    parameter int unsigned RandomBits = 24
) (
    input  logic                clk_i,
    input  logic                rst_ni,
    input  logic [Lanes*32-1:0] seed_i,   // read while in reset
    input  logic [        30:0] alpha_i,  // fp32 without its sign: finite; 0 prunes nothing
    input  logic                valid_i,
    output logic                ready_o,
    input  logic [Lanes*32-1:0] data_i,
    input  logic [   Lanes-1:0] mask_i,
    input  logic                last_i,
    output logic                valid_o,
    input  logic                ready_i,
    output logic [Lanes*32-1:0] data_o,   // 0 in lanes outside the mask
    output logic [   Lanes-1:0] mask_o,
    output logic                last_o
);

  logic accepts, buffer_ready;
  logic valid_q, last_q;
  logic [Lanes*32-1:0] data_q, pruned;
  logic [Lanes-1:0] mask_q;
  logic [Lanes*RandomBits-1:0] random, random_q;

  assign ready_o = !valid_q || buffer_ready;
  assign accepts = valid_i && ready_o;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      valid_q  <= 1'b0;
      last_q   <= 1'b0;
      data_q   <= '0;
      mask_q   <= '0;
      random_q <= '0;
    end else if (ready_o) begin
      valid_q  <= valid_i;
      last_q   <= last_i;
      data_q   <= data_i;
      mask_q   <= mask_i;
      random_q <= random;
    end
  end

  for (genvar i = 0; i < Lanes; i++) begin : gen_lanes
    logic [31:0] word, y;
    lfsr u_lfsr (
        .clk_i,
        .rst_ni,
        .seed_i(seed_i[i*32+:32]),
        .step_i(accepts),
        .word_o(word)
    );
    assign random[i*RandomBits+:RandomBits] = word[31-:RandomBits];
    logic unused_word;
    assign unused_word = ^word;

    pruner_lane #(
        .RandomBits(RandomBits)
    ) u_lane (
        .x_i     (data_q[i*32+:32]),
        .alpha_i,
        .random_i(random_q[i*RandomBits+:RandomBits]),
        .y_o     (y)
    );
    assign pruned[i*32+:32] = mask_q[i] ? y : '0;
  end

  stream_buffer #(
      .Width(Lanes * 32 + Lanes + 1)
  ) u_buffer (
      .clk_i,
      .rst_ni,
      .valid_i(valid_q),
      .ready_o(buffer_ready),
      .data_i ({pruned, mask_q, last_q}),
      .valid_o,
      .ready_i,
      .data_o ({data_o, mask_o, last_o})
  );

`ifndef SYNTHESIS
  // Every accepted beat leaves once, in order: no more than three are inside, and a beat taken was
  // accepted before. The threshold does not move under the beats inside.
  logic [2:0] inside_q = '0;
  logic past_q = 1'b0;
  always_ff @(posedge clk_i) begin
    past_q   <= rst_ni;
    inside_q <= inside_q + 3'(accepts) - 3'(valid_o && ready_i);
    if (!rst_ni) inside_q <= '0;
    if (past_q && rst_ni) begin
      HoldsAtMostThree_A :
      assert (inside_q <= 3'd3);
      ReadyUnlessFull_A :
      assert (ready_o || inside_q == 3'd3);
      NothingFromNothing_A :
      assert (!valid_o || inside_q != 3'd0);
      if (inside_q != 3'd0) begin
        AlphaHeld_A :
        assert ($stable(alpha_i));
      end
      if ($past(valid_o && !ready_i)) begin
        HoldsUntilTaken_A :
        assert (valid_o && $stable(data_o) && $stable(mask_o) && $stable(last_o));
      end
    end
  end
`endif

endmodule
