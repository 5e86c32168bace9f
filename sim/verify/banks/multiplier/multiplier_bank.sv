// Multipliers of several formats in one Verilated model. The formats are listed here alone; the program
// reads them back. An exponent has 8 bits in every row, a significand 16.
module multiplier_bank (
    input  logic [ 7:0] a_i,
    input  logic [ 7:0] b_i,
    output logic        sign_o[6],
    output logic [ 7:0] exponent_o[6],
    output logic [15:0] significand_o[6],

    output logic [31:0] row_count_o,
    input  logic [31:0] row_i,
    output logic [31:0] row_o  // as in quantizer_lane_table.sv
);

  localparam int RowCount = 6;
  localparam int RowBits = 32;
  localparam Rows = {
      {4'd5, 4'd2, 8'd15, 5'd0, 3'd0, 8'd1},  // e5m2
      {4'd4, 4'd3, 8'd7, 5'd0, 3'd1, 8'd1},  // e4m3fn
      {4'd3, 4'd4, 8'd3, 5'd0, 3'd0, 8'd1},  // e3m4
      {4'd2, 4'd1, 8'd1, 5'd0, 3'd2, 8'd1},  // e2m1fn
      {4'd1, 4'd6, 8'd0, 5'd0, 3'd0, 8'd1},  // e1m6
      {4'd7, 4'd0, 8'd63, 5'd0, 3'd3, 8'd1}  // e7m0fnuz: a significand is one or none
  };

  assign row_count_o = 32'(RowCount);
  assign row_o       = Rows[(RowCount-1-int'(row_i))*RowBits+:RowBits];

  for (genvar r = 0; r < RowCount; r++) begin : gen_rows
    localparam logic [31:0] Row = Rows[(RowCount-1-r)*RowBits+:RowBits];
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
