// What a valid/ready stage owes its stream, as assertions on its two sides: every beat leaves once and
// in order with the data it should have, nothing else leaves, a beat offered stays until it is taken,
// ready falls only when the stage is full, and a beat inside is offered after at most Latency cycles.
//
// mark_i (free) chooses one beat as it enters: proven for that one, it holds for each. wanted_i is what
// the entering beat should leave as.
module tracker #(
    parameter int unsigned Width   = 2,
    parameter int unsigned Depth   = 3,
    parameter int unsigned Latency = 2,
    parameter bit          FullBeforeStall = 1'b1  // ready_i falls only at Depth beats inside
) (
    input logic             clk_i,
    input logic             rst_ni,
    input logic             mark_i,
    input logic             in_valid_i,
    input logic             in_ready_i,
    input logic [Width-1:0] wanted_i,
    input logic             out_valid_i,
    input logic             out_ready_i,
    input logic [Width-1:0] out_i
);
  logic enters, leaves;
  assign enters = in_valid_i && in_ready_i;
  assign leaves = out_valid_i && out_ready_i;

  logic [3:0] inside_q = '0, ahead_q = '0, waits_q = '0;
  logic marked_q = 1'b0, gone_q = 1'b0, stalled_q = 1'b0;
  logic [Width-1:0] wanted_q = '0, out_q = '0;
  always_ff @(posedge clk_i) begin
    inside_q  <= inside_q + 4'(enters) - 4'(leaves);
    stalled_q <= out_valid_i && !out_ready_i;
    out_q     <= out_i;
    waits_q   <= (inside_q != '0 && !out_valid_i) ? waits_q + 4'd1 : '0;
    if (!marked_q && enters && mark_i) begin
      marked_q <= 1'b1;
      wanted_q <= wanted_i;
      ahead_q  <= inside_q - 4'(leaves);
    end
    if (marked_q && leaves) begin
      ahead_q <= ahead_q - 4'd1;
      if (ahead_q == '0) gone_q <= 1'b1;
    end
    if (!rst_ni) begin
      inside_q  <= '0;
      waits_q   <= '0;
      stalled_q <= 1'b0;
      marked_q  <= 1'b0;
      gone_q    <= 1'b0;
    end
  end

  always_comb begin
    if (rst_ni) begin
      if (out_valid_i) begin
        NothingFromNothing_A : assert (inside_q != '0);
        if (marked_q && !gone_q && ahead_q == '0) begin
          InOrderAndWhole_A : assert (out_i == wanted_q);
        end
      end
      HoldsNoMore_A : assert (inside_q <= 4'(Depth));
      OfferedInTime_A : assert (waits_q <= 4'(Latency));
      if (FullBeforeStall) begin
        ReadyUnlessFull_A : assert (in_ready_i || inside_q == 4'(Depth));
      end
      if (stalled_q) begin
        HoldsUntilTaken_A : assert (out_valid_i && out_i == out_q);
      end
    end
  end
endmodule
