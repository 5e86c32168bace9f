// Cover points of the modules of rtl/, bound to them in the coverage build alone (scripts/coverage):
// what must have happened before a run of `gradpath verify` says much. A label says what.
//
// Of a combinational module a point counts evaluations, of the others clock cycles outside of reset.

module quantizer_lane_cover #(
    parameter int unsigned Rounding  = 0,
    parameter int unsigned NonFinite = 0,
    parameter bit          Saturate  = 1'b0,
    parameter bit          HasNan    = 1'b0,
    parameter bit          Scaled    = 1'b0
) (
    input logic              sign,
    input logic              is_nan,
    input logic              is_inf,
    input logic              is_input_zero,
    input logic              is_input_subnormal,
    input logic signed [7:0] scale_exponent,
    input logic              up,
    input logic              inexact,
    input logic              half,           // exactly between two codes
    input logic              odd,            // the truncated code is
    input logic              carries,        // rounding up leaves the binade
    input logic              is_subnormal,   // the truncated value is below the smallest normal
    input logic              far_below,      // nothing is left of the significand
    input logic              overflow,
    input logic              to_largest,
    input logic              is_magnitude_zero
);
  logic finite;
  assign finite = !is_nan && !is_inf;

  if (Rounding == 0) begin : gen_rne
    always_comb begin
      RneUp_C : cover (finite && inexact && !half && up);
      RneDown_C : cover (finite && inexact && !half && !up);
      RneTieToEvenAbove_C : cover (finite && half && odd && up);
      RneTieToEvenBelow_C : cover (finite && half && !odd && !up);
    end
  end else if (Rounding == 1) begin : gen_rna
    always_comb begin
      RnaUp_C : cover (finite && inexact && !half && up);
      RnaDown_C : cover (finite && inexact && !up);
      RnaTieAway_C : cover (finite && half && up);
    end
  end else if (Rounding == 2) begin : gen_rtz
    always_comb begin
      RtzDropsMoreThanHalf_C : cover (finite && inexact && !up);
      RtzOverflowStaysFinite_C : cover (finite && overflow && to_largest && !Saturate);
      RtzInfinityStays_C : cover (is_inf && !to_largest);
    end
  end else if (Rounding == 3) begin : gen_rup
    always_comb begin
      RupPositiveUp_C : cover (finite && inexact && !sign && up);
      RupNegativeTruncates_C : cover (finite && inexact && sign && !up);
      RupNegativeOverflowStaysFinite_C : cover (finite && overflow && sign && to_largest && !Saturate);
      RupPositiveOverflowLeaves_C : cover (finite && overflow && !sign && !to_largest);
    end
  end else if (Rounding == 4) begin : gen_rdn
    always_comb begin
      RdnNegativeUp_C : cover (finite && inexact && sign && up);
      RdnPositiveTruncates_C : cover (finite && inexact && !sign && !up);
      RdnPositiveOverflowStaysFinite_C : cover (finite && overflow && !sign && to_largest && !Saturate);
      RdnNegativeOverflowLeaves_C : cover (finite && overflow && sign && !to_largest);
    end
  end else if (Rounding == 5) begin : gen_rto
    always_comb begin
      RtoEvenBecomesOdd_C : cover (finite && inexact && !odd && up);
      RtoOddStays_C : cover (finite && inexact && odd && !up);
      RtoExactEvenStays_C : cover (finite && !inexact && !odd && !up);
    end
  end else if (Rounding == 6) begin : gen_sr
    always_comb begin
      SrUp_C : cover (finite && inexact && up);
      SrDown_C : cover (finite && inexact && !up);
      SrExactStays_C : cover (finite && !inexact && !up && !is_input_zero);
    end
  end else begin : gen_sru
    always_comb begin
      SruUp_C : cover (finite && inexact && up);
      SruDown_C : cover (finite && inexact && !up);
      SruExactStays_C : cover (finite && !inexact && !up && !is_input_zero);
    end
  end

  if (NonFinite == 3) begin : gen_fnuz
    always_comb FnuzNegativeBecomesPlainZero_C : cover (sign && is_magnitude_zero && !overflow && finite);
  end else begin : gen_signed_zero
    always_comb NegativeZero_C : cover (sign && is_magnitude_zero && finite);
  end
  if (HasNan) begin : gen_nan
    always_comb NanGivesNan_C : cover (is_nan);
  end else begin : gen_no_nan
    always_comb NanGivesZero_C : cover (is_nan);
  end
  if (Scaled) begin : gen_scale
    always_comb begin
      ScaleLargest_C : cover (scale_exponent == 8'sd127);
      ScaleSmallest_C : cover (scale_exponent == -8'sd128);
      ScaleLiftsASubnormal_C : cover (is_input_subnormal && scale_exponent > 0 && !is_magnitude_zero);
    end
  end
  always_comb begin
    ExactResult_C : cover (finite && !inexact && !is_input_zero);
    SubnormalResult_C : cover (finite && is_subnormal && !is_magnitude_zero);
    SubnormalRoundsToNormal_C : cover (finite && is_subnormal && up && carries);
    CarryIntoTheExponent_C : cover (finite && !is_subnormal && up && carries && !overflow);
    RoundsToZero_C : cover (finite && !is_input_zero && is_magnitude_zero);
    RoundsUpFromZero_C : cover (finite && far_below && up);
    SubnormalInput_C : cover (is_input_subnormal);
    ZeroInput_C : cover (is_input_zero);
    OverflowByRoundingUp_C : cover (finite && overflow && up && carries);
    OverflowOfAFiniteValue_C : cover (finite && overflow);
    OverflowToLargest_C : cover (overflow && to_largest);
    OverflowToInfinityOrNan_C : cover (overflow && !to_largest);
    InfinityInput_C : cover (is_inf);
  end
endmodule
bind quantizer_lane quantizer_lane_cover #(
    .Rounding (Rounding),
    .NonFinite(NonFinite),
    .Saturate (Saturate),
    .HasNan   (HasNan),
    .Scaled   (Scaled)
) u_cover (
    .sign,
    .is_nan,
    .is_inf,
    .is_input_zero     (x_i[30:0] == '0),
    .is_input_subnormal(x_i[30:23] == '0 && x_i[22:0] != '0),
    .scale_exponent    (scale_exponent_i),
    .up,
    .inexact           (fraction != '0),
    .half              (fraction == {1'b1, {FractionBits - 1{1'b0}}}),
    .odd               (truncated[0]),
    .carries           ((rounded >> MantissaBits) != (truncated >> MantissaBits)),
    .is_subnormal      (aligned[AlignedBits-1] == 1'b0),
    .far_below         (below >= 10'(MaxShift)),
    .overflow,
    .to_largest,
    .is_magnitude_zero (magnitude == '0)
);

module pruner_lane_cover (
    input logic [31:0] x,
    input logic [30:0] alpha,
    input logic        passes,
    input logic        keeps,
    input logic        is_far   // more binades below alpha than the random number can tell
);
  always_comb begin
    Passes_C : cover (passes && alpha != '0 && x[30:23] != 8'hff);
    PassesAsEqual_C : cover (x[30:0] == alpha && alpha != '0);
    PromotesPositive_C : cover (!passes && keeps && !x[31]);
    PromotesNegative_C : cover (!passes && keeps && x[31]);
    Zeroes_C : cover (!passes && !keeps && !is_far && x[30:0] != '0);
    ZeroesAsTooFar_C : cover (!passes && is_far && x[30:0] != '0);
    ZeroStaysZero_C : cover (!passes && x[30:0] == '0);
    NotFinitePasses_C : cover (passes && x[30:23] == 8'hff);
    NoThreshold_C : cover (alpha == '0);
    SubnormalThreshold_C : cover (alpha[30:23] == '0 && alpha != '0 && !passes && keeps);
    SubnormalPromoted_C : cover (x[30:23] == '0 && alpha[30:23] != '0 && !passes && keeps);
    SubnormalZeroed_C : cover (x[30:23] == '0 && x[22:0] != '0 && !passes && !keeps);
  end
endmodule
bind pruner_lane pruner_lane_cover u_cover (
    .x     (x_i),
    .alpha (alpha_i),
    .passes,
    .keeps,
    .is_far(distance > 8'(MaxDistance))
);

module multiplier_cover (
    input logic a_normal,
    input logic b_normal,
    input logic is_zero,
    input logic is_negative
);
  always_comb begin
    BothNormal_C : cover (a_normal && b_normal);
    OneSubnormal_C : cover (a_normal != b_normal && !is_zero);
    BothSubnormal_C : cover (!a_normal && !b_normal && !is_zero);
    Zero_C : cover (is_zero && !is_negative);
    NegativeZero_C : cover (is_zero && is_negative);
  end
endmodule
bind multiplier multiplier_cover u_cover (
    .a_normal,
    .b_normal,
    .is_zero    (significand_o == '0),
    .is_negative(sign_o)
);

module lfsr_cover (
    input logic        clk,
    input logic        rst_n,
    input logic        is_seed_zero,
    input logic        step
);
  always_ff @(posedge clk) begin
    ZeroSeedBecomesOne_C : cover (!rst_n && is_seed_zero);
    Steps_C : cover (rst_n && step);
    StandsStill_C : cover (rst_n && !step);
  end
endmodule
bind lfsr lfsr_cover u_cover (
    .clk         (clk_i),
    .rst_n       (rst_ni),
    .is_seed_zero(seed_i == '0),
    .step        (step_i)
);

module stream_buffer_cover (
    input logic clk,
    input logic rst_n,
    input logic valid_i,
    input logic ready_i,
    input logic valid_o,
    input logic ready_o
);
  always_ff @(posedge clk) begin
    if (rst_n) begin
      StalledWhileValid_C : cover (valid_o && !ready_i);
      BackPressure_C : cover (valid_i && !ready_o);
      BothFullAndDrained_C : cover (!ready_o && ready_i);
      BothFullAndKept_C : cover (!ready_o && !ready_i);
      InAndOut_C : cover (valid_i && ready_o && valid_o && ready_i);
      SecondWhileStalled_C : cover (valid_i && ready_o && valid_o && !ready_i);
      RunsEmpty_C : cover (valid_o && ready_i && !valid_i);
    end else begin
      ResetWhileFull_C : cover (valid_o);
    end
  end
endmodule
bind stream_buffer stream_buffer_cover u_cover (
    .clk  (clk_i),
    .rst_n(rst_ni),
    .valid_i,
    .ready_i,
    .valid_o,
    .ready_o
);

// Of the shells: what a stream must have brought them.
module beats_cover #(
    parameter int unsigned Lanes = 1
) (
    input logic             clk,
    input logic             rst_n,
    input logic             valid_i,
    input logic             ready_o,
    input logic [Lanes-1:0] mask_i,
    input logic             last_i,
    input logic             valid_o,
    input logic             ready_i,
    input logic [Lanes-1:0] mask_o,
    input logic             last_o
);
  always_ff @(posedge clk) begin
    if (rst_n) begin
      BackPressureWhileValid_C : cover (valid_i && !ready_o);
      ResultWaits_C : cover (valid_o && !ready_i);
      FullBeat_C : cover (valid_o && ready_i && &mask_o);
      LastBeatPartial_C : cover (valid_o && ready_i && last_o && mask_o != '0 && !(&mask_o));
      LastBeatEmpty_C : cover (valid_o && ready_i && last_o && mask_o == '0);
      EmptyBeatWithin_C : cover (valid_i && ready_o && !last_i && mask_i == '0);
      NextStreamBehindTheLast_C : cover (valid_o && last_o && valid_i && ready_o);
    end
  end
endmodule
bind quantizer beats_cover #(
    .Lanes(Lanes)
) u_cover (
    .clk  (clk_i),
    .rst_n(rst_ni),
    .valid_i,
    .ready_o,
    .mask_i,
    .last_i,
    .valid_o,
    .ready_i,
    .mask_o,
    .last_o
);
bind pruner beats_cover #(
    .Lanes(Lanes)
) u_cover (
    .clk  (clk_i),
    .rst_n(rst_ni),
    .valid_i,
    .ready_o,
    .mask_i,
    .last_i,
    .valid_o,
    .ready_i,
    .mask_o,
    .last_o
);

module compactor_cover #(
    parameter int unsigned Lanes        = 1,
    parameter bit          NegativeZero = 1'b1
) (
    input logic             clk,
    input logic             rst_n,
    input logic             valid_q,
    input logic             last_q,
    input logic [Lanes-1:0] mask_q,
    input logic [Lanes-1:0] is_code,
    input logic [Lanes-1:0] is_negative_zero,
    input logic             moves,
    input logic             bitmap_ready,
    input logic             codes_ready,
    input logic             flushes_q,
    input logic             is_full,
    input logic             fits_exactly,
    input int unsigned      count
);
  always_ff @(posedge clk) begin
    if (rst_n) begin
      CodesLeaveFull_C : cover (moves && is_full && !flushes_q);
      CodesWaitThoughFull_C : cover (moves && fits_exactly);
      AllOfABeatAreCodes_C : cover (moves && is_code == '1);
      NoneOfABeatIsACode_C : cover (moves && is_code == '0 && mask_q != '0);
      EmptyMask_C : cover (moves && mask_q == '0);
      FlushPartial_C : cover (flushes_q && codes_ready && count > 0 && count < Lanes);
      FlushFull_C : cover (flushes_q && codes_ready && count == Lanes);
      FlushEmpty_C : cover (flushes_q && codes_ready && count == 0);
      FlushWaits_C : cover (flushes_q && !codes_ready);
      NextRunBesideTheFlush_C : cover (flushes_q && moves);
      RunOfOneBeatBesideTheFlush_C : cover (flushes_q && moves && last_q);
      WaitsForBitmapAlone_C : cover (valid_q && !bitmap_ready && codes_ready);
      WaitsForCodesAlone_C : cover (valid_q && bitmap_ready && !codes_ready);
      if (NegativeZero) begin
        NegativeZeroDropped_C : cover (moves && (is_negative_zero & ~is_code) != '0);
      end else begin
        SignAloneIsACode_C : cover (moves && (is_negative_zero & is_code) != '0);
      end
    end
  end
endmodule
bind compactor compactor_cover #(
    .Lanes       (Lanes),
    .NegativeZero(NegativeZero)
) u_cover (
    .clk             (clk_i),
    .rst_n           (rst_ni),
    .valid_q,
    .last_q,
    .mask_q,
    .is_code,
    .is_negative_zero(mask_q & Lanes'(data_q[CodeBits-1:0] == {1'b1, {CodeBits - 1{1'b0}}})),  // lane 0
    .moves,
    .bitmap_ready,
    .codes_ready,
    .flushes_q,
    .is_full,
    .fits_exactly    (joined_count == (CountBits + 1)'(Lanes)),
    .count           (32'(count_q))
);

module decompactor_cover (
    input logic        clk,
    input logic        rst_n,
    input logic        valid_q,
    input logic        last_q,
    input logic        codes_valid_q,
    input logic        codes_last_q,
    input logic        moves,
    input logic        takes_codes,
    input logic        buffer_ready,
    input logic        has_ended,
    input int unsigned wanted,
    input int unsigned held,
    input int unsigned arriving,
    input int unsigned there
);
  always_ff @(posedge clk) begin
    if (rst_n) begin
      WaitsForCodes_C : cover (valid_q && !codes_valid_q && !moves);
      WaitsForBits_C : cover (!valid_q && codes_valid_q);
      CodesOfTwoBeatsMeet_C : cover (moves && takes_codes && held != 0 && wanted > held);
      HeldCodesAreEnough_C : cover (moves && !takes_codes && wanted != 0);
      NoBitSet_C : cover (moves && wanted == 0);
      RunWithoutCodes_C : cover (takes_codes && codes_last_q && arriving == 0);
      LastOfBitsTakesLastOfCodes_C : cover (moves && last_q && takes_codes && codes_last_q);
      LastOfCodesCameBefore_C : cover (moves && last_q && !takes_codes && has_ended);
      BitsWithoutACode_C : cover (moves && has_ended && there < wanted);
      CodesWithoutABit_C : cover (moves && last_q && there > wanted);
      StalledByItsOutput_C : cover (valid_q && !buffer_ready);
    end
  end
endmodule
bind decompactor decompactor_cover u_cover (
    .clk     (clk_i),
    .rst_n   (rst_ni),
    .valid_q,
    .last_q,
    .codes_valid_q,
    .codes_last_q,
    .moves,
    .takes_codes,
    .buffer_ready,
    .has_ended,
    .wanted  (32'(wanted)),
    .held    (32'(count_q)),
    .arriving(32'(arriving)),
    .there   (32'(there))
);

module amax_unit_cover (
    input logic               clk,
    input logic               rst_n,
    input logic               valid_i,
    input logic               ready_o,
    input logic               valid_o,
    input logic               ready_i,
    input logic               skips,          // an element that is infinite or NaN
    input logic               is_masked,      // a lane outside the mask holds the largest value
    input logic        [30:0] amax,
    input logic               above_largest,  // amax's significand is above the largest finite value's
    input logic signed [10:0] quotient
);
  always_ff @(posedge clk) begin
    if (rst_n) begin
      BackPressureWhileValid_C : cover (valid_i && !ready_o);
      ResultWaits_C : cover (valid_o && !ready_i);
      NotFinitePassedOver_C : cover (valid_i && ready_o && skips);
      LargestIsOutsideTheMask_C : cover (valid_i && ready_o && is_masked);
      AmaxZero_C : cover (valid_o && amax == '0);
      AmaxSubnormal_C : cover (valid_o && amax != '0 && amax[30:23] == '0);
      AmaxLeastSubnormal_C : cover (valid_o && amax == 31'd1);
      AmaxLargestFinite_C : cover (valid_o && amax == 31'h7f7fffff);
      SignificandAboveTheFormats_C : cover (valid_o && above_largest);
      SignificandWithinTheFormats_C : cover (valid_o && !above_largest && amax != '0);
      ScaleAtItsLargest_C : cover (valid_o && quotient > 11'sd127);
      ScaleAtItsSmallest_C : cover (valid_o && quotient < -11'sd126);
    end
  end
endmodule
bind amax_unit amax_unit_cover u_cover (
    .clk          (clk_i),
    .rst_n        (rst_ni),
    .valid_i,
    .ready_o,
    .valid_o,
    .ready_i,
    .skips        (mask_i[0] && data_i[30:23] == 8'hff),
    .is_masked    (!mask_i[0] && data_i[30:0] > peak_d && data_i[30:23] != 8'hff),
    .amax         (amax_o),
    .above_largest(fraction > MaxFraction),
    .quotient
);

module histogram_bank_cover (
    input logic clk,
    input logic add,
    input logic clear,
    input logic is_empty,
    input logic is_last
);
  always_ff @(posedge clk) begin
    CountsTheFirst_C : cover (add && !clear && is_empty);
    CountsOneMore_C : cover (add && !clear && !is_empty);
    CountsInTheLastBucket_C : cover (add && !clear && is_last);
    ClearsACount_C : cover (clear && !is_empty);
  end
endmodule
bind histogram_bank histogram_bank_cover u_cover (
    .clk     (clk_i),
    .add     (add_i),
    .clear   (clear_i),
    .is_empty(count_o == '0),
    .is_last (32'(index_i) == Buckets - 1)
);

module threshold_histogram_cover #(
    parameter int unsigned Lanes = 1
) (
    input logic             clk,
    input logic             rst_n,
    input logic             valid_i,
    input logic             ready_o,
    input logic             valid_o,
    input logic             ready_i,
    input logic             works,       // a beat is being counted
    input logic [Lanes-1:0] is_counted,  // as an element
    input logic [Lanes-1:0] is_zero,
    input logic [Lanes-1:0] is_below,
    input logic [Lanes-1:0] is_inside,
    input logic             is_scanning,
    input logic             reached,
    input logic             found,
    input logic             is_first,
    input logic             is_last,
    input logic [     30:0] alpha,
    input logic             no_target
);
  always_ff @(posedge clk) begin
    if (rst_n) begin
      BackPressureWhileValid_C : cover (valid_i && !ready_o);
      ResultWaits_C : cover (valid_o && !ready_i);
      ZeroCounted_C : cover (works && is_zero != '0);
      BelowTheBuckets_C : cover (works && is_below != '0);
      AboveTheBuckets_C : cover (works && (is_counted & ~is_zero & ~is_below & ~is_inside) != '0);
      EmptyBeat_C : cover (works && is_counted == '0);
      FoundInTheFirstBucket_C : cover (is_scanning && !found && reached && is_first);
      FoundInTheLastBucket_C : cover (is_scanning && !found && reached && is_last);
      FoundBetween_C : cover (is_scanning && !found && reached && !is_first && !is_last);
      NotFound_C : cover (valid_o && !found && alpha != '0);
      ZerosAreEnough_C : cover (valid_o && alpha == '0 && !no_target);
      NothingWanted_C : cover (valid_o && no_target);
    end
  end
endmodule
bind threshold_histogram threshold_histogram_cover #(
    .Lanes(Lanes)
) u_cover (
    .clk        (clk_i),
    .rst_n      (rst_ni),
    .valid_i,
    .ready_o,
    .valid_o,
    .ready_i,
    .works      (state_q == Count && valid_q),
    .is_counted (mask_q),
    .is_zero,
    .is_below,
    .is_inside,
    .is_scanning(state_q == Scan),
    .reached,
    .found      (found_q),
    .is_first   (scan_q == '0),
    .is_last    (scan_q == IndexBits'(Buckets - 1)),
    .alpha      (alpha_o),
    .no_target  (wanted_q == '0)
);

module threshold_log_cover (
    input logic               clk,
    input logic               rst_n,
    input logic               valid_i,
    input logic               ready_o,
    input logic               valid_o,
    input logic               ready_i,
    input logic               looks,             // in the table
    input logic               works,
    input logic               skips,             // a zero, subnormal, infinity or NaN
    input logic               no_count,
    input logic               no_variance,
    input logic signed [17:0] kept_octaves,
    input logic signed [17:0] variance_octaves,
    input logic signed [17:0] alpha_log
);
  always_ff @(posedge clk) begin
    if (rst_n) begin
      BackPressureWhileValid_C : cover (valid_i && !ready_o);
      ResultWaits_C : cover (valid_o && !ready_i);
      ElementWithoutALogarithm_C : cover (works && skips);
      NoLogarithmAtAll_C : cover (valid_o && no_count);
      NoVariance_C : cover (looks && no_variance && !no_count);
      KeepsTooFewForTheTable_C : cover (looks && kept_octaves > 18'sd1535);
      KeepsAllThatIsNotZero_C : cover (valid_o && kept_octaves <= 0 && !no_count);
      VarianceBelowTheTable_C : cover (looks && variance_octaves < -18'sd1024);
      VarianceAboveTheTable_C : cover (looks && variance_octaves > 18'sd2047);
      WithinTheTable_C :
      cover (looks && kept_octaves > 0 && kept_octaves < 18'sd1535 && variance_octaves > -18'sd1024 &&
             variance_octaves < 18'sd2047);
      ThresholdAboveFp32_C : cover (valid_o && alpha_log >= 18'sd65280 && kept_octaves > 0);
      ThresholdBelowNormals_C : cover (valid_o && alpha_log < 18'sd256 && kept_octaves > 0 && !no_count);
    end
  end
endmodule
bind threshold_log threshold_log_cover u_cover (
    .clk             (clk_i),
    .rst_n           (rst_ni),
    .valid_i,
    .ready_o,
    .valid_o,
    .ready_i,
    .looks           (state_q == Look),
    .works           (state_q == Count && valid_q),
    .skips           (mask_q[0] && !is_counted[0]),
    .no_count        (count_q == '0),
    .no_variance     (wide_q == '0),
    .kept_octaves    (kept_octaves_q),
    .variance_octaves(variance_octaves_q),
    .alpha_log       (alpha_log_q)
);

module front_end_cover (
    input logic clk,
    input logic rst_n,
    input logic valid_i,
    input logic ready_o,
    input logic adapt_i,
    input logic last_i,
    input logic load_i,
    input logic pruner_ready,
    input logic statistics_ready,
    input logic amax_valid,
    input logic threshold_valid,
    input logic updates,
    input logic bitmap_waits,
    input logic codes_wait,
    input logic scale_is_old,    // a beat inside entered with another scale than the one in use
    input logic alpha_is_zero
);
  always_ff @(posedge clk) begin
    if (rst_n) begin
      BackPressureByTheStream_C : cover (valid_i && !pruner_ready && statistics_ready);
      BackPressureByTheStatistics_C : cover (valid_i && pruner_ready && !statistics_ready);
      Adapts_C : cover (updates);
      AmaxWaitsForTheThreshold_C : cover (amax_valid && !threshold_valid);
      StreamPassesBy_C : cover (valid_i && ready_o && last_i && !adapt_i);
      StreamIsCounted_C : cover (valid_i && ready_o && last_i && adapt_i);
      Loads_C : cover (load_i);
      BitmapWaits_C : cover (bitmap_waits);
      CodesWait_C : cover (codes_wait);
      BothWait_C : cover (bitmap_waits && codes_wait);
      OldScaleTravelsWithItsBeat_C : cover (scale_is_old);
      PrunesNothing_C : cover (valid_i && ready_o && alpha_is_zero);
      Prunes_C : cover (valid_i && ready_o && !alpha_is_zero);
    end
  end
endmodule
bind front_end front_end_cover u_cover (
    .clk          (clk_i),
    .rst_n        (rst_ni),
    .valid_i,
    .ready_o,
    .adapt_i,
    .last_i,
    .load_i,
    .pruner_ready,
    .statistics_ready,
    .amax_valid,
    .threshold_valid,
    .updates,
    .bitmap_waits (bitmap_valid_o && !bitmap_ready_i),
    .codes_wait   (codes_valid_o && !codes_ready_i),
    .scale_is_old (scale_valid && scale_pruned != scale_exponent_q),
    .alpha_is_zero(alpha_q == '0)
);
