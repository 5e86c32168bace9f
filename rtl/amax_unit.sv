// The largest finite magnitude of a stream of fp32 beats, and the power of two that brings it just
// under the largest finite value of a format: 2^floor(log2(max_finite / amax)), the scale `amax-po2`
// (docs/numerics.md, "Scale"; models/scale/scale.hpp). Infinities and NaNs are passed over.
//
// Latency: the result is there 2 cycles after the last beat is accepted. Throughput: one beat a
// cycle; between the last beat and the taking of the result ready_o is low. It depends on registers
// alone.
module amax_unit #(
    parameter int unsigned Lanes        = 8,
    parameter int unsigned ExponentBits = 5,   // the format: as in quantizer_lane.sv
    parameter int unsigned MantissaBits = 2,
    parameter int          Bias         = 15,
    parameter int unsigned NonFinite    = gradpath_pkg::Ieee
) (
    input  logic                       clk_i,
    input  logic                       rst_ni,
    input  logic                       valid_i,
    output logic                       ready_o,
    input  logic        [Lanes*32-1:0] data_i,
    input  logic        [   Lanes-1:0] mask_i,
    input  logic                       last_i,
    output logic                       valid_o,
    input  logic                       ready_i,
    output logic        [        30:0] amax_o,           // fp32 without its sign
    output logic signed [         7:0] scale_exponent_o  // -126..127; 0 if amax_o is 0
);

  // --- Constants of the format: its largest finite value is 2^MaxExponent (1 + MaxFraction / 2^23).
  localparam int unsigned AllOnes = (1 << (ExponentBits + MantissaBits)) - 1;
  localparam int unsigned MaxFinite = NonFinite == gradpath_pkg::Ieee ? ((AllOnes >> MantissaBits) << MantissaBits) - 1 :
                                      NonFinite == gradpath_pkg::Fn ? AllOnes - 1 : AllOnes;
  localparam int unsigned MaxField = MaxFinite >> MantissaBits;
  localparam int unsigned TopBit = $clog2(MaxFinite + 1) - 1;  // of a format with subnormals alone
  localparam int NormalExponent = MaxField - Bias;
  localparam int SubnormalExponent = 1 - Bias - MantissaBits + TopBit;
  localparam logic signed [10:0] MaxExponent =
      MaxField > 0 ? 11'(NormalExponent) : 11'(SubnormalExponent);
  localparam logic [22:0] MaxFraction =
      23'(MaxField > 0 ? MaxFinite << (23 - MantissaBits) : MaxFinite << (23 - TopBit));

  // --- The largest of each beat, then of the stream. closing: its last beat is in.
  logic valid_q, last_q, closing_q, done_q;
  logic [30:0] peak_q, peak_d, amax_q;

  assign ready_o = !closing_q;
  assign valid_o = done_q;
  assign amax_o  = amax_q;

  always_comb begin
    peak_d = '0;
    for (int unsigned i = 0; i < Lanes; i++) begin
      if (mask_i[i] && data_i[i*32+23+:8] != 8'hff && data_i[i*32+:31] > peak_d) begin
        peak_d = data_i[i*32+:31];
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      valid_q   <= 1'b0;
      last_q    <= 1'b0;
      peak_q    <= '0;
      amax_q    <= '0;
      closing_q <= 1'b0;
      done_q    <= 1'b0;
    end else begin
      valid_q <= valid_i && ready_o;
      last_q  <= last_i;
      peak_q  <= peak_d;
      if (valid_q && peak_q > amax_q) amax_q <= peak_q;
      if (valid_i && ready_o && last_i) closing_q <= 1'b1;
      if (valid_q && last_q) done_q <= 1'b1;
      if (done_q && ready_i) begin
        done_q    <= 1'b0;
        closing_q <= 1'b0;
        amax_q    <= '0;
      end
    end
  end

  // --- The exponent. A subnormal is normalised first.
  logic [4:0] leading_zeros;
  logic [22:0] fraction;
  logic signed [10:0] exponent, quotient;
  always_comb begin
    leading_zeros = '0;
    for (int i = 0; i < 23; i++) begin
      if (amax_q[i]) leading_zeros = 5'(22 - i);
    end
    fraction = amax_q[22:0];
    exponent = 11'(amax_q[30:23]) - 11'sd127;
    if (amax_q[30:23] == '0) begin
      fraction = amax_q[22:0] << leading_zeros << 1;
      exponent = -11'sd127 - 11'(leading_zeros);
    end
    quotient = MaxExponent - exponent;
    if (fraction > MaxFraction) quotient = quotient - 11'sd1;
    scale_exponent_o = quotient[7:0];
    if (quotient < -11'sd126) scale_exponent_o = -8'sd126;
    if (quotient > 11'sd127) scale_exponent_o = 8'sd127;
    if (amax_q == '0) scale_exponent_o = '0;
  end

  if (Lanes < 1 || ExponentBits < 1 || ExponentBits > 7 || ExponentBits + MantissaBits > 7 || Bias < 0 ||
      Bias > 255 || NonFinite > gradpath_pkg::Fnuz) begin : gen_wrong_parameters
    $error("expected a lane or more, 1 to 7 exponent bits, at most 8 bits with the sign, a bias of 0 to 255, NonFinite 0 to 3");
  end

`ifndef SYNTHESIS
  logic past_q = 1'b0;  // a reset has been seen, and the cycle before was outside of it
  always_ff @(posedge clk_i) begin
    past_q <= rst_ni;
    if (past_q && rst_ni) begin
      ResultOfAClosedStream_A :
      assert (!valid_o || (closing_q && !valid_q));
      if ($past(valid_o && !ready_i)) begin
        HoldsUntilTaken_A :
        assert (valid_o && $stable(amax_o) && $stable(scale_exponent_o));
      end
    end
  end
`endif

endmodule
