// Stand-ins for the lanes where a proof is about the shell around them: it cannot see what a lane
// computes, so any function of all of a lane's inputs will do, and a simple one keeps the proof short.
module quantizer_lane #(
    parameter int unsigned ExponentBits = 5,
    parameter int unsigned MantissaBits = 2,
    parameter int          Bias         = 15,
    parameter int unsigned NonFinite    = 0,
    parameter bit          Saturate     = 1'b0,
    parameter int unsigned Rounding     = 0,
    parameter int unsigned RandomBits   = 24,
    parameter bit          Scaled       = 1'b0
) (
    input  logic        [                       31:0] x_i,
    input  logic signed [                        7:0] scale_exponent_i,
    input  logic        [             RandomBits-1:0] random_i,
    output logic        [ExponentBits+MantissaBits:0] code_o
);
  localparam int unsigned CodeBits = ExponentBits + MantissaBits + 1;
  always_comb begin
    code_o = x_i[CodeBits-1:0];
    if (Rounding >= 6) code_o = code_o ^ CodeBits'(random_i);
    if (Scaled) code_o = code_o ^ CodeBits'(scale_exponent_i);
  end
endmodule

module pruner_lane #(
    parameter int unsigned RandomBits = 24
) (
    input  logic [          31:0] x_i,
    input  logic [          30:0] alpha_i,
    input  logic [RandomBits-1:0] random_i,
    output logic [          31:0] y_o
);
  assign y_o = x_i ^ {1'b0, alpha_i} ^ 32'(random_i);
endmodule
