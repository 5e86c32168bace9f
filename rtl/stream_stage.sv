// The shell of a stage of a valid/ready stream: an operand register in front of combinational logic
// and a two-entry buffer behind it. The logic stands outside: it makes result_i of operand_o.
//
// Latency: 2 cycles. Throughput: one beat a cycle. ready_o depends on registers alone, never on
// ready_i or valid_i. Holds up to three beats.
module stream_stage #(
    parameter int unsigned OperandWidth = 8,
    parameter int unsigned ResultWidth  = 8
) (
    input  logic                    clk_i,
    input  logic                    rst_ni,
    input  logic                    valid_i,
    output logic                    ready_o,
    input  logic [OperandWidth-1:0] data_i,
    output logic                    accepts_o,  // valid_i && ready_o: a beat enters at this edge
    output logic [OperandWidth-1:0] operand_o,
    input  logic [ ResultWidth-1:0] result_i,
    output logic                    valid_o,
    input  logic                    ready_i,
    output logic [ ResultWidth-1:0] data_o
);

  logic accepts, buffer_ready, valid_q;
  logic [OperandWidth-1:0] operand_q;

  assign ready_o   = !valid_q || buffer_ready;
  assign accepts   = valid_i && ready_o;
  assign accepts_o = accepts;
  assign operand_o = operand_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      valid_q   <= 1'b0;
      operand_q <= '0;
    end else if (ready_o) begin
      valid_q   <= valid_i;
      operand_q <= data_i;
    end
  end

  stream_buffer #(
      .Width(ResultWidth)
  ) u_buffer (
      .clk_i,
      .rst_ni,
      .valid_i(valid_q),
      .ready_o(buffer_ready),
      .data_i (result_i),
      .valid_o,
      .ready_i,
      .data_o
  );

  if (OperandWidth < 1 || ResultWidth < 1) begin : gen_wrong_parameters
    $error("expected a bit or more of operand and result");
  end

`ifndef SYNTHESIS
  // Every accepted beat leaves once, in order: no more than three are inside, and a beat taken was
  // accepted before.
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
      if ($past(valid_o && !ready_i)) begin
        HoldsUntilTaken_A :
        assert (valid_o && $stable(data_o));
      end
    end
  end
`endif

endmodule
