// fp32 to the code of a small float format: sign, exponent field, mantissa field, right-aligned
// (docs/numerics.md, "Casting" and "Hardware"; models/format/codec.hpp, encode).
//
// Combinational. Rounds to nearest, ties to the even code (also where MantissaBits = 0), or
// stochastically: the top RandomBits fraction bits plus random_i carry out, what lies below them is
// dropped. One expression serves subnormals, normals and the carry into the exponent. Subnormal
// inputs are exact. A NaN in a format without one becomes +0.
module quantizer_lane #(
    parameter int unsigned ExponentBits = 5,     // 1..7
    parameter int unsigned MantissaBits = 2,     // 0..6; at most 8 bits with the sign
    parameter int          Bias         = 15,    // 0..255
    parameter int unsigned NonFinite    = 0,     // 0 ieee, 1 fn, 2 f, 3 fnuz: models' NonFinite
    parameter bit          Saturate     = 1'b0,  // 0: to infinity, else NaN, else the largest finite
    parameter bit          Stochastic   = 1'b0,
    parameter int unsigned RandomBits   = 24     // 1..24
) (
    input  logic [                       31:0] x_i,
    input  logic [             RandomBits-1:0] random_i,
    output logic [ExponentBits+MantissaBits:0] code_o
);

  localparam int unsigned MagnitudeBits = ExponentBits + MantissaBits;
  localparam int unsigned CodeBits = MagnitudeBits + 1;
  localparam int unsigned AllOnes = (1 << MagnitudeBits) - 1;
  localparam bit IsIeee = NonFinite == 0;
  localparam bit IsFn = NonFinite == 1;
  localparam bit IsFnuz = NonFinite == 3;
  localparam int unsigned MaxFinite = IsIeee ? ((AllOnes >> MantissaBits) << MantissaBits) - 1 :
                                      IsFn ? AllOnes - 1 : AllOnes;
  localparam bit HasNan = IsIeee ? MantissaBits > 0 : (IsFn || IsFnuz);
  // The canonical NaN; ieee sets the top mantissa bit, fnuz the sign alone.
  localparam int unsigned NanCode = IsIeee ? MaxFinite + 1 + ((1 << MantissaBits) >> 1) :
                                    IsFnuz ? 1 << MagnitudeBits : AllOnes;

  // The exponent field that fp32 gives the smallest normal of the format.
  localparam logic signed [9:0] MinField = 10'(128 - Bias);
  // Fraction bits kept below the quantum, and the shift beyond which nothing is left to round:
  // x < 1/2 quantum when rounding to nearest, x < 2^-RandomBits quanta when stochastic.
  localparam int unsigned FractionBits = Stochastic ? RandomBits : 25;
  localparam int unsigned MaxShift = Stochastic ? MantissaBits + 1 + RandomBits : MantissaBits + 2;
  localparam int unsigned AlignedBits = MantissaBits + 1 + FractionBits;

  logic sign, is_nan, is_inf;
  logic [23:0] raw_significand, significand;
  logic signed [9:0] raw_field, field;

  always_comb begin
    sign            = x_i[31];
    is_nan          = x_i[30:23] == 8'hff && x_i[22:0] != '0;
    is_inf          = x_i[30:23] == 8'hff && x_i[22:0] == '0;
    raw_significand = {x_i[30:23] != '0, x_i[22:0]};
    raw_field       = {2'b00, x_i[30:24], x_i[23] || x_i[30:23] == '0};
  end

  if (Bias > 127) begin : gen_normalise
    // The format goes below fp32's normals, so fp32's subnormals need their own exponent.
    logic [4:0] leading_zeros;
    always_comb begin
      leading_zeros = '0;
      for (int i = 0; i < 24; i++) begin
        if (raw_significand[i]) leading_zeros = 5'(23 - i);
      end
      significand = raw_significand << leading_zeros;
      field       = raw_field - 10'(leading_zeros);
      if (raw_significand == '0) field = MinField;
    end
  end else begin : gen_plain
    assign significand = raw_significand;
    assign field       = raw_field;
  end

  // Binades above the smallest normal, or places below it; one of them is zero.
  logic signed [9:0] above, below;
  logic [8:0] binade;
  logic [5:0] shift;
  always_comb begin
    above  = field - MinField;
    below  = MinField - field;
    binade = '0;
    shift  = '0;
    if (above > 0) binade = above[8:0];
    if (below > 0) shift = 6'(MaxShift);
    if (below > 0 && below < 10'(MaxShift)) shift = below[5:0];
  end

  // In quanta of the format: MantissaBits + 1 integer bits, FractionBits fraction bits.
  logic [AlignedBits-1:0] aligned;
  logic [FractionBits-1:0] fraction;
  logic [16:0] truncated, rounded;
  logic carry;
  always_comb begin
    aligned   = AlignedBits'({significand, {FractionBits{1'b0}}} >> (23 - MantissaBits)) >> shift;
    fraction  = aligned[FractionBits-1:0];
    truncated = (17'(binade) << MantissaBits) + 17'(aligned[AlignedBits-1:FractionBits]);
  end

  if (Stochastic) begin : gen_stochastic
    logic [RandomBits:0] sum;
    always_comb begin
      sum   = {1'b0, fraction} + {1'b0, random_i};
      carry = sum[RandomBits];
    end
  end else begin : gen_nearest
    logic unused_random;
    assign unused_random = ^random_i;
    always_comb begin
      carry = fraction[FractionBits-1] && (fraction[FractionBits-2:0] != '0 || truncated[0]);
    end
  end

  logic [MagnitudeBits-1:0] magnitude;
  logic overflow;
  always_comb begin
    rounded   = truncated + 17'(carry);
    overflow  = is_inf || rounded > 17'(MaxFinite);
    magnitude = rounded[MagnitudeBits-1:0];
    if (overflow) magnitude = MagnitudeBits'(MaxFinite);
    if (overflow && !Saturate && IsIeee) magnitude = MagnitudeBits'(MaxFinite + 1);
    code_o = {sign, magnitude};
    if (IsFnuz && magnitude == '0) code_o = '0;
    if (overflow && !Saturate && !IsIeee && HasNan) code_o = CodeBits'(NanCode);
    if (is_nan) code_o = HasNan ? CodeBits'(NanCode) : '0;
  end

endmodule
