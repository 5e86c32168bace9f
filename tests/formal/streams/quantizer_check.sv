// quantizer behind a tracker: the codes wanted are made by lanes beside it, at the input, with words
// of LFSRs beside it.
module quantizer_check #(
    parameter int unsigned Lanes        = 2,
    parameter int unsigned ExponentBits = 2,
    parameter int unsigned MantissaBits = 1,
    parameter int          Bias         = 1,
    parameter int unsigned NonFinite    = 2,
    parameter int unsigned Rounding     = 6,
    parameter int unsigned RandomBits   = 2,
    parameter bit          Scaled       = 1'b0,
    localparam int unsigned CodeBits    = ExponentBits + MantissaBits + 1
) (
    input logic                clk_i,
    input logic                reset_i,
    input logic                mark_i,
    input logic [Lanes*32-1:0] seed_i,
    input logic                valid_i,
    input logic [Lanes*32-1:0] data_i,
    input logic [   Lanes-1:0] mask_i,
    input logic                last_i,
    input logic                ready_i
);
  logic started_q = 1'b0, rst_n;
  always_ff @(posedge clk_i) started_q <= 1'b1;
  assign rst_n = started_q && !reset_i;

  logic ready, valid, last;
  logic [Lanes*CodeBits-1:0] codes, wanted;
  logic [Lanes-1:0] mask;
  quantizer #(
      .Lanes(Lanes), .ExponentBits(ExponentBits), .MantissaBits(MantissaBits), .Bias(Bias),
      .NonFinite(NonFinite), .Rounding(Rounding), .RandomBits(RandomBits), .Scaled(Scaled)
  ) u_dut (
      .clk_i, .rst_ni(rst_n), .seed_i, .scale_exponent_i(8'd0), .valid_i, .ready_o(ready), .data_i,
      .mask_i, .last_i, .valid_o(valid), .ready_i, .data_o(codes), .mask_o(mask), .last_o(last)
  );
  for (genvar i = 0; i < Lanes; i++) begin : gen_lanes
    logic [31:0] word;
    logic [CodeBits-1:0] code;
    lfsr u_lfsr (
        .clk_i, .rst_ni(rst_n), .seed_i(seed_i[32*i+:32]), .step_i(valid_i && ready), .word_o(word)
    );
    quantizer_lane #(
        .ExponentBits(ExponentBits), .MantissaBits(MantissaBits), .Bias(Bias), .NonFinite(NonFinite),
        .Rounding(Rounding), .RandomBits(RandomBits), .Scaled(Scaled)
    ) u_lane (
        .x_i(data_i[32*i+:32]), .scale_exponent_i(8'd0), .random_i(word[31-:RandomBits]), .code_o(code)
    );
    assign wanted[CodeBits*i+:CodeBits] = mask_i[i] ? code : '0;
  end
  tracker #(.Width(Lanes * CodeBits + Lanes + 1), .Depth(3), .Latency(1)) u_tracker (
      .clk_i, .rst_ni(rst_n), .mark_i, .in_valid_i(valid_i), .in_ready_i(ready),
      .wanted_i({wanted, mask_i, last_i}), .out_valid_i(valid), .out_ready_i(ready_i),
      .out_i({codes, mask, last})
  );
endmodule
