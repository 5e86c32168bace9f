// Stochastic pruning of one fp32 value: x where |x| >= alpha, else sign(x) * alpha with probability
// |x| / alpha, else +0 (docs/numerics.md, "Pruning"; models/prune/stochastic_pruner.hpp).
//
// Combinational, no divider. Exact: with u = random_i it keeps if and only if
// (u + 1/2) / 2^RandomBits < |x| / alpha, so P(keep) is |x| / alpha rounded to RandomBits bits.
module pruner_lane #(
    parameter int unsigned RandomBits = 24  // 1..24
) (
    input  logic [          31:0] x_i,
    input  logic [          30:0] alpha_i,  // fp32 without its sign: finite, not negative
    input  logic [RandomBits-1:0] random_i,
    output logic [          31:0] y_o
);

  localparam int unsigned MaxDistance = RandomBits + 1;

  logic passes, keeps;
  logic [23:0] x_significand, alpha_significand;
  logic [7:0] x_field, alpha_field, distance;
  logic [RandomBits+24:0] drawn, scaled;

  always_comb begin
    // fp32 magnitudes are in the order of their bits; infinities and NaNs are above every alpha.
    passes            = x_i[30:0] >= alpha_i;
    x_significand     = {x_i[30:23] != '0, x_i[22:0]};
    alpha_significand = {alpha_i[30:23] != '0, alpha_i[22:0]};
    x_field           = {x_i[30:24], x_i[23] || x_i[30:23] == '0};
    alpha_field       = {alpha_i[30:24], alpha_i[23] || alpha_i[30:23] == '0};
    distance          = alpha_field - x_field;
    drawn             = {{24{1'b0}}, random_i, 1'b1} * {{(RandomBits + 1) {1'b0}}, alpha_significand};
    // Shifts by at most MaxDistance lose no bit; a larger distance never keeps.
    scaled            = {x_significand, {(RandomBits + 1) {1'b0}}} >> distance;
    keeps             = distance <= 8'(MaxDistance) && drawn < scaled;
    y_o               = '0;
    if (keeps) y_o = {x_i[31], alpha_i};
    if (passes) y_o = x_i;
  end

  if (RandomBits < 1 || RandomBits > 24) begin : gen_wrong_parameters
    $error("expected 1 to 24 random bits");
  end

endmodule
