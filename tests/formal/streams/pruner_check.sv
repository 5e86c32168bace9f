// pruner behind a tracker; the threshold is held while beats are inside, as its datasheet asks.
module pruner_check #(
    parameter int unsigned Lanes      = 1,
    parameter int unsigned RandomBits = 1
) (
    input logic                clk_i,
    input logic                reset_i,
    input logic                mark_i,
    input logic [Lanes*32-1:0] seed_i,
    input logic [        30:0] alpha_i,
    input logic                valid_i,
    input logic [Lanes*32-1:0] data_i,
    input logic [   Lanes-1:0] mask_i,
    input logic                last_i,
    input logic                ready_i
);
  logic started_q = 1'b0, rst_n;
  logic [30:0] alpha_q;  // one value for the run: any
  always_ff @(posedge clk_i) begin
    started_q <= 1'b1;
    if (!started_q) alpha_q <= alpha_i;
  end
  assign rst_n = started_q && !reset_i;

  logic ready, valid, last;
  logic [Lanes*32-1:0] data, wanted;
  logic [Lanes-1:0] mask;
  pruner #(.Lanes(Lanes), .RandomBits(RandomBits)) u_dut (
      .clk_i, .rst_ni(rst_n), .seed_i, .alpha_i(alpha_q), .valid_i, .ready_o(ready), .data_i, .mask_i,
      .last_i, .valid_o(valid), .ready_i, .data_o(data), .mask_o(mask), .last_o(last)
  );
  for (genvar i = 0; i < Lanes; i++) begin : gen_lanes
    logic [31:0] word, y;
    lfsr u_lfsr (
        .clk_i, .rst_ni(rst_n), .seed_i(seed_i[32*i+:32]), .step_i(valid_i && ready), .word_o(word)
    );
    pruner_lane #(.RandomBits(RandomBits)) u_lane (
        .x_i(data_i[32*i+:32]), .alpha_i(alpha_q), .random_i(word[31-:RandomBits]), .y_o(y)
    );
    assign wanted[32*i+:32] = mask_i[i] ? y : '0;
  end
  tracker #(.Width(Lanes * 33 + 1), .Depth(3), .Latency(1)) u_tracker (
      .clk_i, .rst_ni(rst_n), .mark_i, .in_valid_i(valid_i), .in_ready_i(ready),
      .wanted_i({wanted, mask_i, last_i}), .out_valid_i(valid), .out_ready_i(ready_i),
      .out_i({data, mask, last})
  );
endmodule
