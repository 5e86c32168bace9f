// One LFSR; it has no parameters, and so no table.
module lfsr_bank (
    input  logic [ 0:0] clk_i,
    input  logic        rst_ni,
    input  logic [31:0] seed_i,
    input  logic        step_i,
    output logic [31:0] word_o,

    output logic [31:0] row_count_o,
    input  logic [31:0] row_i
);

  assign row_count_o = 32'd1;
  logic unused_row;
  assign unused_row = ^row_i;

  for (genvar r = 0; r < 1; r++) begin : gen_rows
    lfsr u_lfsr (
        .clk_i(clk_i[r]),
        .rst_ni,
        .seed_i,
        .step_i,
        .word_o
    );
  end

endmodule
