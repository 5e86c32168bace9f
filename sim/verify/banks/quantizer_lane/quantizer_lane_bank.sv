// Rows of quantizer_lane_table.sv in one Verilated model, each with its two ways of overflow.
//
// A row has a clock of its own: only rows whose clock changes (either edge) take the inputs and are
// evaluated, so that a run over one format does not pay for the others.
module quantizer_lane_bank #(
    parameter int Inputs   = 2,
    parameter int FirstRow = 0,
    parameter int Stride   = 1,  // of the table's rows, one of Stride
    parameter int RowCount = (quantizer_lane_table::RowCount - FirstRow + Stride - 1) / Stride
) (
    input  logic [RowCount-1:0] clk_i,
    input  logic [31:0] x_i[Inputs],
    input  logic [31:0] random_i[Inputs],
    input  logic signed [7:0] scale_exponent_i,
    output logic [7:0] standard_o[RowCount][Inputs],
    output logic [7:0] saturated_o[RowCount][Inputs],

    // The table, for the program to read back.
    output logic [31:0] row_count_o,
    output logic [31:0] input_count_o,
    input  logic [31:0] row_i,
    output logic [31:0] row_o
);

  assign row_count_o   = 32'(RowCount);
  assign input_count_o = 32'(Inputs);
  assign row_o         = quantizer_lane_table::row(FirstRow + Stride * int'(row_i));

  for (genvar r = 0; r < RowCount; r++) begin : gen_rows
    localparam logic [31:0] Row = quantizer_lane_table::row(FirstRow + Stride * r);
    localparam int unsigned ExponentBits = 32'(Row[31:28]);
    localparam int unsigned MantissaBits = 32'(Row[27:24]);
    localparam int unsigned RandomBits = 32'(Row[7:0]);

    for (genvar i = 0; i < Inputs; i++) begin : gen_inputs
      logic [31:0] x_q;
      logic [RandomBits-1:0] random_q;
      logic signed [7:0] scale_exponent_q;
      always_ff @(edge clk_i[r]) begin
        x_q              <= x_i[i];
        random_q         <= random_i[i][31-:RandomBits];
        scale_exponent_q <= scale_exponent_i;
      end

      for (genvar saturate = 0; saturate < 2; saturate++) begin : gen_overflow
        logic [ExponentBits+MantissaBits:0] code;
        quantizer_lane #(
            .ExponentBits(ExponentBits),
            .MantissaBits(MantissaBits),
            .Bias        (32'(Row[23:16])),
            .NonFinite   (32'(Row[10:8])),
            .Saturate    (saturate != 0),
            .Rounding    (32'(Row[15:12])),
            .RandomBits  (RandomBits),
            .Scaled      (Row[11])
        ) u_lane (
            .x_i             (x_q),
            .scale_exponent_i(scale_exponent_q),
            .random_i        (random_q),
            .code_o          (code)
        );
        if (saturate != 0) begin : gen_saturated
          assign saturated_o[r][i] = 8'(code);
        end else begin : gen_standard
          assign standard_o[r][i] = 8'(code);
        end
      end
    end
  end

endmodule
