// Exact product of two finite codes of a small float format, not normalised: what an accumulator that
// aligns its summands takes (docs/numerics.md, "Accumulation").
//
// The product is (-1)^sign * significand * 2^(exponent - 2 bias - 2 MantissaBits); a field of 0 counts
// as 1, its significand has no leading one. Codes that are not finite are the caller's to see.
// Combinational.
module multiplier #(
    parameter int unsigned ExponentBits = 5,
    parameter int unsigned MantissaBits = 2
) (
    input  logic [ExponentBits+MantissaBits:0] a_i,
    input  logic [ExponentBits+MantissaBits:0] b_i,
    output logic                               sign_o,
    output logic [             ExponentBits:0] exponent_o,
    output logic [         2*MantissaBits+1:0] significand_o
);

  localparam int unsigned SignificandBits = MantissaBits + 1;
  localparam int unsigned ProductBits = 2 * SignificandBits;

  logic a_normal, b_normal;
  logic [ExponentBits-1:0] a_field, b_field;
  logic [SignificandBits-1:0] a_significand, b_significand;

  always_comb begin
    a_field       = a_i[ExponentBits+MantissaBits-1:MantissaBits];
    b_field       = b_i[ExponentBits+MantissaBits-1:MantissaBits];
    a_normal      = a_field != '0;
    b_normal      = b_field != '0;
    a_significand = SignificandBits'(a_i);
    b_significand = SignificandBits'(b_i);
    a_significand[MantissaBits] = a_normal;
    b_significand[MantissaBits] = b_normal;
    sign_o        = a_i[ExponentBits+MantissaBits] ^ b_i[ExponentBits+MantissaBits];
    exponent_o    = {1'b0, a_field} + {1'b0, b_field} +
                    (ExponentBits + 1)'(!a_normal) + (ExponentBits + 1)'(!b_normal);
    significand_o = ProductBits'(a_significand) * ProductBits'(b_significand);
  end

  if (ExponentBits < 1) begin : gen_wrong_parameters
    $error("expected an exponent bit or more");
  end

endmodule
