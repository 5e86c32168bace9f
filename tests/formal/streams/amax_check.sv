// amax_unit: of each stream, the answer is not below any element (one is chosen by mark_i and lane_i,
// so for all), and it is an element or 0: whatever value is watched, it is answered only if it came.
module amax_check #(
    parameter int unsigned Lanes = 2
) (
    input logic                     clk_i,
    input logic                     reset_i,
    input logic                     mark_i,
    input logic [$clog2(Lanes)-1:0] lane_i,
    input logic [             30:0] watched_i,
    input logic                     valid_i,
    input logic [     Lanes*32-1:0] data_i,
    input logic [        Lanes-1:0] mask_i,
    input logic                     last_i,
    input logic                     ready_i
);
  logic started_q = 1'b0, rst_n;
  logic [30:0] watched_q;  // one value for the run: any
  always_ff @(posedge clk_i) begin
    started_q <= 1'b1;
    if (!started_q) watched_q <= watched_i;
  end
  assign rst_n = started_q && !reset_i;

  logic ready, valid;
  logic [30:0] amax;
  logic signed [7:0] unused_scale;
  amax_unit #(.Lanes(Lanes)) u_dut (
      .clk_i, .rst_ni(rst_n), .valid_i, .ready_o(ready), .data_i, .mask_i, .last_i, .valid_o(valid),
      .ready_i, .amax_o(amax), .scale_exponent_o(unused_scale)
  );

  // fresh: the marked beat came a cycle ago, so that amax does not know of it yet.
  logic came_q = 1'b0, marked_q = 1'b0, fresh_q = 1'b0, open_q = 1'b0;
  logic [30:0] marked_value_q;
  logic [Lanes-1:0] is_watched;
  always_comb begin
    for (int unsigned i = 0; i < Lanes; i++) begin
      is_watched[i] = mask_i[i] && data_i[i*32+:31] == watched_q;
    end
  end
  always_ff @(posedge clk_i) begin
    fresh_q <= 1'b0;
    if (valid_i && ready) begin
      open_q <= !last_i;
      if (is_watched != '0) came_q <= 1'b1;
      if (mark_i && mask_i[lane_i] && data_i[32*lane_i+23+:8] != 8'hff) begin
        marked_q       <= 1'b1;
        fresh_q        <= 1'b1;
        marked_value_q <= data_i[32*lane_i+:31];
      end
    end
    if (valid && ready_i) begin
      came_q   <= 1'b0;
      marked_q <= 1'b0;
    end
    if (!rst_n) begin
      open_q   <= 1'b0;
      fresh_q  <= 1'b0;
      came_q   <= 1'b0;
      marked_q <= 1'b0;
    end
  end
  // Said of every cycle and with what it takes, so that each follows from itself a few cycles before.
  logic answers_closed;
  assign answers_closed = !valid || !ready;
  always_comb begin
    if (started_q) begin
      NotBelowAnElement_A : assert (answers_closed && (!marked_q || fresh_q || amax >= marked_value_q));
      AnElementOrZero_A : assert (answers_closed && (amax != watched_q || came_q || amax == '0));
      Finite_A : assert (amax[30:23] != 8'hff);
    end
    if (rst_n && valid) begin
      OfAClosedStream_A : assert (!open_q && !fresh_q && !ready);
    end
  end
endmodule
