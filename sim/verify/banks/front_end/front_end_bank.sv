// The front ends of front_end_table.sv in one Verilated model. Each row has a clock and handshakes of
// its own and shares the inputs. A lane's code has 8 bits in every row.
module front_end_bank #(
    parameter int Rows = front_end_table::RowCount
) (
    input  logic        [Rows-1:0] clk_i,
    input  logic                   rst_ni,
    input  logic        [ 255:0]   pruner_seed_i,
    input  logic        [ 255:0]   quantizer_seed_i,
    input  logic        [  15:0]   target_i,
    input  logic                   adapt_i,
    input  logic                   load_i,
    input  logic        [  30:0]   alpha_i,
    input  logic signed [   7:0]   scale_exponent_i,
    output logic        [  30:0]   alpha_o[Rows],
    output logic signed [   7:0]   scale_exponent_o[Rows],
    input  logic                   valid_i,
    output logic                   ready_o[Rows],
    input  logic        [ 255:0]   data_i,
    input  logic        [   7:0]   mask_i,
    input  logic                   last_i,
    output logic                   bitmap_valid_o[Rows],
    input  logic                   bitmap_ready_i,
    output logic        [   7:0]   bitmap_o[Rows],
    output logic        [   7:0]   bitmap_mask_o[Rows],
    output logic                   bitmap_last_o[Rows],
    output logic                   codes_valid_o[Rows],
    input  logic                   codes_ready_i,
    output logic        [  63:0]   codes_o[Rows],
    output logic        [   7:0]   codes_mask_o[Rows],
    output logic                   codes_last_o[Rows],

    // The table, for the program to read back.
    output logic [31:0] row_count_o,
    input  logic [31:0] row_i,
    output logic [39:0] row_o,  // lanes and the row of the quantizer
    output logic [39:0] unit_o,  // the threshold unit and what stands behind it
    output logic [ 7:0] histogram_bits_o
);

  assign row_count_o      = 32'(Rows);
  assign {unit_o, row_o}  = front_end_table::row(int'(row_i));
  assign histogram_bits_o = 8'(front_end_table::HistogramBits);

  for (genvar r = 0; r < Rows; r++) begin : gen_rows
    localparam logic [79:0] Row = front_end_table::row(r);
    localparam int unsigned Lanes = 32'(Row[39:32]);
    localparam int unsigned CodeBits = 32'(Row[31:28]) + 32'(Row[27:24]) + 1;

    logic [Lanes*CodeBits-1:0] codes;
    logic [Lanes-1:0] bitmap, bitmap_mask, codes_mask;
    for (genvar i = 0; i < 8; i++) begin : gen_widen
      if (i < Lanes) begin : gen_lane
        assign codes_o[r][8*i+:8] = 8'(codes[i*CodeBits+:CodeBits]);
      end else begin : gen_none
        assign codes_o[r][8*i+:8] = '0;
      end
    end
    assign bitmap_o[r]      = 8'(bitmap);
    assign bitmap_mask_o[r] = 8'(bitmap_mask);
    assign codes_mask_o[r]  = 8'(codes_mask);

    front_end #(
        .Lanes           (Lanes),
        .ExponentBits    (32'(Row[31:28])),
        .MantissaBits    (32'(Row[27:24])),
        .Bias            (32'(Row[23:16])),
        .NonFinite       (32'(Row[10:8])),
        .Saturate        (1'b1),
        .Rounding        (32'(Row[15:12])),
        .RandomBits      (32'(Row[7:0])),
        .PrunerRandomBits(32'(Row[47:40])),
        .UsesLogs        (Row[79:72] == front_end_table::Logs),
        .HistogramBits   (front_end_table::HistogramBits),
        .FirstField      (32'(Row[71:64])),
        .Binades         (32'(Row[63:56])),
        .CountBits       (32'(Row[55:48]))
    ) u_front_end (
        .clk_i           (clk_i[r]),
        .rst_ni,
        .pruner_seed_i   (pruner_seed_i[32*Lanes-1:0]),
        .quantizer_seed_i(quantizer_seed_i[32*Lanes-1:0]),
        .target_i,
        .adapt_i,
        .load_i,
        .alpha_i,
        .scale_exponent_i,
        .alpha_o         (alpha_o[r]),
        .scale_exponent_o(scale_exponent_o[r]),
        .valid_i,
        .ready_o         (ready_o[r]),
        .data_i          (data_i[32*Lanes-1:0]),
        .mask_i          (mask_i[Lanes-1:0]),
        .last_i,
        .bitmap_valid_o  (bitmap_valid_o[r]),
        .bitmap_ready_i,
        .bitmap_o        (bitmap),
        .bitmap_mask_o   (bitmap_mask),
        .bitmap_last_o   (bitmap_last_o[r]),
        .codes_valid_o   (codes_valid_o[r]),
        .codes_ready_i,
        .codes_o         (codes),
        .codes_mask_o    (codes_mask),
        .codes_last_o    (codes_last_o[r])
    );
  end

endmodule
