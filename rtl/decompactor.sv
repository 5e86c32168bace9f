// The inverse of compactor.sv: a beat of bits and a run of packed codes become the beats again, with
// code 0 where the bit is 0 (docs/numerics.md, "Compaction"; models/sparse/packed_codes.hpp).
//
// A beat of bits with its last flag ends a run, and so does a beat of codes. The beat that ends the
// run of bits leaves after the run's last beat of codes has been taken. What a faulty sender makes of
// it is defined: bits without a code give 0, codes without a bit are dropped.
//
// Latency: 2 cycles from the later of a beat's bits and codes. Throughput: one beat a cycle; a run's
// empty last beat of codes takes a cycle of its own if all its bits were 0. The ready outputs depend
// on registers alone.
module decompactor #(
    parameter int unsigned Lanes    = 8,
    parameter int unsigned CodeBits = 8
) (
    input  logic                      clk_i,
    input  logic                      rst_ni,
    input  logic                      bitmap_valid_i,
    output logic                      bitmap_ready_o,
    input  logic [         Lanes-1:0] bitmap_i,        // ignored in lanes outside the mask
    input  logic [         Lanes-1:0] bitmap_mask_i,
    input  logic                      bitmap_last_i,
    input  logic                      codes_valid_i,
    output logic                      codes_ready_o,
    input  logic [Lanes*CodeBits-1:0] codes_i,         // 0 in lanes outside the mask
    input  logic [         Lanes-1:0] codes_mask_i,    // from lane 0 without a gap
    input  logic                      codes_last_i,
    output logic                      valid_o,
    input  logic                      ready_i,
    output logic [Lanes*CodeBits-1:0] data_o,          // 0 in lanes outside the mask
    output logic [         Lanes-1:0] mask_o,
    output logic                      last_o
);

  localparam int unsigned CountBits = $clog2(2 * Lanes + 1);
  localparam int unsigned BeatBits = Lanes * CodeBits;

  // --- The bits and the codes at work.
  logic valid_q, last_q, codes_valid_q, codes_last_q;
  logic [Lanes-1:0] bitmap_q, mask_q, codes_mask_q;
  logic [Lanes*CodeBits-1:0] codes_q;
  logic buffer_ready, moves, takes_codes;

  assign bitmap_ready_o = !valid_q || moves;
  assign codes_ready_o  = !codes_valid_q || takes_codes;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      valid_q       <= 1'b0;
      last_q        <= 1'b0;
      bitmap_q      <= '0;
      mask_q        <= '0;
      codes_valid_q <= 1'b0;
      codes_last_q  <= 1'b0;
      codes_mask_q  <= '0;
      codes_q       <= '0;
    end else begin
      if (bitmap_ready_o) begin
        valid_q  <= bitmap_valid_i;
        last_q   <= bitmap_last_i;
        bitmap_q <= bitmap_i & bitmap_mask_i;
        mask_q   <= bitmap_mask_i;
      end
      if (codes_ready_o) begin
        codes_valid_q <= codes_valid_i;
        codes_last_q  <= codes_last_i;
        codes_mask_q  <= codes_mask_i;
        codes_q       <= codes_i;
      end
    end
  end

  // --- Codes left over from the beats before, fewer than Lanes, and whether the run's last are there.
  logic [Lanes*CodeBits-1:0] held_q, held_d;
  logic [CountBits-1:0] count_q, count_d;
  logic ended_q, ended_d;

  logic [CountBits-1:0] wanted, arriving, there;
  logic [2*BeatBits-1:0] codes;
  logic needs_codes, has_ended;
  logic [BeatBits-1:0] beat, rest;
  always_comb begin
    wanted   = '0;
    arriving = '0;
    for (int unsigned i = 0; i < Lanes; i++) begin
      wanted   = wanted + CountBits'(bitmap_q[i]);
      arriving = arriving + CountBits'(codes_mask_q[i]);
    end
    // More codes are taken while too few are there, and up to the last of the run before it ends.
    needs_codes = !ended_q && (count_q < wanted || last_q);
    takes_codes = valid_q && codes_valid_q && needs_codes && buffer_ready;
    has_ended   = ended_q || (takes_codes && codes_last_q);

    codes = {{Lanes * CodeBits{1'b0}}, held_q};
    there = count_q;
    if (takes_codes) begin
      there = count_q + arriving;
      for (int unsigned count = 0; count < Lanes; count++) begin
        if (count_q == CountBits'(count)) begin
          codes = {{Lanes * CodeBits{1'b0}}, held_q} |
                  ({{Lanes * CodeBits{1'b0}}, codes_q} << (count * CodeBits));
        end
      end
    end
    moves = valid_q && buffer_ready && (has_ended || (there >= wanted && !last_q));
  end

  // The code of a lane is that at the number of bits below it; past the last code there are zeros.
  logic [CountBits-1:0] place;
  always_comb begin
    beat  = '0;
    place = '0;
    for (int unsigned i = 0; i < Lanes; i++) begin
      for (int unsigned k = 0; k <= i; k++) begin
        if (bitmap_q[i] && place == CountBits'(k) && place < there) begin
          beat[i*CodeBits+:CodeBits] = codes[k*CodeBits+:CodeBits];
        end
      end
      place = place + CountBits'(bitmap_q[i]);
    end
    rest = codes[BeatBits-1:0];
    for (int unsigned k = 1; k <= Lanes; k++) begin
      if (moves && wanted == CountBits'(k)) rest = BeatBits'(codes >> (k * CodeBits));
    end

    held_d  = held_q;
    count_d = count_q;
    ended_d = ended_q;
    if (takes_codes || moves) begin
      held_d  = rest;
      count_d = there;
      if (there > CountBits'(Lanes)) count_d = CountBits'(Lanes);  // only of codes without a bit
      ended_d = has_ended;
    end
    if (moves) begin
      count_d = '0;
      if (there > wanted) count_d = there - wanted;
      if (last_q) begin
        held_d  = '0;
        count_d = '0;
        ended_d = 1'b0;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      held_q  <= '0;
      count_q <= '0;
      ended_q <= 1'b0;
    end else begin
      held_q  <= held_d;
      count_q <= count_d;
      ended_q <= ended_d;
    end
  end

  stream_buffer #(
      .Width(Lanes * CodeBits + Lanes + 1)
  ) u_buffer (
      .clk_i,
      .rst_ni,
      .valid_i(moves),
      .ready_o(buffer_ready),
      .data_i ({beat, mask_q, last_q}),
      .valid_o,
      .ready_i,
      .data_o ({data_o, mask_o, last_o})
  );

  if (Lanes < 1 || CodeBits < 2) begin : gen_wrong_parameters
    $error("expected a lane or more, codes of 2 bits or more");
  end

`ifndef SYNTHESIS
  logic past_q = 1'b0;  // a reset has been seen, and the cycle before was outside of it
  always_ff @(posedge clk_i) begin
    past_q <= rst_ni;
    if (past_q && rst_ni) begin
      HoldsLessThanABeat_A :
      assert (count_q < CountBits'(Lanes) || (valid_q && last_q && !ended_q));
      if ($past(valid_o && !ready_i)) begin
        HoldsUntilTaken_A :
        assert (valid_o && $stable(data_o) && $stable(mask_o) && $stable(last_o));
      end
    end
  end
`endif

endmodule
