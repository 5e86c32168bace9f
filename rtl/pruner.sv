// Prunes a stream of fp32 beats stochastically, Lanes values a beat (beat format: rtl/README.md;
// arithmetic: pruner_lane.sv).
//
// Latency: 2 cycles (operands and random words in a register, the results in a two-entry buffer).
// Throughput: one beat a cycle. ready_o depends on registers alone, never on ready_i or valid_i.
// alpha_i is taken with each accepted beat. Each lane's LFSR starts at its seed_i in reset and steps
// once per accepted beat.
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

  logic accepts, last;
  logic [30:0] alpha;
  logic [Lanes-1:0] mask;
  logic [Lanes*32-1:0] data, pruned;
  logic [Lanes*RandomBits-1:0] words, random;

  stream_stage #(
      .OperandWidth(31 + Lanes * RandomBits + Lanes * 32 + Lanes + 1),
      .ResultWidth (Lanes * 32 + Lanes + 1)
  ) u_stage (
      .clk_i,
      .rst_ni,
      .valid_i,
      .ready_o,
      .data_i   ({alpha_i, words, data_i, mask_i, last_i}),
      .accepts_o(accepts),
      .operand_o({alpha, random, data, mask, last}),
      .result_i ({pruned, mask, last}),
      .valid_o,
      .ready_i,
      .data_o   ({data_o, mask_o, last_o})
  );

  lane_words #(
      .Lanes     (Lanes),
      .RandomBits(RandomBits)
  ) u_words (
      .clk_i,
      .rst_ni,
      .seed_i,
      .step_i (accepts),
      .words_o(words)
  );

  for (genvar i = 0; i < Lanes; i++) begin : gen_lanes
    logic [31:0] y;
    pruner_lane #(
        .RandomBits(RandomBits)
    ) u_lane (
        .x_i     (data[i*32+:32]),
        .alpha_i (alpha),
        .random_i(random[i*RandomBits+:RandomBits]),
        .y_o     (y)
    );
    assign pruned[i*32+:32] = mask[i] ? y : '0;
  end

  if (Lanes < 1) begin : gen_wrong_parameters
    $error("expected a lane or more");
  end

endmodule
