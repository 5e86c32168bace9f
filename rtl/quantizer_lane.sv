// fp32, times a power of two, to the code of a small float format: sign, exponent field, mantissa
// field, right-aligned (docs/numerics.md, "Casting" and "Hardware"; models/format/codec.hpp, encode).
//
// Combinational. One expression serves subnormals, normals and the carry into the exponent.
// Subnormal inputs are exact, and so is the product with 2^scale_exponent_i: it is never rounded on
// its own. A NaN in a format without one becomes +0.
//
// Rounding counts as gradpath_pkg.sv names: 0 rne (ties to the even code, also where MantissaBits is 0),
// 1 rna, 2 rtz, 3 rup, 4 rdn, 5 rto, 6 sr (the top RandomBits fraction bits plus random_i carry out;
// what lies below them is dropped), 7 sru (the same with the fraction rounded to RandomBits).
module quantizer_lane #(
    parameter int unsigned ExponentBits = 5,     // 1..7
    parameter int unsigned MantissaBits = 2,     // 0..6; at most 8 bits with the sign
    parameter int          Bias         = 15,    // 0..255
    parameter int unsigned NonFinite    = gradpath_pkg::Ieee,  // 0 ieee, 1 fn, 2 f, 3 fnuz
    parameter bit          Saturate     = 1'b0,  // 0: to infinity, else NaN, else the largest finite
    parameter int unsigned Rounding     = gradpath_pkg::Rne,  // 0..7, see above
    parameter int unsigned RandomBits   = 24,    // 1..32, of sr and sru
    parameter bit          Scaled       = 1'b0   // 0: scale_exponent_i is ignored
) (
    input  logic        [                       31:0] x_i,
    input  logic signed [                        7:0] scale_exponent_i,
    input  logic        [             RandomBits-1:0] random_i,
    output logic        [ExponentBits+MantissaBits:0] code_o
);

  localparam int unsigned Rne = gradpath_pkg::Rne, Rna = gradpath_pkg::Rna, Rtz = gradpath_pkg::Rtz, Rup = gradpath_pkg::Rup;
  localparam int unsigned Rdn = gradpath_pkg::Rdn, Rto = gradpath_pkg::Rto, Sr = gradpath_pkg::Sr, Sru = gradpath_pkg::Sru;

  localparam int unsigned MagnitudeBits = ExponentBits + MantissaBits;
  localparam int unsigned CodeBits = MagnitudeBits + 1;
  localparam int unsigned AllOnes = (1 << MagnitudeBits) - 1;
  localparam bit IsIeee = NonFinite == gradpath_pkg::Ieee;
  localparam bit IsFn = NonFinite == gradpath_pkg::Fn;
  localparam bit IsFnuz = NonFinite == gradpath_pkg::Fnuz;
  localparam int unsigned MaxFinite = IsIeee ? ((AllOnes >> MantissaBits) << MantissaBits) - 1 :
                                      IsFn ? AllOnes - 1 : AllOnes;
  localparam bit HasNan = IsIeee ? MantissaBits > 0 : (IsFn || IsFnuz);
  // The canonical NaN; ieee sets the top mantissa bit, fnuz the sign alone.
  localparam int unsigned NanCode = IsIeee ? MaxFinite + 1 + ((1 << MantissaBits) >> 1) :
                                    IsFnuz ? 1 << MagnitudeBits : AllOnes;

  // The exponent field that fp32 gives the smallest normal of the format.
  localparam logic signed [9:0] MinField = 10'(128 - Bias);
  // The shift beyond which nothing is left to round, and the fraction bits kept below the quantum:
  // sr drops what lies below its RandomBits; the others lose none up to that shift, so that `inexact`
  // means what it says.
  localparam bit IsStochastic = Rounding == Sr || Rounding == Sru;
  localparam int unsigned MaxShift = MantissaBits + 2 + (Rounding == Sr ? RandomBits - 1 :
                                                         Rounding == Sru ? RandomBits : 0);
  localparam int unsigned FractionBits = Rounding == Sr ? RandomBits :
                                         Rounding == Sru ? 25 + RandomBits : 25;
  localparam int unsigned AlignedBits = MantissaBits + 1 + FractionBits;

  logic signed [9:0] scale;
  if (Scaled) begin : gen_scale
    assign scale = 10'(scale_exponent_i);
  end else begin : gen_no_scale
    logic unused_scale;
    assign unused_scale = ^scale_exponent_i;
    assign scale        = '0;
  end

  logic sign, is_nan, is_inf;
  logic [23:0] raw_significand, significand;
  logic signed [9:0] raw_field, field;

  always_comb begin
    sign            = x_i[31];
    is_nan          = x_i[30:23] == 8'hff && x_i[22:0] != '0;
    is_inf          = x_i[30:23] == 8'hff && x_i[22:0] == '0;
    raw_significand = {x_i[30:23] != '0, x_i[22:0]};
    raw_field       = {2'b00, x_i[30:24], x_i[23] || x_i[30:23] == '0} + scale;
  end

  if (Bias > 127 || Scaled) begin : gen_normalise
    // The format, or the scale, reaches fp32's subnormals: they need their own exponent.
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
  logic up;
  always_comb begin
    aligned   = AlignedBits'({significand, {FractionBits{1'b0}}} >> (23 - MantissaBits)) >> shift;
    fraction  = aligned[FractionBits-1:0];
    truncated = (17'(binade) << MantissaBits) + 17'(aligned[AlignedBits-1:FractionBits]);
  end

  if (IsStochastic) begin : gen_stochastic
    logic [RandomBits:0] sum;
    logic carry_in;
    if (Rounding == Sru) begin : gen_rounded
      always_comb begin
        carry_in = fraction[24] && (fraction[23:0] != '0 || fraction[25]);
      end
    end else begin : gen_cut
      assign carry_in = 1'b0;
    end
    always_comb begin
      sum = {1'b0, fraction[FractionBits-1-:RandomBits]} + {1'b0, random_i} + (RandomBits + 1)'(carry_in);
      up  = sum[RandomBits];
    end
  end else begin : gen_deterministic
    logic unused_random;
    assign unused_random = ^random_i;
    logic guard, inexact;
    always_comb begin
      guard   = fraction[FractionBits-1];
      inexact = fraction != '0;
      up      = 1'b0;
      unique case (Rounding)
        Rne: up = guard && (fraction[FractionBits-2:0] != '0 || truncated[0]);
        Rna: up = guard;
        Rup: up = inexact && !sign;
        Rdn: up = inexact && sign;
        Rto: up = inexact && !truncated[0];
        default: up = 1'b0;
      endcase
    end
  end

  // A finite value that is rounded toward zero never leaves the finite ones (IEEE 754, 7.4).
  logic toward_zero, overflow, to_largest;
  logic [MagnitudeBits-1:0] magnitude;
  always_comb begin
    toward_zero = Rounding == Rtz || (Rounding == Rup && sign) || (Rounding == Rdn && !sign);
    rounded     = truncated + 17'(up);
    overflow    = is_inf || rounded > 17'(MaxFinite);
    to_largest  = Saturate || (toward_zero && !is_inf);
    magnitude   = rounded[MagnitudeBits-1:0];
    if (overflow) magnitude = MagnitudeBits'(MaxFinite);
    if (overflow && !to_largest && IsIeee) magnitude = MagnitudeBits'(MaxFinite + 1);
    code_o = {sign, magnitude};
    if (IsFnuz && magnitude == '0) code_o = '0;
    if (overflow && !to_largest && !IsIeee && HasNan) code_o = CodeBits'(NanCode);
    if (is_nan) code_o = HasNan ? CodeBits'(NanCode) : '0;
  end

  if (ExponentBits < 1 || ExponentBits > 7 || ExponentBits + MantissaBits > 7 || Bias < 0 || Bias > 255 ||
      NonFinite > gradpath_pkg::Fnuz || Rounding > gradpath_pkg::Sru || RandomBits < 1 || RandomBits > 32) begin : gen_wrong_parameters
    $error("expected 1 to 7 exponent bits, at most 8 bits with the sign, a bias of 0 to 255, NonFinite 0 to 3, Rounding 0 to 7, 1 to 32 random bits");
  end

endmodule
