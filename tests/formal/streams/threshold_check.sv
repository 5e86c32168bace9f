// A threshold unit, for the assertions in it: from a first reset on, whatever comes.
module threshold_check #(
    parameter bit          Log   = 1'b0,  // threshold_log, otherwise threshold_histogram
    parameter int unsigned Lanes = 2
) (
    input logic                clk_i,
    input logic                reset_i,
    input logic [        15:0] target_i,
    input logic                valid_i,
    input logic [Lanes*32-1:0] data_i,
    input logic [   Lanes-1:0] mask_i,
    input logic                last_i,
    input logic                ready_i
);
  logic started_q = 1'b0, rst_n;
  always_ff @(posedge clk_i) started_q <= 1'b1;
  assign rst_n = started_q && !reset_i;

  logic unused_ready, unused_valid;
  logic [30:0] unused_alpha;
  if (Log) begin : gen_log
    threshold_log #(.Lanes(Lanes), .CountBits(8)) u_dut (
        .clk_i, .rst_ni(rst_n), .target_i, .valid_i, .ready_o(unused_ready), .data_i, .mask_i, .last_i,
        .valid_o(unused_valid), .ready_i, .alpha_o(unused_alpha)
    );
  end else begin : gen_histogram
    threshold_histogram #(
        .Lanes(Lanes), .MantissaBits(1), .FirstField(100), .Binades(8), .CountBits(8)
    ) u_dut (
        .clk_i, .rst_ni(rst_n), .target_i, .valid_i, .ready_o(unused_ready), .data_i, .mask_i, .last_i,
        .valid_o(unused_valid), .ready_i, .alpha_o(unused_alpha)
    );
  end
endmodule
