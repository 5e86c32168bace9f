// The compactors and decompactors of compaction_table.sv in one Verilated model. Each row has a clock
// and handshakes of its own and shares the inputs. A lane's code has 8 bits in every row.
module compaction_bank #(
    parameter int Rows = compaction_table::RowCount
) (
    input logic [Rows-1:0] clk_i,
    input logic            rst_ni,

    // Compactor: codes in, bitmap and packed codes out.
    input  logic        valid_i,
    output logic        ready_o[Rows],
    input  logic [63:0] data_i,
    input  logic [ 7:0] mask_i,
    input  logic        last_i,
    output logic        bitmap_valid_o[Rows],
    input  logic        bitmap_ready_i,
    output logic [ 7:0] bitmap_o[Rows],
    output logic [ 7:0] bitmap_mask_o[Rows],
    output logic        bitmap_last_o[Rows],
    output logic        codes_valid_o[Rows],
    input  logic        codes_ready_i,
    output logic [63:0] codes_o[Rows],
    output logic [ 7:0] codes_mask_o[Rows],
    output logic        codes_last_o[Rows],

    // Decompactor: bitmap and packed codes in, codes out.
    input  logic        unpack_bitmap_valid_i,
    output logic        unpack_bitmap_ready_o[Rows],
    input  logic [ 7:0] unpack_bitmap_i,
    input  logic [ 7:0] unpack_bitmap_mask_i,
    input  logic        unpack_bitmap_last_i,
    input  logic        unpack_codes_valid_i,
    output logic        unpack_codes_ready_o[Rows],
    input  logic [63:0] unpack_codes_i,
    input  logic [ 7:0] unpack_codes_mask_i,
    input  logic        unpack_codes_last_i,
    output logic        unpacked_valid_o[Rows],
    input  logic        unpacked_ready_i,
    output logic [63:0] unpacked_o[Rows],
    output logic [ 7:0] unpacked_mask_o[Rows],
    output logic        unpacked_last_o[Rows],

    // The table, for the program to read back.
    output logic [31:0] row_count_o,
    input  logic [31:0] row_i,
    output logic [31:0] row_o
);

  assign row_count_o = 32'(Rows);
  assign row_o       = compaction_table::row(int'(row_i));

  for (genvar r = 0; r < Rows; r++) begin : gen_rows
    localparam logic [31:0] Row = compaction_table::row(r);
    localparam int unsigned Lanes = 32'(Row[7:0]);
    localparam int unsigned CodeBits = 32'(Row[31:28]) + 32'(Row[27:24]) + 1;

    logic [Lanes*CodeBits-1:0] data, codes, unpack_codes, unpacked;
    logic [Lanes-1:0] bitmap, bitmap_mask, codes_mask, unpacked_mask;
    for (genvar i = 0; i < 8; i++) begin : gen_narrow
      if (i < Lanes) begin : gen_lane
        assign data[i*CodeBits+:CodeBits]         = data_i[8*i+:CodeBits];
        assign unpack_codes[i*CodeBits+:CodeBits] = unpack_codes_i[8*i+:CodeBits];
        assign codes_o[r][8*i+:8]                 = 8'(codes[i*CodeBits+:CodeBits]);
        assign unpacked_o[r][8*i+:8]              = 8'(unpacked[i*CodeBits+:CodeBits]);
      end else begin : gen_none
        assign codes_o[r][8*i+:8]    = '0;
        assign unpacked_o[r][8*i+:8] = '0;
      end
    end
    assign bitmap_o[r]        = 8'(bitmap);
    assign bitmap_mask_o[r]   = 8'(bitmap_mask);
    assign codes_mask_o[r]    = 8'(codes_mask);
    assign unpacked_mask_o[r] = 8'(unpacked_mask);

    compactor #(
        .Lanes       (Lanes),
        .CodeBits    (CodeBits),
        .NegativeZero(Row[10:8] != quantizer_lane_table::Fnuz)
    ) u_compactor (
        .clk_i         (clk_i[r]),
        .rst_ni,
        .valid_i,
        .ready_o       (ready_o[r]),
        .data_i        (data),
        .mask_i        (mask_i[Lanes-1:0]),
        .last_i,
        .bitmap_valid_o(bitmap_valid_o[r]),
        .bitmap_ready_i,
        .bitmap_o      (bitmap),
        .bitmap_mask_o (bitmap_mask),
        .bitmap_last_o (bitmap_last_o[r]),
        .codes_valid_o (codes_valid_o[r]),
        .codes_ready_i,
        .codes_o       (codes),
        .codes_mask_o  (codes_mask),
        .codes_last_o  (codes_last_o[r])
    );

    decompactor #(
        .Lanes   (Lanes),
        .CodeBits(CodeBits)
    ) u_decompactor (
        .clk_i         (clk_i[r]),
        .rst_ni,
        .bitmap_valid_i(unpack_bitmap_valid_i),
        .bitmap_ready_o(unpack_bitmap_ready_o[r]),
        .bitmap_i      (unpack_bitmap_i[Lanes-1:0]),
        .bitmap_mask_i (unpack_bitmap_mask_i[Lanes-1:0]),
        .bitmap_last_i (unpack_bitmap_last_i),
        .codes_valid_i (unpack_codes_valid_i),
        .codes_ready_o (unpack_codes_ready_o[r]),
        .codes_i       (unpack_codes),
        .codes_mask_i  (unpack_codes_mask_i[Lanes-1:0]),
        .codes_last_i  (unpack_codes_last_i),
        .valid_o       (unpacked_valid_o[r]),
        .ready_i       (unpacked_ready_i),
        .data_o        (unpacked),
        .mask_o        (unpacked_mask),
        .last_o        (unpacked_last_o[r])
    );
  end

endmodule
