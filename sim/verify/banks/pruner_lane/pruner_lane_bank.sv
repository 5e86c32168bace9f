// Pruner lanes with several numbers of random bits in one Verilated model. The widths are listed here
// alone; the program reads them back.
module pruner_lane_bank #(
    parameter int Inputs = 4
) (
    input  logic [31:0] x_i[Inputs],
    input  logic [30:0] alpha_i[Inputs],
    input  logic [31:0] random_i[Inputs],
    output logic [31:0] y_o[4][Inputs],

    output logic [31:0] row_count_o,
    output logic [31:0] input_count_o,
    input  logic [31:0] row_i,
    output logic [31:0] random_bits_o
);

  localparam int RowCount = 4;
  localparam logic [RowCount*8-1:0] RandomBits = {8'd1, 8'd8, 8'd16, 8'd24};

  assign row_count_o   = 32'(RowCount);
  assign input_count_o = 32'(Inputs);
  assign random_bits_o = 32'(RandomBits[8*row_i+:8]);

  for (genvar r = 0; r < RowCount; r++) begin : gen_rows
    localparam int unsigned Bits = 32'(RandomBits[8*r+:8]);
    for (genvar i = 0; i < Inputs; i++) begin : gen_inputs
      pruner_lane #(
          .RandomBits(Bits)
      ) u_lane (
          .x_i     (x_i[i]),
          .alpha_i (alpha_i[i]),
          .random_i(random_i[i][31-:Bits]),
          .y_o     (y_o[r][i])
      );
    end
  end

endmodule
