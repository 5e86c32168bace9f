// compactor and decompactor back to back give the beats that entered, with +0 for each zero.
module round_trip_check #(
    parameter int unsigned Lanes    = 2,
    parameter int unsigned CodeBits = 2
) (
    input logic                      clk_i,
    input logic                      reset_i,
    input logic                      mark_i,
    input logic                      valid_i,
    input logic [Lanes*CodeBits-1:0] data_i,
    input logic [         Lanes-1:0] mask_i,
    input logic                      last_i,
    input logic                      ready_i
);
  logic started_q = 1'b0, rst_n;
  always_ff @(posedge clk_i) started_q <= 1'b1;
  assign rst_n = started_q && !reset_i;

  logic ready, bitmap_valid, bitmap_ready, bitmap_last, codes_valid, codes_ready, codes_last, valid, last;
  logic [Lanes-1:0] bitmap, bitmap_mask, codes_mask, mask;
  logic [Lanes*CodeBits-1:0] codes, data, wanted;
  compactor #(.Lanes(Lanes), .CodeBits(CodeBits), .NegativeZero(1'b1)) u_compactor (
      .clk_i, .rst_ni(rst_n), .valid_i, .ready_o(ready), .data_i, .mask_i, .last_i,
      .bitmap_valid_o(bitmap_valid), .bitmap_ready_i(bitmap_ready), .bitmap_o(bitmap),
      .bitmap_mask_o(bitmap_mask), .bitmap_last_o(bitmap_last),
      .codes_valid_o(codes_valid), .codes_ready_i(codes_ready), .codes_o(codes),
      .codes_mask_o(codes_mask), .codes_last_o(codes_last)
  );
  decompactor #(.Lanes(Lanes), .CodeBits(CodeBits)) u_decompactor (
      .clk_i, .rst_ni(rst_n), .bitmap_valid_i(bitmap_valid), .bitmap_ready_o(bitmap_ready),
      .bitmap_i(bitmap), .bitmap_mask_i(bitmap_mask), .bitmap_last_i(bitmap_last),
      .codes_valid_i(codes_valid), .codes_ready_o(codes_ready), .codes_i(codes),
      .codes_mask_i(codes_mask), .codes_last_i(codes_last),
      .valid_o(valid), .ready_i, .data_o(data), .mask_o(mask), .last_o(last)
  );
  always_comb begin
    wanted = '0;
    for (int unsigned i = 0; i < Lanes; i++) begin
      if (mask_i[i] && data_i[i*CodeBits+:CodeBits-1] != '0) begin
        wanted[i*CodeBits+:CodeBits] = data_i[i*CodeBits+:CodeBits];
      end
    end
  end
  tracker #(
      .Width(Lanes * CodeBits + Lanes + 1), .Depth(8), .Latency(15), .FullBeforeStall(1'b0)
  ) u_tracker (
      .clk_i, .rst_ni(rst_n), .mark_i, .in_valid_i(valid_i), .in_ready_i(ready),
      .wanted_i({wanted, mask_i, last_i}), .out_valid_i(valid), .out_ready_i(ready_i),
      .out_i({data, mask, last})
  );
endmodule
