// Pruner lanes with the numbers of random bits of pruner_lane_table.sv in one Verilated model.
module pruner_lane_bank #(
    parameter int Inputs = 4
) (
    input  logic [31:0] x_i[Inputs],
    input  logic [30:0] alpha_i[Inputs],
    input  logic [31:0] random_i[Inputs],
    output logic [31:0] y_o[pruner_lane_table::RowCount][Inputs],

    output logic [31:0] row_count_o,
    output logic [31:0] input_count_o,
    input  logic [31:0] row_i,
    output logic [31:0] random_bits_o
);

  localparam int RowCount = pruner_lane_table::RowCount;

  assign row_count_o   = 32'(RowCount);
  assign input_count_o = 32'(Inputs);
  assign random_bits_o = 32'(pruner_lane_table::row(int'(row_i)));

  for (genvar r = 0; r < RowCount; r++) begin : gen_rows
    localparam int unsigned Bits = 32'(pruner_lane_table::row(r));
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
