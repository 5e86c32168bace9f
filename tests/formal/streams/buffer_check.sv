// stream_buffer and stream_stage (its logic: every bit inverted) behind a tracker.
module buffer_check #(
    parameter bit Stage = 1'b0
) (
    input logic       clk_i,
    input logic       reset_i,
    input logic       mark_i,
    input logic       valid_i,
    input logic [1:0] data_i,
    input logic       ready_i
);
  logic started_q = 1'b0, rst_n;
  always_ff @(posedge clk_i) started_q <= 1'b1;
  assign rst_n = started_q && !reset_i;

  logic ready, valid, accepts;
  logic [1:0] out, operand;
  if (Stage) begin : gen_stage
    stream_stage #(.OperandWidth(2), .ResultWidth(2)) u_dut (
        .clk_i, .rst_ni(rst_n), .valid_i, .ready_o(ready), .data_i, .accepts_o(accepts),
        .operand_o(operand), .result_i(~operand), .valid_o(valid), .ready_i, .data_o(out)
    );
    always_comb if (rst_n) AcceptsIsTheHandshake_A : assert (accepts == (valid_i && ready));
  end else begin : gen_buffer
    stream_buffer #(.Width(2)) u_dut (
        .clk_i, .rst_ni(rst_n), .valid_i, .ready_o(ready), .data_i, .valid_o(valid), .ready_i, .data_o(out)
    );
  end
  tracker #(.Width(2), .Depth(Stage ? 3 : 2), .Latency(Stage ? 1 : 0)) u_tracker (
      .clk_i, .rst_ni(rst_n), .mark_i, .in_valid_i(valid_i), .in_ready_i(ready),
      .wanted_i(Stage ? ~data_i : data_i), .out_valid_i(valid), .out_ready_i(ready_i), .out_i(out)
  );
endmodule
