// Drops the zeros of a stream of codes: out come one bit an element (1: not zero) and the codes of
// the others, densely packed (docs/numerics.md, "Compaction"; models/sparse/packed_codes.hpp).
//
// A run is the beats up to and with one that is last. For every beat taken, one beat leaves as
// bitmap; a run's codes leave W = Lanes a beat, in the order of the elements, the last of the run's
// beats with what remains (nothing if the run holds no code). So ceil(codes / W) beats, at least 1.
//
// Latency: 2 cycles to the bitmap; a cycle more to codes, once more than Lanes wait or their run ends.
// Throughput: one beat a cycle. ready_o depends on registers alone. The two outputs stall apart; a beat is
// worked on while both have room. So who takes bitmaps must not wait for codes: between this module and a
// decompactor, which waits, a FIFO of bitmaps must hold a run of zeros, or both wait for ever.
module compactor #(
    parameter int unsigned Lanes        = 8,
    parameter int unsigned CodeBits     = 8,    // sign and magnitude; 2 or more
    parameter bit          NegativeZero = 1'b1  // the code of the sign alone is a zero too
) (
    input  logic                      clk_i,
    input  logic                      rst_ni,
    input  logic                      valid_i,
    output logic                      ready_o,
    input  logic [Lanes*CodeBits-1:0] data_i,
    input  logic [         Lanes-1:0] mask_i,
    input  logic                      last_i,
    output logic                      bitmap_valid_o,
    input  logic                      bitmap_ready_i,
    output logic [         Lanes-1:0] bitmap_o,        // 0 in lanes outside the mask
    output logic [         Lanes-1:0] bitmap_mask_o,
    output logic                      bitmap_last_o,
    output logic                      codes_valid_o,
    input  logic                      codes_ready_i,
    output logic [Lanes*CodeBits-1:0] codes_o,         // 0 in lanes outside the mask
    output logic [         Lanes-1:0] codes_mask_o,    // from lane 0 without a gap
    output logic                      codes_last_o
);
  if (Lanes < 1 || CodeBits < 2) $error("expected a lane or more, codes of 2 bits or more");  // first: Verilator fails on what follows
  localparam int unsigned CountBits = $clog2(Lanes + 1);

  // --- The beat at work.
  logic valid_q, last_q, bitmap_ready, codes_ready, moves;
  logic [Lanes*CodeBits-1:0] data_q;
  logic [Lanes-1:0] mask_q;

  assign moves   = valid_q && bitmap_ready && codes_ready;
  assign ready_o = !valid_q || moves;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      valid_q <= 1'b0;
      last_q  <= 1'b0;
      data_q  <= '0;
      mask_q  <= '0;
    end else if (ready_o) begin
      valid_q <= valid_i;
      last_q  <= last_i;
      data_q  <= data_i;
      mask_q  <= mask_i;
    end
  end

  // --- Its codes, moved together: a lane's place is the number of codes in the lanes below.
  logic [Lanes-1:0] is_code;
  logic [Lanes*CodeBits-1:0] packed_codes;
  logic [CountBits-1:0] packed_count;
  always_comb begin
    is_code      = '0;
    packed_codes = '0;
    packed_count = '0;
    for (int unsigned i = 0; i < Lanes; i++) begin
      is_code[i] = mask_q[i] && data_q[i*CodeBits+:CodeBits-1] != '0;
      if (!NegativeZero && mask_q[i] && data_q[i*CodeBits+CodeBits-1]) is_code[i] = 1'b1;
      for (int unsigned place = 0; place <= i; place++) begin
        if (is_code[i] && packed_count == CountBits'(place)) begin
          packed_codes[place*CodeBits+:CodeBits] = data_q[i*CodeBits+:CodeBits];
        end
      end
      packed_count = packed_count + CountBits'(is_code[i]);
    end
  end

  // --- What waits to leave: held_q of one run. With flushes_q it is the run's last beat.
  logic [Lanes*CodeBits-1:0] held_q, held_d;
  logic [CountBits-1:0] count_q, count_d;
  logic flushes_q, flushes_d;
  logic [2*Lanes*CodeBits-1:0] joined;
  logic [CountBits:0] joined_count;
  logic is_full, emits;
  logic [Lanes*CodeBits-1:0] emitted;
  logic [Lanes-1:0] emitted_mask;
  always_comb begin
    // A run that is flushed leaves nothing to the next.
    joined       = '0;
    joined_count = {1'b0, packed_count};
    if (!flushes_q) joined_count = {1'b0, count_q} + {1'b0, packed_count};
    for (int unsigned count = 0; count <= Lanes; count++) begin
      if (count_q == CountBits'(count) && !flushes_q) begin
        joined = {{Lanes * CodeBits{1'b0}}, packed_codes} << (count * CodeBits);
      end
    end
    if (flushes_q) joined[Lanes*CodeBits-1:0] = packed_codes;
    else joined[Lanes*CodeBits-1:0] = joined[Lanes*CodeBits-1:0] | held_q;
    is_full = joined_count > (CountBits + 1)'(Lanes);

    held_d    = held_q;
    count_d   = count_q;
    flushes_d = flushes_q;
    if (flushes_q && codes_ready) begin
      held_d    = '0;
      count_d   = '0;
      flushes_d = 1'b0;
    end
    if (moves) begin
      held_d    = joined[Lanes*CodeBits-1:0];
      count_d   = joined_count[CountBits-1:0];
      flushes_d = last_q;
      if (is_full) begin
        held_d  = joined[2*Lanes*CodeBits-1:Lanes*CodeBits];
        count_d = CountBits'(joined_count - (CountBits + 1)'(Lanes));
      end
    end

    // Never both: after a flush the held codes and the beat's are at most Lanes.
    emits        = flushes_q || (moves && is_full);
    emitted      = joined[Lanes*CodeBits-1:0];
    emitted_mask = '1;
    if (flushes_q) begin
      emitted = held_q;
      for (int unsigned i = 0; i < Lanes; i++) emitted_mask[i] = CountBits'(i) < count_q;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      held_q    <= '0;
      count_q   <= '0;
      flushes_q <= 1'b0;
    end else begin
      held_q    <= held_d;
      count_q   <= count_d;
      flushes_q <= flushes_d;
    end
  end

  stream_buffer #(
      .Width(2 * Lanes + 1)
  ) u_bitmap (
      .clk_i,
      .rst_ni,
      .valid_i(moves),
      .ready_o(bitmap_ready),
      .data_i ({is_code, mask_q, last_q}),
      .valid_o(bitmap_valid_o),
      .ready_i(bitmap_ready_i),
      .data_o ({bitmap_o, bitmap_mask_o, bitmap_last_o})
  );

  stream_buffer #(
      .Width(Lanes * CodeBits + Lanes + 1)
  ) u_codes (
      .clk_i,
      .rst_ni,
      .valid_i(emits),
      .ready_o(codes_ready),
      .data_i ({emitted, emitted_mask, flushes_q}),
      .valid_o(codes_valid_o),
      .ready_i(codes_ready_i),
      .data_o ({codes_o, codes_mask_o, codes_last_o})
  );

`ifndef SYNTHESIS
  logic past_q = 1'b0;  // a reset has been seen, and the cycle before was outside of it
  // Codes that have come in and not left, runs that have ended and not left: none is lost or made.
  logic [15:0] codes_inside_q = '0;
  always_ff @(posedge clk_i) begin
    past_q         <= rst_ni;
    codes_inside_q <= codes_inside_q + (moves ? 16'(packed_count) : '0) -
        (emits && codes_ready ? (flushes_q ? 16'(count_q) : 16'(Lanes)) : '0);
    if (!rst_ni) codes_inside_q <= '0;
    if (past_q && rst_ni) begin
      HoldsWhatHasNotLeft_A :
      assert (codes_inside_q == 16'(count_q));
      HoldsAtMostOneBeat_A :
      assert ({1'b0, count_q} <= (CountBits + 1)'(Lanes));
      if (flushes_q) begin
        NoBeatLeavesBesideAFlush_A :
        assert (!(moves && is_full));
      end
      if ($past(bitmap_valid_o && !bitmap_ready_i)) begin
        BitmapHoldsUntilTaken_A :
        assert (bitmap_valid_o && $stable({bitmap_o, bitmap_mask_o, bitmap_last_o}));
      end
      if ($past(codes_valid_o && !codes_ready_i)) begin
        CodesHoldUntilTaken_A :
        assert (codes_valid_o && $stable({codes_o, codes_mask_o, codes_last_o}));
      end
    end
  end
`endif

endmodule
