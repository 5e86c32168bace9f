// Two-entry elastic buffer of a valid/ready stream. It cuts every combinational path between its two
// sides: ready_o and valid_o come from registers.
//
// Latency: 1 cycle. Throughput: one word a cycle, without a bubble after a stall.
module stream_buffer #(
    parameter int unsigned Width = 8
) (
    input  logic             clk_i,
    input  logic             rst_ni,
    input  logic             valid_i,
    output logic             ready_o,
    input  logic [Width-1:0] data_i,
    output logic             valid_o,
    input  logic             ready_i,
    output logic [Width-1:0] data_o
);

  // head is what the output shows; tail waits behind it and is filled only while head is stalled.
  logic [Width-1:0] head_q, head_d, tail_q, tail_d;
  logic head_valid_q, head_valid_d, tail_valid_q, tail_valid_d;

  assign ready_o = !tail_valid_q;
  assign valid_o = head_valid_q;
  assign data_o  = head_q;

  always_comb begin
    head_d       = head_q;
    tail_d       = tail_q;
    head_valid_d = head_valid_q;
    tail_valid_d = tail_valid_q;
    if (ready_i || !head_valid_q) begin
      if (tail_valid_q) begin
        head_d       = tail_q;
        head_valid_d = 1'b1;
        tail_valid_d = 1'b0;
      end else begin
        head_d       = data_i;
        head_valid_d = valid_i;
      end
    end else if (valid_i && !tail_valid_q) begin
      tail_d       = data_i;
      tail_valid_d = 1'b1;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      head_q       <= '0;
      tail_q       <= '0;
      head_valid_q <= 1'b0;
      tail_valid_q <= 1'b0;
    end else begin
      head_q       <= head_d;
      tail_q       <= tail_d;
      head_valid_q <= head_valid_d;
      tail_valid_q <= tail_valid_d;
    end
  end

  if (Width < 1) begin : gen_wrong_parameters
    $error("expected a bit or more");
  end

`ifndef SYNTHESIS
  logic past_q = 1'b0;
  always_ff @(posedge clk_i) begin
    past_q <= rst_ni;
    if (past_q && rst_ni) begin
      TailNeedsHead_A :
      assert (head_valid_q || !tail_valid_q);
      if ($past(valid_o && !ready_i)) begin
        HoldsUntilTaken_A :
        assert (valid_o && $stable(data_o));
      end
    end
  end
`endif

endmodule
