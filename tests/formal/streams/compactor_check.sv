// compactor: the bitmaps behind a tracker; of the codes, one chosen element's is followed by the number
// of codes of its run before it that have not left. It leaves once, at that place, and a run's last
// beat of codes leaves after it.
module compactor_check #(
    parameter int unsigned Lanes    = 2,
    parameter int unsigned CodeBits = 2
) (
    input logic                      clk_i,
    input logic                      reset_i,
    input logic                      mark_i,
    input logic [$clog2(Lanes)-1:0]  lane_i,  // of the chosen element
    input logic                      valid_i,
    input logic [Lanes*CodeBits-1:0] data_i,
    input logic [         Lanes-1:0] mask_i,
    input logic                      last_i,
    input logic                      bitmap_ready_i,
    input logic                      codes_ready_i
);
  logic started_q = 1'b0, rst_n;
  always_ff @(posedge clk_i) started_q <= 1'b1;
  assign rst_n = started_q && !reset_i;

  logic ready, bitmap_valid, bitmap_last, codes_valid, codes_last;
  logic [Lanes-1:0] bitmap, bitmap_mask, codes_mask, is_code;
  logic [Lanes*CodeBits-1:0] codes;
  compactor #(.Lanes(Lanes), .CodeBits(CodeBits), .NegativeZero(1'b1)) u_dut (
      .clk_i, .rst_ni(rst_n), .valid_i, .ready_o(ready), .data_i, .mask_i, .last_i,
      .bitmap_valid_o(bitmap_valid), .bitmap_ready_i, .bitmap_o(bitmap),
      .bitmap_mask_o(bitmap_mask), .bitmap_last_o(bitmap_last),
      .codes_valid_o(codes_valid), .codes_ready_i, .codes_o(codes), .codes_mask_o(codes_mask),
      .codes_last_o(codes_last)
  );

  // Counted from the interface alone. Slots: a code each, and an end each of a run.
  logic [4:0] arrived, before, left;
  always_comb begin
    arrived = '0;
    before  = '0;
    left    = '0;
    for (int unsigned i = 0; i < Lanes; i++) begin
      is_code[i] = mask_i[i] && data_i[i*CodeBits+:CodeBits-1] != '0;
      if (is_code[i] && i < 32'(lane_i)) before = before + 5'd1;
      if (is_code[i]) arrived = arrived + 5'd1;
      if (codes_mask[i]) left = left + 5'd1;
    end
  end
  tracker #(.Width(2 * Lanes + 1), .Depth(3), .Latency(15), .FullBeforeStall(1'b0)) u_bitmaps (
      .clk_i, .rst_ni(rst_n), .mark_i, .in_valid_i(valid_i), .in_ready_i(ready),
      .wanted_i({is_code, mask_i, last_i}), .out_valid_i(bitmap_valid),
      .out_ready_i(bitmap_ready_i), .out_i({bitmap, bitmap_mask, bitmap_last})
  );

  logic enters, leaves;
  assign enters = valid_i && ready;
  assign leaves = codes_valid && codes_ready_i;
  // codes_q: inside, of all runs. ahead_q: of the chosen element. ends_q: ends of runs before it.
  logic [4:0] codes_q = '0, ahead_q = '0, ends_q = '0, ends_ahead_q = '0;
  logic marked_q = 1'b0, gone_q = 1'b0;
  logic [CodeBits-1:0] wanted_q = '0;
  logic here;
  assign here = marked_q && !gone_q && codes_valid && ahead_q < left;
  always_ff @(posedge clk_i) begin
    codes_q <= codes_q + (enters ? arrived : '0) - (leaves ? left : '0);
    ends_q  <= ends_q + 5'(enters && last_i) - 5'(leaves && codes_last);
    if (!marked_q && enters && mark_i && is_code[lane_i]) begin
      marked_q     <= 1'b1;
      wanted_q     <= data_i[lane_i*CodeBits+:CodeBits];
      ahead_q      <= codes_q + before - (leaves ? left : '0);
      ends_ahead_q <= ends_q - 5'(leaves && codes_last);
    end
    if (marked_q && !gone_q && leaves) begin
      if (here) gone_q <= 1'b1;
      ahead_q      <= ahead_q - left;
      ends_ahead_q <= ends_ahead_q - 5'(codes_last);
    end
    if (!rst_n) begin
      codes_q  <= '0;
      ends_q   <= '0;
      marked_q <= 1'b0;
      gone_q   <= 1'b0;
    end
  end
  always_comb begin
    if (rst_n) begin
      HoldsNoMoreCodes_A : assert (codes_q <= 5'(4 * Lanes));
      if (codes_valid) begin
        NoCodeFromNothing_A : assert (left <= codes_q);
        NoEndFromNothing_A : assert (!codes_last || ends_q != '0);
        Dense_A : assert ((codes_mask & (codes_mask + 1'b1)) == '0);
        WholeUnlessLast_A : assert (codes_last || codes_mask == '1);
      end
      if (here) begin
        InOrderAndWhole_A : assert (codes[ahead_q*CodeBits+:CodeBits] == wanted_q);
        InItsOwnRun_A : assert (ends_ahead_q == '0);
      end
      if (marked_q && !gone_q && codes_valid && codes_last && ends_ahead_q == '0) begin
        RunEndsAfterItsCodes_A : assert (here);
      end
    end
  end
endmodule
