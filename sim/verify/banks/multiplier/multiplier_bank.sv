// The multipliers of multiplier_table.sv in one Verilated model. An exponent has 8 bits in every row, a significand 16.
module multiplier_bank (
    input  logic [ 7:0] a_i,
    input  logic [ 7:0] b_i,
    output logic        sign_o[multiplier_table::RowCount],
    output logic [ 7:0] exponent_o[multiplier_table::RowCount],
    output logic [15:0] significand_o[multiplier_table::RowCount],

    output logic [31:0] row_count_o,
    input  logic [31:0] row_i,
    output logic [31:0] row_o  // as in quantizer_lane_table.sv
);

  localparam int RowCount = multiplier_table::RowCount;

  assign row_count_o = 32'(RowCount);
  assign row_o       = multiplier_table::row(int'(row_i));

  for (genvar r = 0; r < RowCount; r++) begin : gen_rows
    localparam logic [31:0] Row = multiplier_table::row(r);
    localparam int unsigned ExponentBits = 32'(Row[31:28]);
    localparam int unsigned MantissaBits = 32'(Row[27:24]);
    logic [ExponentBits:0] exponent;
    logic [2*MantissaBits+1:0] significand;
    multiplier #(
        .ExponentBits(ExponentBits),
        .MantissaBits(MantissaBits)
    ) u_multiplier (
        .a_i          (a_i[ExponentBits+MantissaBits:0]),
        .b_i          (b_i[ExponentBits+MantissaBits:0]),
        .sign_o       (sign_o[r]),
        .exponent_o   (exponent),
        .significand_o(significand)
    );
    assign exponent_o[r]    = 8'(exponent);
    assign significand_o[r] = 16'(significand);
  end

endmodule
